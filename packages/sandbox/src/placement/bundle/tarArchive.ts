import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { createGzip } from 'node:zlib';

/**
 * Archives whose bytes depend on nothing but names, modes and contents: no times, no owners, entries in the order of their
 * names. What is sent to another host is named by such an archive's hash.
 */

export type ArchiveEntry =
  | { readonly path: string; readonly kind: 'file'; readonly source: string; readonly executable: boolean }
  | { readonly path: string; readonly kind: 'text'; readonly text: string }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const BLOCK_BYTES = 512;
/** What a ustar header holds of a name, a link's target, and a size in octal digits. */
const NAME_MAX_BYTES = 100;
const SIZE_MAX = 8 ** 11 - 1;
/** Most of a bundle is one program: more effort costs seconds and saves a tenth. */
const GZIP_LEVEL = 1;

/**
 * A file up to this is read at once, and without a promise: most of a bundle's thousands are small, and a stream for each, or the wait for
 * another thread, takes several times as long as its bytes.
 */
const CHUNK_BYTES = 1 << 20;
/** A few milliseconds' worth, after which this process does what else it has to. */
const FILES_IN_A_TURN = 32;

const TYPE = { file: '0', link: '2', extended: 'x' } as const;

function header(name: string, type: string, mode: number, bytes: number, target: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) => block.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  block.write(name, 0, NAME_MAX_BYTES, 'utf8');
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(0, 136, 11);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target, 157, NAME_MAX_BYTES, 'utf8');
  block.write('ustar\x0000', 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  return block;
}

const padding = (bytes: number) => Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);

/** One record of an extended header: its length in bytes, itself included, then name and value. */
function extendedRecord(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length) length = String(length).length + Buffer.byteLength(rest);
  return `${length}${rest}`;
}

function* entryHeaders(path: string, type: string, mode: number, bytes: number, target: string): Generator<Buffer> {
  const fits = (text: string) => Buffer.byteLength(text) <= NAME_MAX_BYTES && /^[\x20-\x7e]*$/.test(text);
  const extended = [
    ...(fits(path) ? [] : [extendedRecord('path', path)]),
    ...(fits(target) ? [] : [extendedRecord('linkpath', target)]),
    ...(bytes <= SIZE_MAX ? [] : [extendedRecord('size', String(bytes))]),
  ].join('');
  if (extended !== '') {
    const body = Buffer.from(extended);
    yield header('extended', TYPE.extended, 0o644, body.length, '');
    yield body;
    yield padding(body.length);
  }
  const short = (text: string) => (fits(text) ? text : 'long');
  yield header(short(path), type, mode, bytes <= SIZE_MAX ? bytes : 0, target === '' ? '' : short(target));
}

async function* contentOf(path: string, bytes: number): AsyncGenerator<Buffer> {
  if (bytes <= CHUNK_BYTES) yield readFileSync(path);
  else yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
}

async function* tarBytes(entries: readonly ArchiveEntry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (entry.kind === 'link') {
      yield* entryHeaders(entry.path, TYPE.link, 0o777, 0, entry.target);
    } else if (entry.kind === 'text') {
      const body = Buffer.from(entry.text);
      yield* entryHeaders(entry.path, TYPE.file, 0o644, body.length, '');
      yield body;
      yield padding(body.length);
    } else {
      const { size } = statSync(entry.source);
      yield* entryHeaders(entry.path, TYPE.file, entry.executable ? 0o755 : 0o644, size, '');
      let read = 0;
      for await (const chunk of contentOf(entry.source, size)) {
        read += chunk.length;
        yield chunk;
      }
      if (read !== size) throw new Error(`${entry.source} changed while it was read`);
      yield padding(size);
    }
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

const byPath = (a: ArchiveEntry, b: ArchiveEntry) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** Writes the entries as a gzipped tar file. Resolves with the SHA-256 of its bytes, in hexadecimal, and how many there are. */
export async function writeArchive(entries: readonly ArchiveEntry[], path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    Readable.from(tarBytes([...entries].sort(byPath))),
    createGzip({ level: GZIP_LEVEL }),
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600 }),
  );
  return { sha256: hash.digest('hex'), bytes };
}

/** SHA-256 over every entry's name, kind and contents: the same for the same files, whoever packed them with whatever. */
export async function entriesHash(entries: readonly ArchiveEntry[]): Promise<string> {
  const whole = createHash('sha256');
  for (const [at, entry] of [...entries].sort(byPath).entries()) {
    const kind = entry.kind === 'file' && entry.executable ? 'executable' : entry.kind;
    const content = entry.kind === 'file' ? await fileHash(entry.source) : entry.kind === 'text' ? entry.text : entry.target;
    whole.update(`${JSON.stringify([entry.path, kind, content])}\n`);
    if (at % FILES_IN_A_TURN === 0) await othersTurn();
  }
  return whole.digest('hex');
}

/** SHA-256 of a file's bytes, in hexadecimal. */
async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of contentOf(path, statSync(path).size)) hash.update(chunk);
  return hash.digest('hex');
}

/** Everything below a folder that `take` accepts, with `prefix` before each path. Devices, pipes and sockets are left out. */
export async function folderEntries(dir: string, prefix: string, take: (path: string) => boolean = () => true): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  const visit = async (folder: string, at: string): Promise<void> => {
    await othersTurn();
    for (const name of readdirSync(folder).sort()) {
      const source = join(folder, name);
      const path = at === '' ? name : `${at}/${name}`;
      if (!take(path)) continue;
      const entry = lstatSync(source);
      const full = prefix === '' ? path : `${prefix}/${path}`;
      if (entry.isSymbolicLink()) entries.push({ path: full, kind: 'link', target: readlinkSync(source) });
      else if (entry.isDirectory()) await visit(source, path);
      else if (entry.isFile()) entries.push({ path: full, kind: 'file', source, executable: (entry.mode & 0o111) !== 0 });
    }
  };
  await visit(dir, '');
  return entries;
}
