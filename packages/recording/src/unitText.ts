import { FormatError } from './formatError.ts';

/** A unit (a batch or a segment) is text: a header line of JSON, then its lines, parted by newlines. */

const NEWLINE = 10;

export interface Unit {
  header: Record<string, unknown>;
  /** The exact text of the header line: a segment's root covers it. */
  headerText: string;
  /** The lines, parted by newlines, none at the end. */
  body: Buffer;
}

/** Takes a decompressed unit apart. Throws `FormatError` where it is not `format`. */
export function readUnit(content: Buffer, format: string): Unit {
  const end = content.indexOf(NEWLINE);
  if (end === -1) throw new FormatError('A unit has no lines.');
  const headerText = content.toString('utf8', 0, end);
  let header: unknown;
  try {
    header = JSON.parse(headerText);
  } catch (error) {
    throw new FormatError('The header of a unit is not JSON.', { cause: error });
  }
  if (typeof header !== 'object' || header === null || (header as { format?: unknown }).format !== format) {
    throw new FormatError(`The header of a unit does not say ${format}.`);
  }
  return { header: header as Record<string, unknown>, headerText, body: content.subarray(end + 1) };
}

/** Cuts a unit's body into lines, without copying. */
export function splitLines(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (;;) {
    const end = body.indexOf(NEWLINE, start);
    if (end === -1) break;
    lines.push(body.subarray(start, end));
    start = end + 1;
  }
  lines.push(body.subarray(start));
  return lines;
}

/** A whole number from a header. Throws `FormatError`. */
export function headerNumber(header: Record<string, unknown>, name: string): number {
  const value = header[name];
  if (!Number.isSafeInteger(value)) throw new FormatError(`The header of a unit has no ${name}.`);
  return value as number;
}
