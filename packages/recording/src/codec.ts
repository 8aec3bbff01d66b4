import type { EventInput, EventType, RecordedEvent } from '@plumbline/protocol';
import { asBuffer, bytesToText, incompleteTailLength, textToBytes } from './bytesText.ts';
import { FormatError } from './formatError.ts';
import { isWithheld } from './withheld.ts';

/**
 * Events to lines and back. A line is one JSON array `[dt, code, stream, data]`, with a fifth item where the event
 * arrived over a second away from when it happened. `docs/recording-format.md` is the specification.
 */

export const FORMAT = 'plumbline-recording/1';

/** The code of each event type. A code is never reused and never changes its meaning. */
export const CODE_OF: Readonly<Record<EventType, string>> = {
  'terminal.opened': 'to',
  'terminal.output': 'o',
  'terminal.input': 'i',
  'terminal.resized': 'r',
  'terminal.renamed': 'tn',
  'terminal.keyframe': 'k',
  'terminal.closed': 'tc',
  'editor.opened': 'eo',
  'editor.changed': 'e',
  'editor.text': 'et',
  'editor.selection': 'es',
  'editor.closed': 'ec',
  'editor.saved': 'ew',
  'file.changed': 'f',
  'file.transferred': 'ft',
  'port.opened': 'po',
  'snapshot.taken': 'sn',
  'submission.captured': 'sub',
  'clipboard.paste': 'cp',
  'clipboard.copy': 'cc',
  'focus.page': 'fp',
  'focus.panel': 'fl',
  'score.requested': 'sr',
  'score.finished': 'sf',
  'score.details': 'sd',
  'clock.event': 'c',
  'note.written': 'n',
  'message.sent': 'm',
  'connection.attached': 'na',
  'connection.detached': 'nd',
  'connection.resumed': 'nr',
  'connection.latency': 'nl',
  'connection.gap': 'ng',
  'resource.sample': 'rs',
  'command.started': 'cs',
  'command.finished': 'cf',
  'file.omitted': 'fo',
  'network.sample': 'ns',
  'model.call': 'mc',
  'ai_use.noted': 'an',
  'issue.reported': 'ir',
  'setup.applied': 'sa',
  'recording.sealed': 'sl',
  'blob.lost': 'bl',
  'agent.asked': 'aa',
  'agent.called': 'ac',
  'agent.returned': 'ar',
};

export const TYPE_OF: ReadonlyMap<string, EventType> = new Map(Object.entries(CODE_OF).map(([type, code]) => [code, type as EventType]));

/** An event further from its arrival than this carries both times. */
const LAG_WORTH_KEEPING_MS = 1000;

/** A time as the log keeps it: whole microseconds, so that a time relative to a base gives the same time back. */
export function roundAtMs(atMs: number): number {
  return Math.round(atMs * 1000) / 1000;
}

/** An event ready for a batch: everything that does not depend on its neighbours is encoded already. */
export interface PreparedEvent {
  event: EventInput;
  receivedAtMs: number | null;
  /** The encoded data, or null for terminal output, whose cut depends on what follows. */
  dataText: string | null;
  /** About how many bytes the line will have. */
  size: number;
}

/** Takes an event in: rounds its time, notes a late arrival, encodes its data. The event's bytes are kept, not copied. */
export function prepareEvent(event: EventInput, receivedAtMs: number): PreparedEvent {
  const atMs = roundAtMs(event.atMs);
  const late = Math.abs(receivedAtMs - atMs) > LAG_WORTH_KEEPING_MS;
  const dataText = event.type === 'terminal.output' ? null : JSON.stringify(plainData(event));
  return {
    event: event.atMs === atMs ? event : { ...event, atMs },
    receivedAtMs: late ? roundAtMs(receivedAtMs) : null,
    dataText,
    size: 24 + (event.type === 'terminal.output' ? event.data.bytes.length : (dataText as string).length),
  };
}

function plainData(event: EventInput): unknown {
  if (event.type !== 'terminal.input' || event.data.bytes === undefined) return event.data;
  return { ...event.data, bytes: bytesToText(event.data.bytes) };
}

