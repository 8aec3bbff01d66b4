import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { FormatError } from './formatError.ts';

/** No unit grows past this: a stored object that claims more was not written by a recorder. */
const DECOMPRESSED_MAX_BYTES = 256 * 1024 * 1024;

const compressAsync = promisify(zstdCompress);
const decompressAsync = promisify(zstdDecompress);

/** Compresses off the main thread. `fast` is for what is kept for seconds only. */
export function compress(content: Uint8Array, effort: 'fast' | 'kept'): Promise<Buffer> {
  return compressAsync(content, { params: { [constants.ZSTD_c_compressionLevel]: effort === 'fast' ? 1 : 3 } });
}

/** The reverse of `compress`. Throws `FormatError`. */
export async function decompress(content: Uint8Array): Promise<Buffer> {
  try {
    return await decompressAsync(content, { maxOutputLength: DECOMPRESSED_MAX_BYTES });
  } catch (error) {
    throw new FormatError('A compressed object does not decompress.', { cause: error });
  }
}
