import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { signText } from '@plumbline/recording';

/** A folder that is being written, with the sums of what was written. */
export class ReleaseFolder {
  readonly root: string;
  private readonly sums = new Map<string, string>();

  constructor(root: string) {
    this.root = root;
  }

  /** Writes a whole file. `path` is relative, with `/`. */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    const file = await this.create(path);
    await file.append(content);
    await file.close();
  }

  /** Begins a file that grows piece by piece. */
  async create(path: string): Promise<ReleaseFile> {
    const place = join(this.root, path);
    await mkdir(dirname(place), { recursive: true });
    return new ReleaseFile(await open(place, 'wx'), (sum) => this.sums.set(path, sum));
  }

  /** Writes `SHA256SUMS` over all files that were closed, in the order of their names, and its signature. */
  async writeSums(signingKey: KeyObject): Promise<void> {
    const sums = this.paths()
      .map((path) => `${this.sums.get(path)}  ${path}\n`)
      .join('');
    await this.write(SUMS_FILE, sums);
    await this.write(SUMS_SIGNATURE_FILE, `${signText(sums, signingKey)}\n`);
  }

  /** Every file that was written, in the order of their names. */
  paths(): string[] {
    return [...this.sums.keys()].sort();
  }
}

export const SUMS_FILE = 'SHA256SUMS';
/** Ed25519 over the bytes of `SHA256SUMS`, in base64. */
export const SUMS_SIGNATURE_FILE = 'SHA256SUMS.sig';
const FLUSH_BYTES = 256 * 1024;

export class ReleaseFile {
  private readonly file: FileHandle;
  private readonly onClosed: (sum: string) => void;
  private readonly hash: Hash = createHash('sha256');
  private pending: Buffer[] = [];
  private pendingBytes = 0;

  constructor(file: FileHandle, onClosed: (sum: string) => void) {
    this.file = file;
    this.onClosed = onClosed;
  }

  async append(content: string | Uint8Array): Promise<void> {
    if (content.length === 0) return;
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
    this.hash.update(bytes);
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    if (this.pendingBytes >= FLUSH_BYTES) await this.flush();
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.file.close();
    }
    this.onClosed(this.hash.digest('hex'));
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    await this.file.appendFile(bytes);
  }
}
