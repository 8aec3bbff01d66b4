import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolderSync } from '@plumbline/storage';

/**
 * The runner's own copy of what the gateway has not yet made durable: numbered entries from 1 without gaps, in files
 * that are deleted as they are acknowledged. Entries are handed to the operating system before anything acts on them,
 * so that killing the runner loses none; a power cut of the host may lose those since the last `sync`.
 *
 * A file is a run of records: length u32, CRC-32 u32 of the rest, kind u8, number f64, body. Its first record is a
 * state: what the owner folded out of all entries before, so that deleting files forgets nothing. A file is on the disk
 * before the next one is begun, and the next one's state before any file is deleted.
 */

const RECORD_HEADER_BYTES = 17;
/** Small enough that little stands on disk beyond what is not acknowledged, large enough that files change seldom. */
const FILE_MAX_BYTES = 4 * 1024 * 1024;
const FILE_NAME = /^(\d{16})\.journal$/;

const KINDS = { state: 0, text: 1, binary: 2 } as const;

/** One entry as it goes on the wire: `text` is a JSON message, `binary` a terminal frame. Both carry `n` themselves. */
export interface JournalEntry {
  readonly n: number;
  readonly kind: 'text' | 'binary';
  readonly body: Buffer;
}

export interface JournalOptions<S> {
  readonly dir: string;
  readonly initialState: S;
  /** Folds an entry into the state. Must not throw on an entry that this version does not know. */
  readonly fold: (state: S, entry: JournalEntry) => S;
  readonly fileMaxBytes?: number;
}

interface JournalFile {
  readonly path: string;
  readonly firstN: number;
}

export class Journal<S> {
  readonly #options: JournalOptions<S>;
  readonly #fileMaxBytes: number;
  #files: JournalFile[] = [];
  #fd = -1;
  #fileBytes = 0;
  /** Entries above `#ackedN`, oldest first from `#head`. */
  #entries: JournalEntry[] = [];
  #head = 0;
  #lastN = 0;
  #ackedN = 0;
  #state: S;
  #unacknowledgedBytes = 0;
  /** What came back from an earlier life, until the recording has been compared with it. */
  #loaded: { readonly lastN: number; readonly state: S } | null;

  /** Opens the journal in `dir`, cutting off a record that a crash left half written. Throws what the file system throws. */
  constructor(options: JournalOptions<S>) {
    this.#options = options;
    this.#fileMaxBytes = options.fileMaxBytes ?? FILE_MAX_BYTES;
    this.#state = options.initialState;
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    this.#load();
    this.#loaded = { lastN: this.#lastN, state: this.#state };
  }

  /** The oldest number still held; one more than `lastN` when everything is acknowledged. */
  get firstN(): number {
    return this.#ackedN + 1;
  }

  get lastN(): number {
    return this.#lastN;
  }

  get state(): S {
    return this.#state;
  }

