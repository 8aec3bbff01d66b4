import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { FormatError } from './formatError.ts';

/** No unit grows past this: a stored object that claims more was not written by a recorder. */
const DECOMPRESSED_MAX_BYTES = 256 * 1024 * 1024;

const compressAsync = promisify(zstdCompress);
const decompressAsync = promisify(zstdDecompress);

/** Output comes in pieces of this size. Node's own 16 KiB would make a segment a hundred turns of the event loop. */
function decompressChunkBytes(compressedBytes: number): number {
  return Math.min(256 * 1024, Math.max(4 * 1024, compressedBytes * 4));
}

/** The most that zstd makes of so many bytes, so that its output comes in one piece. */
function compressedMaxBytes(bytes: number): number {
  return bytes + Math.ceil(bytes / 256) + 512;
}

/** For what is kept. */
export const KEPT_LEVEL = 3;

/** Compresses off the main thread. `fast` is for what is kept for seconds only. */
export function compress(content: Uint8Array, effort: 'fast' | 'kept'): Promise<Buffer> {
  return compressAsync(content, {
    chunkSize: compressedMaxBytes(content.length),
    params: { [constants.ZSTD_c_compressionLevel]: effort === 'fast' ? 1 : KEPT_LEVEL },
  });
}

/** The reverse of `compress`. Throws `FormatError`. */
export async function decompress(content: Uint8Array): Promise<Buffer> {
  try {
    return await decompressAsync(content, { chunkSize: decompressChunkBytes(content.length), maxOutputLength: DECOMPRESSED_MAX_BYTES });
  } catch (error) {
    throw new FormatError('A compressed object does not decompress.', { cause: error });
  }
}
