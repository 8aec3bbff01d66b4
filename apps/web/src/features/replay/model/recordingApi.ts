import type { RecordedEvent } from '@plumbline/protocol';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import type { ScreenStep, ScreenText } from '@plumbline/screens';

/**
 * The wire between the replay and the web app: routes under `/api/attempts/[id]/recording/`.
 *
 * - `opening?t=` → `OpeningAnswer`: all that the first frame needs, in one answer that the page can ask for before its code is here.
 * - `index` → `RecordingIndex`, JSON. Made where the recording is, see `@plumbline/recording/recordingIndex`.
 * - `events?fromMs=&toMs=` or `?fromSeq=&toSeq=` → one `EventLine` per line (`application/x-ndjson`), ordered by `atMs`,
 *   then `seq`. Both borders belong to the range for `seq`; for times `fromMs <= atMs < toMs`.
 * - `moment?atMs=` → `MomentAnswer`: the terminals and the documents that were open at the time.
 * - `tree?commit=` → `TreeAnswer`: the files of a snapshot.
 * - `diff?from=&to=` → `DiffAnswer`: what changed between two snapshots.
 * - `search?text=&after=` → `SearchAnswer`: lines of terminals' screens that have the text, from where the answer before ended.
 *
 * All times are server time in milliseconds since the epoch. The routes blank what the caller may not see. What is asked is checked by
 * the routes (`features/recording/server/queries.ts`); what they answer is the platform's own and was checked when it was recorded, so that
 * a page needs none of the schemas: they are a quarter of the code that it would have to run before its first frame.
 */

/** An event as a line of JSON: as recorded, with `data.bytes` as `data.utf8` where they are text, otherwise in base64. */
export interface EventLine {
  seq: number;
  type: string;
  stream: number;
  atMs: number;
  receivedAtMs?: number;
  data: Record<string, unknown>;
}

/** A step of a terminal's screen: output as in an `EventLine`, or another size. */
export type StepLine = ({ offset: number } & BytesLine) | { cols: number; rows: number };

/** The screen of a terminal at a time: one from before it, drawn or recorded, and what happened to it since. */
export interface ScreenAnswer {
  terminal: number;
  /** Null where the terminal was not open. */
  base: ScreenText | null;
  /** The screen was begun anew, empty, after output that is missing. */
  begunAnew: boolean;
  tail: StepLine[];
}

export interface MomentAnswer {
  screens: ScreenAnswer[];
  /** In the order in which they were opened. */
  documents: { tab: string; path: string; text: string; version: number; selection: { anchor: number; active: number } | null }[];
}

export interface OpeningAnswer {
  index: RecordingIndex;
  atMs: number;
  moment: MomentAnswer;
}

export interface TreeAnswer {
  files: { path: string; size: number }[];
  truncated: boolean;
}

/** `patch` is a unified diff; cut at its bound where `truncated`. */
export interface DiffAnswer {
  patch: string;
  truncated: boolean;
}

/** In the order in which it came. A page, or nothing yet: `next` is what to ask for with `after` to go on, null once all is searched. */
export interface SearchAnswer {
  /** `onScreen` is false where the line had scrolled out of the screen by then, amid more output than it holds. */
  hits: { terminal: number; atMs: number; line: string; onScreen: boolean }[];
  next: string | null;
  /** How far it is searched. */
  untilMs: number;
}

const BASE64_CHUNK = 0x8000;
const strictly = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function toText(bytes: Uint8Array): string | null {
  try {
    return strictly.decode(bytes);
  } catch {
    return null;
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += BASE64_CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + BASE64_CHUNK));
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** Nearly all of it is text, which is a quarter shorter so, and much less work at both ends. */
type BytesLine = { utf8: string } | { bytes: string };

function toBytesLine(bytes: Uint8Array): BytesLine {
  const utf8 = toText(bytes);
  return utf8 === null ? { bytes: toBase64(bytes) } : { utf8 };
}

const fromBytesLine = (line: BytesLine) => ('utf8' in line ? encoder.encode(line.utf8) : fromBase64(line.bytes));

/** A recorded event as the routes send it. */
export function toEventLine(event: RecordedEvent): EventLine {
  let data: Record<string, unknown> = event.data;
  if (data.bytes instanceof Uint8Array) {
    const { bytes, ...rest } = data;
    data = { ...rest, ...toBytesLine(bytes as Uint8Array) };
  }
  return {
    seq: event.seq,
    type: event.type,
    stream: event.stream,
    atMs: event.atMs,
    ...(event.receivedAtMs === undefined ? {} : { receivedAtMs: event.receivedAtMs }),
    data,
  };
}

/** The reverse of `toEventLine`. A type that this version does not know comes along: whoever draws passes over it. */
export function fromEventLine(line: EventLine): RecordedEvent {
  const { utf8, ...data } = line.data;
  if (typeof utf8 === 'string') data.bytes = fromBytesLine({ utf8 });
  else if (typeof data.bytes === 'string') data.bytes = fromBytesLine({ bytes: data.bytes });
  const { seq, type, stream, atMs, receivedAtMs } = line;
  return { seq, type, stream, atMs, receivedAtMs, data } as RecordedEvent;
}

/** A step as the routes send it. */
export function toStepLine(step: ScreenStep): StepLine {
  if (step.kind === 'resize') return { cols: step.cols, rows: step.rows };
  return { offset: step.offset, ...toBytesLine(step.bytes) };
}

/** The reverse of `toStepLine`. */
export function fromStepLine(line: StepLine): ScreenStep {
  if ('cols' in line) return { kind: 'resize', cols: line.cols, rows: line.rows };
  return { kind: 'output', offset: line.offset, bytes: fromBytesLine(line) };
}