/**
 * The lines of one unit (a batch), in order. A character that output splits between two events of the unit is written
 * whole in the later one, which then says how many of its first bytes belong to the earlier.
 */
export function encodeUnit(events: readonly PreparedEvent[], baseMs: number): string[] {
  const carried = new Map<number, Buffer>();
  return events.map((prepared, i) => {
    const { event, receivedAtMs, dataText } = prepared;
    const dt = roundAtMs(event.atMs - baseMs);
    const data = dataText ?? encodeOutput(event as OutputEvent, carried, () => nextOutput(events, i));
    const lag = receivedAtMs === null ? '' : `,${roundAtMs(receivedAtMs - event.atMs)}`;
    return `[${dt},"${CODE_OF[event.type]}",${event.stream},${data}${lag}]`;
  });
}

type OutputEvent = Extract<EventInput, { type: 'terminal.output' }>;

function nextOutput(events: readonly PreparedEvent[], after: number): OutputEvent | null {
  const stream = (events[after] as PreparedEvent).event.stream;
  for (let i = after + 1; i < events.length; i++) {
    const { event } = events[i] as PreparedEvent;
    if (event.type === 'terminal.output' && event.stream === stream) return event;
  }
  return null;
}

function encodeOutput(event: OutputEvent, carried: Map<number, Buffer>, next: () => OutputEvent | null): string {
  const before = carried.get(event.stream);
  const own = asBuffer(event.data.bytes);
  const joined = before?.length ?? 0;
  const bytes = before === undefined ? own : Buffer.concat([before, own]);
  carried.delete(event.stream);
  let end = bytes.length;
  const tail = incompleteTailLength(bytes);
  // Bytes are handed on once only: what was joined here must stay here.
  if (tail > 0 && end - tail >= joined) {
    const follower = next();
    if (follower !== null && follower.data.offset === event.data.offset + own.length) {
      end -= tail;
      carried.set(event.stream, bytes.subarray(end));
    }
  }
  const text = JSON.stringify(bytesToText(bytes.subarray(0, end)));
  return joined === 0 ? `[${event.data.offset},${text}]` : `[${event.data.offset - joined},${text},${joined}]`;
}

/** A line taken apart, with its bytes still as they stand in it. */
export interface ParsedLine {
  atMs: number;
  /** Null for a code that this version does not know. */
  type: EventType | null;
  code: string;
  stream: number;
  data: unknown;
  receivedAtMs?: number;
}

/** Takes a line apart. Throws `FormatError` for what is not a line. */
export function parseLine(line: string, baseMs: number): ParsedLine {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (error) {
    throw new FormatError('A line is not JSON.', { cause: error });
  }
  if (!Array.isArray(fields) || fields.length < 4 || fields.length > 5)
    throw new FormatError('A line is not an array of four or five items.');
  const [dt, code, stream, data, lag] = fields as unknown[];
  if (typeof dt !== 'number' || typeof code !== 'string' || typeof stream !== 'number' || (lag !== undefined && typeof lag !== 'number')) {
    throw new FormatError('A line has an item of the wrong kind.');
  }
  const atMs = roundAtMs(baseMs + dt);
  const parsed: ParsedLine = { atMs, type: TYPE_OF.get(code) ?? null, code, stream, data };
  if (lag !== undefined) parsed.receivedAtMs = roundAtMs(atMs + lag);
  return parsed;
}

/** Where a line stands: what its head tells without the rest being taken apart. */
export interface LinePlace {
  seq: number;
  atMs: number;
  type: EventType;
  stream: number;
}

/**
 * The events of a unit's lines (a batch, or a segment, which is made of whole batches), exactly as they were taken; with
 * `wanted`, those of them that it lets through, and the others are not taken apart. Lines that are withheld or whose code is
 * unknown are left out; they keep their place in `seq`. Throws `FormatError`.
 */
