import { EVENTS, type EventType, type RecordedEvent } from '@plumbline/protocol';
import { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { z } from 'zod';

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
 * - `search?text=` → `SearchAnswer`: lines of terminals' output that have the text.
 *
 * All times are server time in milliseconds since the epoch. The routes blank what the caller may not see.
 */

/** An event as a line of JSON: as recorded, with `data.bytes` as `data.utf8` where they are text, otherwise in base64. */
export const EventLine = z.object({
  seq: z.int(),
  type: z.string(),
  stream: z.int(),
  atMs: z.number(),
  receivedAtMs: z.number().optional(),
  data: z.record(z.string(), z.unknown()),
});
export type EventLine = z.infer<typeof EventLine>;

/** The last keyframe of a terminal at or before a time, and what followed it. */
export const ScreenAnswer = z.object({
  terminal: z.int(),
  /** Null where the terminal had no keyframe yet: then the events start with its `terminal.opened`. */
  keyframe: z.object({ seq: z.int(), atMs: z.number(), cols: z.int(), rows: z.int(), offset: z.number(), screen: z.string() }).nullable(),
  /** `terminal.*` events of this terminal after the keyframe with `atMs` at or before the time asked for, in order. */
  events: z.array(EventLine),
});
export type ScreenAnswer = z.infer<typeof ScreenAnswer>;

export const MomentQuery = z.object({ atMs: z.coerce.number() });
export const MomentAnswer = z.object({
  screens: z.array(ScreenAnswer),
  /** In the order in which they were opened. */
  documents: z.array(
    z.object({
      tab: z.string(),
      path: z.string(),
      text: z.string(),
      version: z.int(),
      selection: z.object({ anchor: z.int(), active: z.int() }).nullable(),
    }),
  ),
});
export type MomentAnswer = z.infer<typeof MomentAnswer>;

/** `t`: milliseconds from the beginning of the recording; without it, a running attempt's end, or where the work began. */
export const OpeningQuery = z.object({ t: z.coerce.number().optional() });
export const OpeningAnswer = z.object({ index: RecordingIndex, atMs: z.number(), moment: MomentAnswer });
export type OpeningAnswer = z.infer<typeof OpeningAnswer>;

/** Where a replay begins that was asked for `t`. */
export function openingMs(index: RecordingIndex, t: number | undefined): number {
  // Provisioning comes before the clock's start, and hours may lie between: who asks for no moment wants the work.
  const workFromMs = index.clock.find(({ event }) => event.kind === 'started')?.atMs ?? index.fromMs;
  const wantedMs = t !== undefined ? index.fromMs + t : index.live ? index.toMs : workFromMs;
  return Math.min(index.toMs, Math.max(index.fromMs, wantedMs));
}

const Commit = z.string().regex(/^[0-9a-f]{40}$/);

export const TreeQuery = z.object({ commit: Commit });
export const TreeAnswer = z.object({ files: z.array(z.object({ path: z.string(), size: z.number() })), truncated: z.boolean() });
export type TreeAnswer = z.infer<typeof TreeAnswer>;

export const DiffQuery = z.object({ from: Commit, to: Commit });
/** `patch` is a unified diff; cut at its bound where `truncated`. */
export const DiffAnswer = z.object({ patch: z.string(), truncated: z.boolean() });
export type DiffAnswer = z.infer<typeof DiffAnswer>;

export const SearchQuery = z.object({ text: z.string().min(1).max(200) });
export const SearchAnswer = z.object({
  hits: z.array(z.object({ terminal: z.int(), atMs: z.number(), line: z.string() })),
  truncated: z.boolean(),
});
export type SearchAnswer = z.infer<typeof SearchAnswer>;

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

/** A recorded event as the routes send it. */
export function toEventLine(event: RecordedEvent): EventLine {
  let data: Record<string, unknown> = event.data;
  if (data.bytes instanceof Uint8Array) {
    const { bytes, ...rest } = data;
    // Nearly all of it is text, which is a quarter shorter so, and much less work at both ends.
    const utf8 = toText(bytes as Uint8Array);
    data = utf8 === null ? { ...rest, bytes: toBase64(bytes as Uint8Array) } : { ...rest, utf8 };
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

/** The reverse of `toEventLine`; null for a type or a shape that this version does not know, which a replay passes over. */
export function fromEventLine(line: EventLine): RecordedEvent | null {
  if (!(line.type in EVENTS)) return null;
  const { utf8, ...data } = line.data;
  if (typeof utf8 === 'string') data.bytes = encoder.encode(utf8);
  else if (typeof data.bytes === 'string') data.bytes = fromBase64(data.bytes);
  const parsed = EVENTS[line.type as EventType].schema.safeParse(data);
  if (!parsed.success) return null;
  return {
    seq: line.seq,
    type: line.type,
    stream: line.stream,
    atMs: line.atMs,
    receivedAtMs: line.receivedAtMs,
    data: parsed.data,
  } as RecordedEvent;
}
