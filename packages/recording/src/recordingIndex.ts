import { z } from 'zod';

/**
 * Where things are in a recording, so that a replay can seek without reading what lies between: what is kept beside a recording,
 * and what the web app sends to a replay. All times are server time in milliseconds since the epoch.
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

/** What is told of what was done beside typing. */
export const ACTIVITY_KINDS = ['paste', 'copy', 'transfer', 'port', 'network', 'model', 'tool', 'focus'] as const;
export type ActivityKind = (typeof ACTIVITY_KINDS)[number];

const Selection = z.object({ anchor: z.int(), active: z.int() });

/** What the events alone tell: it is kept beside a finished recording. */
export const IndexedEvents = z.object({
  /** Times of the first and the last event; equal to 0 where there is none. */
  fromMs: z.number(),
  toMs: z.number(),
  lastSeq: z.int(),
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
  /**
   * Places from which a terminal's screen can be drawn, keyframes and openings; `untilSeq` is its last event before the next one.
   * Only who reads the recording needs them: a replay is given none.
   */
  screens: z.array(z.object({ terminal: z.int(), seq: z.int(), atMs: z.number(), untilSeq: z.int() })),
  /**
   * Places from which an editor's text can be rebuilt; `untilSeq` is the last event that builds on this one. What was selected is no
   * part of a text: `selectionBefore` is what was when this one came, and `selection` the last until the next one.
   */
  editorBases: z.array(
    z.object({
      tab: z.string(),
      path: z.string(),
      kind: z.enum(['opened', 'text']),
      seq: z.int(),
      atMs: z.number(),
      untilSeq: z.int(),
      selectionBefore: Selection.nullable(),
      selection: Selection.nullable(),
    }),
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
      /** On the published scale, which the events do not know: null until it is asked for. */
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
  /** What the participant had withheld. */
  sealed: z.array(z.object({ fromMs: z.number(), toMs: z.number(), reason: z.string() })),
  markers: z.array(Marker),
  /**
   * What the terminals' shells said that they ran; `endAtMs` is null while it runs, and `exitCode` where it is not known how it ended:
   * its terminal was closed, or its machine was `lost`, and `endAtMs` is only when that was known. Best effort.
   */
  commands: z.array(
    z.object({
      seq: z.int(),
      terminal: z.int(),
      atMs: z.number(),
      endAtMs: z.number().nullable(),
      text: z.string().nullable(),
      directory: z.string(),
      exitCode: z.int().nullable(),
      lost: z.boolean(),
    }),
  ),
  /** `cpus`: processors in use since the sample before; `gpus`: the sum of what each GPU was in use, 1 for one that was wholly. */
  resources: z.array(
    z.object({
      atMs: z.number(),
      cpuMs: z.number().nullable(),
      cpus: z.number().nullable(),
      memoryBytes: z.number().nullable(),
      diskBytes: z.number().nullable(),
      gpus: z.number().nullable(),
      gpuMemoryBytes: z.number().nullable(),
    }),
  ),
  /** What was done beside typing, in words; of each kind the newest `ACTIVITY_KEPT`. `detail`: the beginning of what was pasted. */
  activityRows: z.array(
    z.object({ seq: z.int(), atMs: z.number(), kind: z.enum(ACTIVITY_KINDS), text: z.string(), detail: z.string().nullable() }),
  ),
  /** How many older rows of a kind are not in `activityRows`. */
  activityOmitted: z.partialRecord(z.enum(ACTIVITY_KINDS), z.int()),
  /** What the sandbox was connected to at the last look. */
  peers: z.array(z.string()),
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
  /** So many changes more, by then, that are not in `files`: too many came at once, or they are older than what is kept. */
  filesOmitted: z.array(z.object({ atMs: z.number(), count: z.int() })),
  /**
   * Trees of the workspace; `skipped` counts the paths whose contents are not in it, `skippedMore` says that there may be more, of which
   * an older recording does not tell. Those that are not `whole` cannot
   * be listed and compared: their bundle, or one that it builds on through `base`, was lost.
   */
  snapshots: z.array(
    z.object({
      seq: z.int(),
      atMs: z.number(),
      cause: z.string(),
      commit: z.string(),
      bundle: z.string().nullable(),
      /** The commit that the bundle builds on; null where it stands alone, or there is no bundle. */
      base: z.string().nullable(),
      whole: z.boolean(),
      skipped: z.int(),
      skippedMore: z.boolean(),
    }),
  ),
  /** The incarnation of the runner that was attached last; another one began on an empty folder. Null before the first. */
  runner: z.string().nullable(),
  /** Hashes of blobs that were not stored. */
  lostBlobs: z.array(z.string()),
  /** Count of visible events per stretch of `bucketMs` from `fromMs`; empty stretches are idle time. */
  activity: z.object({ bucketMs: z.number(), counts: z.array(z.int()) }),
});
export type IndexedEvents = z.infer<typeof IndexedEvents>;

/** What a replay is given: the events' index, and what the attempt says beside it. */
export const RecordingIndex = IndexedEvents.extend({
  attemptId: z.string(),
  title: z.string(),
  /** True while the attempt still records: the index covers what was there when it was asked for. */
  live: z.boolean(),
  /** Time limit of the attempt, for drawing the clock. */
  limitMs: z.number(),
  /** Which way is better, for charts; null where scores are hidden from the reader. */
  direction: z.enum(['lower', 'higher']).nullable(),
  /** The raw scores that normalise to 0 and to 1; null without a scale. */
  scoreScale: z.object({ startingScore: z.number(), referenceScore: z.number() }).nullable(),
});
export type RecordingIndex = z.infer<typeof RecordingIndex>;
