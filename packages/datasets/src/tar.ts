import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A POSIX ustar archive of a folder's files, the same bytes for the same files: names in the given order, no owner, one
 * date. Enough for what an export writes; it takes no links, and no name over 100 bytes.
 */

const BLOCK_BYTES = 512;
/** The largest size that a ustar header's eleven octal digits can say. */
const FILE_MAX_BYTES = 8 ** 11 - 1;

export async function* tarOf(root: string, paths: readonly string[], prefix: string): AsyncGenerator<Buffer> {
  for (const path of paths) {
    const place = join(root, path);
    const { size } = await stat(place);
    yield tarHeader(`${prefix}/${path}`, size);
    for await (const piece of createReadStream(place)) yield piece as Buffer;
    const over = size % BLOCK_BYTES;
    if (over > 0) yield Buffer.alloc(BLOCK_BYTES - over);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function tarHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100 || size > FILE_MAX_BYTES) throw new RangeError(`${name} does not fit into a ustar archive.`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) => header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  header.write(name, 0, 'utf8');
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  // The sum is taken with its own field as spaces.
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
