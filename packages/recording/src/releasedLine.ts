import type { EventType } from '@plumbline/protocol';
import { CODE_OF, type ParsedLine, parseLine, parseOutput, roundAtMs } from './codec.ts';
import { FormatError } from './formatError.ts';

/**
 * A line as a release shows it: an object that says what it is. Nothing is lost or added, so that the line that was
 * hashed can be made from it again.
 */
export interface ReleasedLine {
  seq: number;
  atMs: number;
  receivedAtMs?: number;
  type: string;
  stream: number;
  /** As in the line, except output: `{ offset, bytes, joined? }`. Bytes are text, or pieces of text and base64. */
  data?: unknown;
  /** The line itself, where it cannot be made again from the rest. */
  line?: string;
}

/** Stands in for a line that is left out: only its hash is released, in the proof. */
export interface WithheldLine {
  seq: number;
  withheld: true;
}

/** A line for a release. Throws `FormatError` for what is not a line. */
export function releaseLine(line: string, baseMs: number, seq: number): ReleasedLine {
  const parsed = parseLine(line, baseMs);
  const released: ReleasedLine = {
    seq,
    atMs: parsed.atMs,
    ...(parsed.receivedAtMs === undefined ? {} : { receivedAtMs: parsed.receivedAtMs }),
    type: parsed.type ?? parsed.code,
    stream: parsed.stream,
    data: namedData(parsed),
  };
  return recordedLine(released, baseMs) === line ? released : { ...released, line };
}

function namedData(parsed: ParsedLine): unknown {
  if (parsed.type !== 'terminal.output') return parsed.data;
  const { joined } = parseOutput(parsed.data);
  const [offset, bytes] = parsed.data as [number, unknown];
  return joined === 0 ? { offset, bytes } : { offset, bytes, joined };
}

/** The line that `releaseLine` was given. */
export function recordedLine(released: ReleasedLine, baseMs: number): string {
  if (typeof released.line === 'string') return released.line;
  const { atMs, type, stream, data, receivedAtMs } = released;
  if (typeof atMs !== 'number' || typeof type !== 'string') throw new FormatError('A released event has no time or no type.');
  const code = CODE_OF[type as EventType] ?? type;
  const lag = receivedAtMs === undefined ? '' : `,${roundAtMs(receivedAtMs - atMs)}`;
  return `[${roundAtMs(atMs - baseMs)},${JSON.stringify(code)},${stream},${JSON.stringify(compactData(type, data))}${lag}]`;
}

function compactData(type: string, data: unknown): unknown {
  if (type !== 'terminal.output') return data;
  const { offset, bytes, joined } = (data ?? {}) as { offset?: unknown; bytes?: unknown; joined?: unknown };
  return joined === undefined ? [offset, bytes] : [offset, bytes, joined];
}
