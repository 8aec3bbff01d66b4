import { EVENTS, type EventType, type RecordedEvent } from '@plumbline/protocol';
import { z } from 'zod';

/**
 * The wire between the replay and the web app: three routes under `/api/attempts/[id]/recording/`.
 *
 * - `index` → `RecordingIndex`, JSON. Built by `buildRecordingIndex` (recordingIndex.ts) in one pass over the events.
 * - `events?fromMs=&toMs=` or `?fromSeq=&toSeq=` → one `EventLine` per line (`application/x-ndjson`), ordered by `atMs`,
 *   then `seq`. Both borders belong to the range for `seq`; for times `fromMs <= atMs < toMs`.
 * - `moment?atMs=` → `MomentAnswer`: the terminals and the documents that were open at the time.
 * - `tree?commit=` → `TreeAnswer`: the files of a snapshot.
 * - `diff?from=&to=` → `DiffAnswer`: what changed between two snapshots.
 * - `search?text=` → `SearchAnswer`: lines of terminals' output that have the text.
 *
 * All times are server time in milliseconds since the epoch. The routes blank what the caller may not see.
 */

const MARKER_KINDS = [
  'start',
  'end',
  'score',
  'note',
  'pause',
  'resume',
  'clock',
  'snapshot',
  'submission',
  'setup',
  'message',
  'paste',
  'terminal',
  'gap',
] as const;
export type MarkerKind = (typeof MARKER_KINDS)[number];

export const Marker = z.object({ seq: z.int(), atMs: z.number(), kind: z.enum(MARKER_KINDS), label: z.string() });
export type Marker = z.infer<typeof Marker>;

export const RecordingIndex = z.object({
  attemptId: z.string(),
  title: z.string(),
  /** Times of the first and the last event; equal to 0 where there is none. */
  fromMs: z.number(),
  toMs: z.number(),
  lastSeq: z.int(),
  /** True while the attempt still records: the index covers what was there when it was asked for. */
  live: z.boolean(),
  /** Time limit of the attempt, for drawing the clock. */
  limitMs: z.number(),
  /** Which way is better, for charts; null where scores are hidden from the reader. */
  direction: z.enum(['lower', 'higher']).nullable(),
  segments: z.array(z.object({ firstSeq: z.int(), lastSeq: z.int(), fromMs: z.number(), toMs: z.number() })),
  terminals: z.array(
    z.object({
      terminal: z.int(),
      name: z.string(),
      openedAtMs: z.number(),
      closedAtMs: z.number().nullable(),
      cols: z.int(),
      rows: z.int(),
    }),
  ),
  keyframes: z.array(z.object({ terminal: z.int(), seq: z.int(), atMs: z.number() })),
  /** Places from which an editor's text can be rebuilt; `untilSeq` is the last event that builds on this one. */
  editorBases: z.array(
    z.object({ tab: z.string(), path: z.string(), kind: z.enum(['opened', 'text']), seq: z.int(), atMs: z.number(), untilSeq: z.int() }),
  ),
  editorClosed: z.array(z.object({ tab: z.string(), path: z.string(), seq: z.int(), atMs: z.number() })),
  /** Which document was touched last, from when on. */
  editorActive: z.array(z.object({ atMs: z.number(), tab: z.string(), path: z.string() })),
  scores: z.array(
    z.object({
      seq: z.int(),
      atMs: z.number(),
      scoreId: z.string(),
      n: z.int(),
      trigger: z.string(),
      elapsedMs: z.number(),
      status: z.string(),
      score: z.number().nullable(),
      normalised: z.number().nullable(),
      message: z.unknown(),
    }),
  ),
  notes: z.array(
    z.object({ seq: z.int(), atMs: z.number(), n: z.int(), text: z.string(), elapsedMs: z.number(), kind: z.enum(['note', 'ai_use']) }),
  ),
  messages: z.array(z.object({ seq: z.int(), atMs: z.number(), from: z.string(), text: z.string() })),
  /** The clock's events as recorded: enough for `elapsedMs` of the core at any moment. */
  clock: z.array(z.object({ seq: z.int(), atMs: z.number(), n: z.int(), event: z.record(z.string(), z.unknown()) })),
  pauses: z.array(z.object({ fromMs: z.number(), toMs: z.number().nullable(), reason: z.string() })),
  markers: z.array(Marker),
  /** What the terminals' shells said that they ran; `endAtMs` is null while it runs. Best effort. */
  commands: z.array(
    z.object({
      seq: z.int(),
      terminal: z.int(),
      atMs: z.number(),
      endAtMs: z.number().nullable(),
      text: z.string().nullable(),
      directory: z.string(),
      exitCode: z.int().nullable(),
    }),
  ),
  /** `cpus`: processors in use since the sample before. */
  resources: z.array(
    z.object({ atMs: z.number(), cpuMs: z.number().nullable(), cpus: z.number().nullable(), memoryBytes: z.number().nullable() }),
  ),
  /** Whether some page of the participant was visible and had the focus, from when on. */
  focus: z.array(z.object({ atMs: z.number(), tab: z.string(), here: z.boolean() })),
  /** What changed on disk, as told one by one; the newest `FILES_KEPT` of them. */
  files: z.array(
    z.object({
      seq: z.int(),
      atMs: z.number(),
      op: z.enum(['saved', 'created', 'changed', 'deleted', 'renamed']),
      path: z.string(),
      to: z.string().nullable(),
      size: z.number().nullable(),
    }),
  ),
  /** Trees of the workspace that can be listed and compared. */
  snapshots: z.array(z.object({ seq: z.int(), atMs: z.number(), cause: z.string(), commit: z.string(), bundle: z.string().nullable() })),
  /** Count of visible events per stretch of `bucketMs` from `fromMs`; empty stretches are idle time. */
  activity: z.object({ bucketMs: z.number(), counts: z.array(z.int()) }),
});
export type RecordingIndex = z.infer<typeof RecordingIndex>;

/** An event as a line of JSON: as recorded, with `data.bytes` in base64. */
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
  const data: Record<string, unknown> = { ...event.data };
  if (data.bytes instanceof Uint8Array) data.bytes = toBase64(data.bytes);
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
  const data: Record<string, unknown> = { ...line.data };
  if (typeof data.bytes === 'string') data.bytes = fromBase64(data.bytes);
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