export function decodeUnit(
  lines: readonly Buffer[],
  baseMs: number,
  firstSeq: number,
  wanted: (place: LinePlace) => boolean = () => true,
): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  const lastOutput = new Map<number, OutputEvent | 'passed over'>();
  for (const [i, line] of lines.entries()) {
    if (isWithheld(line)) {
      // It may have been the output that a later line's joined bytes belong to.
      lastOutput.clear();
      continue;
    }
    const { dt, code, stream } = lineHead(line);
    const type = TYPE_OF.get(code);
    if (type === undefined) {
      // A later version's; what is no line at all is told.
      parseLine(line.toString('utf8'), baseMs);
      continue;
    }
    const seq = firstSeq + i;
    const isWanted = wanted({ seq, atMs: roundAtMs(baseMs + dt), type, stream });
    // One that is not wanted may hold the last bytes of one that is.
    if (isWanted || (type === 'terminal.output' && typeof lastOutput.get(stream) === 'object')) {
      const event = toEvent(line, baseMs, seq, lastOutput);
      if (isWanted) events.push(event);
    }
    if (!isWanted && type === 'terminal.output') lastOutput.set(stream, 'passed over');
  }
  return events;
}

const COMMA = 44;
const QUOTE = 34;

/** The head of a line, `[dt,"code",stream,`: taking the whole of each apart would cost more than all the rest. Throws `FormatError`. */
export function lineHead(line: Buffer): { dt: number; code: string; stream: number } {
  const comma = line.indexOf(COMMA);
  const dt = Number(line.toString('latin1', 1, comma));
  if (comma === -1 || !Number.isFinite(dt)) throw new FormatError('A line does not begin with its time.');
  const quote = line.indexOf(QUOTE, comma + 2);
  return {
    dt,
    code: line.toString('latin1', comma + 2, quote),
    stream: Number(line.toString('latin1', quote + 2, line.indexOf(COMMA, quote + 2))),
  };
}

function toEvent(line: Buffer, baseMs: number, seq: number, lastOutput: Map<number, OutputEvent | 'passed over'>): RecordedEvent {
  const parsed = parseLine(line.toString('utf8'), baseMs);
  const { atMs, stream, receivedAtMs } = parsed;
  const type = parsed.type as EventType;
  const place = receivedAtMs === undefined ? { seq, stream, atMs } : { seq, stream, atMs, receivedAtMs };
  if (type !== 'terminal.output') return { ...place, type, data: revivedData(type, parsed.data) } as RecordedEvent;
  const { offset, bytes, joined } = parseOutput(parsed.data);
  const previous = lastOutput.get(stream);
  if (joined > 0 && typeof previous === 'object') previous.data.bytes = Buffer.concat([previous.data.bytes, bytes.subarray(0, joined)]);
  // Without the earlier event (its line was withheld) the joined bytes stay here: the stream is still whole.
  const own = previous === undefined ? 0 : joined;
  const event = { ...place, type, data: { offset: offset + own, bytes: bytes.subarray(own) } } satisfies RecordedEvent;
  lastOutput.set(stream, event);
  return event;
}

function revivedData(type: EventType, data: unknown): unknown {
  if (typeof data !== 'object' || data === null) throw new FormatError(`The data of a ${type} line is no object.`);
  if (type !== 'terminal.input' || !('bytes' in data)) return data;
  return { ...data, bytes: bytesOf(data.bytes) };
}

/** The data of an output line: where its first byte stands in the terminal's output, its bytes, and how many are the previous event's. */
export function parseOutput(data: unknown): { offset: number; bytes: Buffer; joined: number } {
  if (!Array.isArray(data) || data.length < 2 || data.length > 3)
    throw new FormatError('The data of an output line is not an array of two or three items.');
  const [offset, text, joined = 0] = data as unknown[];
  if (typeof offset !== 'number' || typeof joined !== 'number') throw new FormatError('An output line has an item of the wrong kind.');
  const bytes = bytesOf(text);
  if (joined < 0 || joined > bytes.length) throw new FormatError('An output line joins more bytes than it has.');
  return { offset, bytes, joined };
}

function bytesOf(text: unknown): Buffer {
  try {
    return textToBytes(text);
  } catch (error) {
    throw new FormatError('A line has bytes that are neither text nor pieces.', { cause: error });
  }
}
