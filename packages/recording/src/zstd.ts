import { promisify } from 'node:util';
import { constants, type ZstdOptions, zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib';
import { DICTIONARY_TEXT } from './dictionary.ts';
import { FormatError } from './formatError.ts';

/** No unit grows past this: a stored object that claims more was not written by a recorder. */
const DECOMPRESSED_MAX_BYTES = 256 * 1024 * 1024;

/** The first byte of what was compressed with the dictionary. A frame alone, the first form, begins with 0x28. */
const DICTIONARY_FORM = 2;
const DICTIONARY = Buffer.from(DICTIONARY_TEXT, 'utf8');

const compressAsync = promisify(zstdCompress);
const decompressAsync = promisify(zstdDecompress);

/** Output comes in pieces, and what is bigger than this in several. */
const PIECE_MAX_BYTES = 8 * 1024 * 1024;
/** Room that is left over tells Node that nothing more comes: a piece that is filled to its end would be followed by another. */
const ROOM_LEFT_BYTES = 64;

/**
 * The size of the piece that a frame's content comes in: its own, where the frame says it. What is allocated too much for each segment
 * would have V8 collect all its garbage at every other jump of a replay.
 */
function pieceBytes(frame: Uint8Array): number {
  const content = contentBytes(frame) ?? frame.length * 8;
  return Math.max(1024, Math.min(PIECE_MAX_BYTES, content + ROOM_LEFT_BYTES));
}

/** The length of its content that a frame states (RFC 8878, 3.1.1.1); null where it states none. */
export function contentBytes(frame: Uint8Array): number | null {
  const descriptor = frame[4];
  if (descriptor === undefined) return null;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes;
  const length = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  if (length === 0 || frame.length < at + length) return null;
  const stated = Buffer.from(frame.buffer, frame.byteOffset + at, length);
  if (length === 8) return Number(stated.readBigUInt64LE());
  return stated.readUIntLE(0, length) + (length === 2 ? 256 : 0);
}

/** The most that zstd makes of so many bytes, so that its output comes in one piece. */
function compressedMaxBytes(bytes: number): number {
  return bytes + Math.ceil(bytes / 256) + 512;
}

/** For what is kept. */
export const KEPT_LEVEL = 3;

/** What is compressed sooner than another thread would have begun with it: 0.06 ms of 300 bytes, against 0.3 ms by way of a thread. */
const AT_ONCE_MAX_BYTES = 8 * 1024;

/** Compresses a unit, a large one off the main thread. `fast` is for what is kept for seconds only. */
export async function compress(content: Uint8Array, effort: 'fast' | 'kept'): Promise<Buffer> {
  const options: ZstdOptions = {
    chunkSize: compressedMaxBytes(content.length),
    dictionary: DICTIONARY,
    pledgedSrcSize: content.length,
    // With a dictionary zstd takes its parameters from that one's size; this is what the level has for a segment's.
    params: { [constants.ZSTD_c_compressionLevel]: effort === 'fast' ? 1 : KEPT_LEVEL, [constants.ZSTD_c_minMatch]: 5 },
  };
  const frame = content.length <= AT_ONCE_MAX_BYTES ? zstdCompressSync(content, options) : await compressAsync(content, options);
  return Buffer.concat([Buffer.of(DICTIONARY_FORM), frame]);
}

/** Compresses off the main thread what others are to read with nothing but zstd: one frame. */
export function compressFrame(content: Uint8Array): Promise<Buffer> {
  return compressAsync(content, {
    chunkSize: compressedMaxBytes(content.length),
    params: { [constants.ZSTD_c_compressionLevel]: KEPT_LEVEL },
  });
}

/** The reverse of `compress`, and of how units were compressed before there was a dictionary. Throws `FormatError`. */
export function decompress(content: Uint8Array): Promise<Buffer> {
  return content[0] === DICTIONARY_FORM ? open(content.subarray(1), { dictionary: DICTIONARY }) : open(content);
}

/** The reverse of `compressFrame`. Throws `FormatError`. */
export function decompressFrame(frame: Uint8Array): Promise<Buffer> {
  return open(frame);
}

async function open(frame: Uint8Array, options: { dictionary?: Buffer } = {}): Promise<Buffer> {
  const sizes = { chunkSize: pieceBytes(frame), maxOutputLength: DECOMPRESSED_MAX_BYTES };
  try {
    return await decompressAsync(frame, { ...sizes, ...options });
  } catch (error) {
    throw new FormatError('A compressed object does not decompress.', { cause: error });
  }
}
