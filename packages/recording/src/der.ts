import { FormatError } from './formatError.ts';

/** The few parts of ASN.1's distinguished encoding (X.690) that a time-stamp is made of. */

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  objectId: 0x06,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a member that is told from others by its number alone. */
export const numbered = (n: number): number => 0xa0 | n;

export interface DerValue {
  tag: number;
  contents: Buffer;
  /** With tag and length. */
  encoded: Buffer;
}

function valueAt(bytes: Buffer, offset: number): DerValue {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  // Four bytes of length are more than anybody sends.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84)
    throw new FormatError('It is not in the distinguished encoding.');
  const lengthBytes = first > 0x80 ? first - 0x80 : 0;
  const begin = offset + 2 + lengthBytes;
  if (begin > bytes.length) throw new FormatError('It ends too early.');
  const end = begin + (lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes));
  if (end > bytes.length) throw new FormatError('It ends too early.');
  return { tag, contents: bytes.subarray(begin, end), encoded: bytes.subarray(offset, end) };
}

function valuesIn(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const value = valueAt(bytes, offset);
    values.push(value);
    offset += value.encoded.length;
  }
  return values;
}

/** The one value that these bytes are. Throws `FormatError` for more, less or anything else. */
export function readDer(bytes: Uint8Array): DerValue {
  const [value, more] = valuesIn(Buffer.from(bytes));
  if (value === undefined || more !== undefined) throw new FormatError('It is not one value.');
  return value;
}

/** What a value has inside. Throws `FormatError` where it is of another kind than `tag`. */
export function membersOf(value: DerValue | undefined, tag: number = DER.sequence): DerValue[] {
  return valuesIn(contentsOf(value, tag));
}

/** The bytes of a value. Throws `FormatError` where it is missing or of another kind than `tag`. */
export function contentsOf(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new FormatError('It has another shape.');
  return value.contents;
}

/** A value of the given contents, one after the other. */
export function writeDer(tag: number, ...contents: Uint8Array[]): Buffer<ArrayBuffer> {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const short = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, body]);
}

/** `1.2.840.113549` of the bytes of an object identifier. */
export function objectIdText(contents: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of contents) {
    number = number * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    if (numbers.length === 0) numbers.push(Math.min(2, Math.floor(number / 40)), number - 40 * Math.min(2, Math.floor(number / 40)));
    else numbers.push(number);
    number = 0;
  }
  return numbers.join('.');
}

/** The object identifier that is written `1.2.840.113549`. */
export function writeObjectId(text: string): Buffer {
  const [first = 0, second = 0, ...others] = text.split('.').map(Number);
  return writeDer(DER.objectId, Buffer.from([first * 40 + second, ...others].flatMap(sevenBits)));
}

function sevenBits(number: number): number[] {
  const bytes = [number & 0x7f];
  for (let rest = number >> 7; rest > 0; rest >>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}
