import { isUtf8 } from 'node:buffer';

/**
 * Bytes as JSON without loss. Valid UTF-8 is a plain string; anything else is an array of pieces that alternate between
 * text (even places) and base64 (odd places), so that only what is truly invalid is hidden from a search.
 */
export type BytesText = string | string[];

/** Past this many invalid stretches the bytes are no text, and one base64 piece is both shorter and faster. */
const MOST_PIECES = 33;

/** Bytes as text, or as pieces where they are not valid UTF-8. The reverse of `textToBytes`, exactly. */
export function bytesToText(bytes: Uint8Array): BytesText {
  const buffer = asBuffer(bytes);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  const pieces: string[] = [];
  let textStart = 0;
  let at = 0;
  while (at < buffer.length) {
    const length = sequenceLength(buffer, at);
    if (length > 0) {
      at += length;
      continue;
    }
    const invalidStart = at;
    while (at < buffer.length && sequenceLength(buffer, at) === 0) at++;
    pieces.push(buffer.toString('utf8', textStart, invalidStart), buffer.toString('base64', invalidStart, at));
    textStart = at;
    if (pieces.length >= MOST_PIECES) return ['', buffer.toString('base64')];
  }
  if (textStart < buffer.length) pieces.push(buffer.toString('utf8', textStart));
  return pieces;
}

/** The bytes that `bytesToText` was given. Throws `TypeError` for anything that is not such a value. */
export function textToBytes(text: unknown): Buffer {
  if (typeof text === 'string') return Buffer.from(text, 'utf8');
  if (!Array.isArray(text)) throw new TypeError('Bytes are a string or an array of pieces.');
  return Buffer.concat(
    text.map((piece, i) => {
      if (typeof piece !== 'string') throw new TypeError('A piece of bytes is a string.');
      return Buffer.from(piece, i % 2 === 0 ? 'utf8' : 'base64');
    }),
  );
}

/**
 * How many bytes at the end begin a character that is not complete: 0 to 3. Zero where the end is complete, or where
 * no continuation could make it valid.
 */
export function incompleteTailLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    return expectedLength(byte) > back && startsValid(bytes, bytes.length - back, back) ? back : 0;
  }
  return 0;
}

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = expectedLength(first);
  if (length === 0 || at + length > bytes.length) return 0;
  return startsValid(bytes, at, length) ? length : 0;
}

/** Length that a lead byte announces, or 0 for a byte that leads nothing. */
function expectedLength(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

/** Whether `have` bytes from `at` are a valid beginning (RFC 3629, table in section 4) of one sequence. */
function startsValid(bytes: Uint8Array, at: number, have: number): boolean {
  const first = bytes[at] as number;
  if (have > 1) {
    const second = bytes[at + 1] as number;
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const greatest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > greatest) return false;
  }
  for (let i = 2; i < have; i++) {
    const byte = bytes[at + i] as number;
    if (byte < 0x80 || byte > 0xbf) return false;
  }
  return true;
}
