import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * The runner's own copy of what the gateway has not yet made durable: numbered entries from 1 without gaps, in files
 * that are deleted as they are acknowledged. Entries are handed to the operating system before anything acts on them,
 * so that killing the runner loses none; a power cut of the host may lose the last ones.
 *
 * A file is a run of records: length u32, CRC-32 u32 of the rest, kind u8, number f64, body. Its first record is a
 * state: what the owner folded out of all entries before, so that deleting files forgets nothing.
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

  /** Opens the journal in `dir`, cutting off a record that a crash left half written. Throws what the file system throws. */
  constructor(options: JournalOptions<S>) {
    this.#options = options;
    this.#fileMaxBytes = options.fileMaxBytes ?? FILE_MAX_BYTES;
    this.#state = options.initialState;
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    this.#load();
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

  /** Appends one entry, whose body may depend on its number, and returns it. Throws when the disk is full. */
  append(kind: JournalEntry['kind'], encode: (n: number) => string | Uint8Array): JournalEntry {
    const n = this.#lastN + 1;
    const encoded = encode(n);
    const body = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    const entry: JournalEntry = { n, kind, body };
    if (this.#fileBytes > this.#fileMaxBytes) this.#startFile();
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
    while (this.#files.length > 1) {
      const [oldest, next] = this.#files;
      if (oldest === undefined || next === undefined || next.firstN > upTo + 1) break;
      rmSync(oldest.path, { force: true });
      this.#files.shift();
    }
  }

  /** The entries above `n`, oldest first. Those at or below the acknowledged mark are gone. */
  *entriesAfter(n: number): Generator<JournalEntry> {
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined && entry.n > n) yield entry;
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

  #write(kind: number, n: number, body: Buffer): void {
    const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + body.length);
    record.writeUInt32BE(RECORD_HEADER_BYTES + body.length, 0);
    record.writeUInt8(kind, 8);
    record.writeDoubleBE(n, 9);
    body.copy(record, RECORD_HEADER_BYTES);
    record.writeUInt32BE(crc32(record.subarray(8)), 4);
    let written = 0;
    try {
      while (written < record.length) written += writeSync(this.#fd, record, written);
    } catch (error) {
      // A half-written record would hide all later ones from the next load.
      ftruncateSync(this.#fd, this.#fileBytes);
      throw error;
    }
    this.#fileBytes += record.length;
  }

  #startFile(): void {
    const firstN = this.#lastN + 1;
    const path = join(this.#options.dir, `${String(firstN).padStart(16, '0')}.journal`);
    const fd = openSync(path, 'a', 0o600);
    ftruncateSync(fd, 0);
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = fd;
    this.#fileBytes = 0;
    this.#write(KINDS.state, firstN, Buffer.from(JSON.stringify(this.#state)));
    if (this.#files.at(-1)?.path !== path) this.#files.push({ path, firstN });
  }

  #load(): void {
    const names = readdirSync(this.#options.dir).filter((name) => FILE_NAME.test(name));
    names.sort();
    for (const [index, name] of names.entries()) {
      const path = join(this.#options.dir, name);
      const firstN = Number(FILE_NAME.exec(name)?.[1]);
      const validBytes = this.#loadFile(path, firstN, index === 0);
      if (validBytes === 0) {
        // Nothing but the beginning of a state: the crash came while the file was started, and no entry followed.
        rmSync(path, { force: true });
        break;
      }
      this.#files.push({ path, firstN });
    }
    const last = this.#files.at(-1);
    if (last === undefined) {
      this.#startFile();
      return;
    }
    this.#fd = openSync(last.path, 'a', 0o600);
    this.#fileBytes = fstatSync(this.#fd).size;
  }

  /** Reads one file and returns how many of its bytes are whole records, after cutting off the rest. */
  #loadFile(path: string, firstN: number, isFirst: boolean): number {
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
        if (isFirst) {
          this.#state = JSON.parse(body.toString()) as S;
          this.#lastN = firstN - 1;
          this.#ackedN = firstN - 1;
        }
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
    return at;
  }
}