  /** Bytes of the entries that are not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }

  /**
   * Appends one entry, whose body may depend on its number, and returns it. Throws what the file system throws, a full disk
   * above all: then nothing was appended, and the same may be tried again.
   */
  append(kind: JournalEntry['kind'], encode: (n: number) => string | Uint8Array): JournalEntry {
    const n = this.#lastN + 1;
    const encoded = encode(n);
    const body = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    const entry: JournalEntry = { n, kind, body };
    if (this.#fileBytes > this.#fileMaxBytes) this.#startFile(n, this.#state);
    this.#write(KINDS[kind], n, body);
    this.#take(entry);
    return entry;
  }

  /** Everything up to `n` is durable elsewhere and may be forgotten. A lower or unknown number changes nothing. */
  acknowledge(n: number): void {
    const upTo = Math.min(n, this.#lastN);
    if (!(upTo > this.#ackedN)) return;
    this.#ackedN = upTo;
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.n > upTo) break;
      this.#unacknowledgedBytes -= entry.body.length;
      this.#head += 1;
    }
    // Compacted only once half is stale, so that acknowledging stays cheap per entry.
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.#deleteFiles();
  }

  /**
   * What was appended so far leaves the disk as soon as it is acknowledged, rather than when its file is full. Throws what the file
   * system throws; then all is as before.
   */
  turn(): void {
    if (this.#files.at(-1)?.firstN !== this.#lastN + 1) this.#startFile(this.#lastN + 1, this.#state);
    this.#deleteFiles();
  }

  #deleteFiles(): void {
    while (this.#files.length > 1) {
      const [oldest, next] = this.#files;
      if (oldest === undefined || next === undefined || next.firstN > this.#ackedN + 1) break;
      rmSync(oldest.path, { force: true });
      this.#files.shift();
    }
  }

  /**
   * To be called before anything of this life is sent. The recording has entries up to `ackedN`; where the host's end took the
   * last of them from here, numbers go on behind them. Answers the entries that were appended since then, to be appended again:
   * under the numbers that they had they would be taken for those that were lost. Null where nothing is lost.
   */
  continueAfter(ackedN: number): JournalEntry[] | null {
    const loaded = this.#loaded;
    if (loaded === null || ackedN <= loaded.lastN) {
      this.#loaded = null;
      return null;
    }
    const since = [...this.entriesAfter(loaded.lastN)];
    const superseded = [...this.#files];
    this.#startFile(ackedN + 1, loaded.state);
    this.#loaded = null;
    this.#forget(ackedN, loaded.state);
    this.#files = this.#files.slice(-1);
    for (const { path } of superseded) if (path !== this.#files[0]?.path) rmSync(path, { force: true });
    return since;
  }

  /** The entries above `n`, oldest first. Those at or below the acknowledged mark are gone. */
  *entriesAfter(n: number): Generator<JournalEntry> {
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined && entry.n > n) yield entry;
    }
  }

  /** Has on the disk what was appended so far. Beside everything else, since a disk may take its time. */
  async sync(): Promise<void> {
    const path = this.#files.at(-1)?.path;
    if (path === undefined) return;
    const file = await open(path, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  close(): void {
    if (this.#fd === -1) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #take(entry: JournalEntry): void {
    this.#lastN = entry.n;
    this.#entries.push(entry);
    this.#unacknowledgedBytes += entry.body.length;
    this.#state = this.#options.fold(this.#state, entry);
  }

  /** Everything up to `n` stands elsewhere, and `state` is what it folds to. */
  #forget(n: number, state: S): void {
    this.#lastN = n;
    this.#ackedN = n;
    this.#state = state;
    this.#entries = [];
    this.#head = 0;
    this.#unacknowledgedBytes = 0;
  }

  #write(kind: number, n: number, body: Buffer): void {
    const record = recordOf(kind, n, body);
    try {
      writeWhole(this.#fd, record);
    } catch (error) {
      // A half-written record would hide all later ones from the next load.
      ftruncateSync(this.#fd, this.#fileBytes);
      throw error;
    }
    this.#fileBytes += record.length;
  }

  /** Begins a file whose first entry will be `firstN`. Where that fails, everything is as before. */
  #startFile(firstN: number, state: S): void {
    const { dir } = this.#options;
    const path = join(dir, `${String(firstN).padStart(16, '0')}.journal`);
    if (this.#fd !== -1) fsyncSync(this.#fd);
    const record = recordOf(KINDS.state, firstN, Buffer.from(JSON.stringify(state)));
    const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
    // Under another name until its state is on the disk: a file without one is none.
    let name = `${path}.new`;
    const fd = openSync(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
    try {
      writeWhole(fd, record);
      fsyncSync(fd);
      renameSync(name, path);
      name = path;
      syncFolderSync(dir);
    } catch (error) {
      closeSync(fd);
      rmSync(name, { force: true });
      throw error;
    }
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = fd;
    this.#fileBytes = record.length;
    if (this.#files.at(-1)?.path !== path) this.#files.push({ path, firstN });
  }

  #load(): void {
    const { dir, initialState } = this.#options;
    const names = readdirSync(dir).filter((name) => FILE_NAME.test(name));
    names.sort();
    for (const name of names) {
      const path = join(dir, name);
      const firstN = Number(FILE_NAME.exec(name)?.[1]);
      // One that has no state says nothing that could be placed. What it had is missing from what is told to the gateway.
      if (this.#loadFile(path, firstN)) this.#files.push({ path, firstN });
      else rmSync(path, { force: true });
    }
    const last = this.#files.at(-1);
    if (last === undefined) {
      this.#startFile(1, initialState);
      syncFolderSync(dirname(dir));
      return;
    }
    this.#fd = openSync(last.path, 'a', 0o600);
    this.#fileBytes = fstatSync(this.#fd).size;
  }

  /** Reads one file, and cuts off what is no whole record. False where not even its state is one. */
  #loadFile(path: string, firstN: number): boolean {
    const data = readFileSync(path);
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= data.length) {
      const length = data.readUInt32BE(at);
      if (length < RECORD_HEADER_BYTES || at + length > data.length) break;
      const record = data.subarray(at, at + length);
      if (crc32(record.subarray(8)) !== record.readUInt32BE(4)) break;
      const kind = record.readUInt8(8);
      const n = record.readDoubleBE(9);
      const body = record.subarray(RECORD_HEADER_BYTES);
      if (at === 0) {
        if (kind !== KINDS.state || n !== firstN) break;
        if (this.#files.length === 0 || firstN !== this.#lastN + 1) this.#beginAt(firstN, JSON.parse(body.toString()) as S);
      } else {
        if (n !== this.#lastN + 1) break;
        this.#take({ n, kind: kind === KINDS.text ? 'text' : 'binary', body });
      }
      at += length;
    }
    if (at < data.length) {
      const fd = openSync(path, 'r+');
      ftruncateSync(fd, at);
      closeSync(fd);
    }
    return at > 0;
  }

  /** A file that does not go on where the one before it ends: numbers go on from it, and what stands before is given up. */
  #beginAt(firstN: number, state: S): void {
    for (const { path } of this.#files.splice(0)) rmSync(path, { force: true });
    this.#forget(firstN - 1, state);
  }
}

function recordOf(kind: number, n: number, body: Buffer): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + body.length);
  record.writeUInt32BE(RECORD_HEADER_BYTES + body.length, 0);
  record.writeUInt8(kind, 8);
  record.writeDoubleBE(n, 9);
  body.copy(record, RECORD_HEADER_BYTES);
  record.writeUInt32BE(crc32(record.subarray(8)), 4);
  return record;
}

function writeWhole(fd: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}
