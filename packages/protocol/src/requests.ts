import { PAUSE_REASONS } from '@plumbline/core';
import { z } from 'zod';
import { LANGUAGE_REQUESTS } from './languageRequests.ts';
import { FILE_PART_MAX_BYTES, PORTS_LISTED_MAX, SEAL_MINUTES_MAX, SEAL_REASON_MAX, UPLOAD_MAX_BYTES } from './limits.ts';

/**
 * What a browser, or the `task` command through the runner, may ask of a live attempt. One request, one reply.
 * The same acts and rules for both; `SANDBOX_REQUESTS` are answered by the runner, the others by the gateway.
 */

const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((p) => !p.includes('\0'), 'a path may not contain NUL');
const empty = z.object({}).strict();

export const DirectoryEntry = z.object({
  name: z.string(),
  kind: z.enum(['file', 'directory', 'symlink', 'other']),
  size: z.number(),
  modifiedMs: z.number(),
});
export type DirectoryEntry = z.infer<typeof DirectoryEntry>;

/** A part of a file, as base64. */
const part = z.base64().max(Math.ceil(FILE_PART_MAX_BYTES / 3) * 4);
const FilePart = z.object({ data: z.string(), size: z.number() });
/** When a file was last written before it was read, by the sandbox's clock. A runner that is older than its gateway does not say. */
const modifiedMs = z.number().optional();
const hexName = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

export const SearchQuery = z.object({
  query: z.string().min(1).max(1000),
  regex: z.boolean(),
  caseSensitive: z.boolean(),
  wholeWord: z.boolean(),
  /** Patterns parted by commas: one without a slash is about names, one with a slash about paths. */
  include: z.string().max(1000),
  exclude: z.string().max(1000),
});
export type SearchQuery = z.infer<typeof SearchQuery>;

/** Lines and columns from 1, columns and lengths in UTF-16 units; `from` and `to` are the match's place in `text`. */
const SearchMatch = z.object({ line: z.int(), column: z.int(), length: z.int(), text: z.string(), from: z.int(), to: z.int() });
export const SearchResult = z.object({
  files: z.array(z.object({ path: z.string(), matches: z.array(SearchMatch) })),
  matches: z.int(),
  searched: z.int(),
  /** There may be more: the search ended at a limit of time or number. */
  truncated: z.boolean(),
});
export type SearchResult = z.infer<typeof SearchResult>;

/** Paths are relative to the workspace, with `/`; the empty string is written `.`. */
export const FILE_REQUESTS = {
  /**
   * `stamp` is what an earlier listing came with: where it still holds, `unchanged` is true and no entries are sent. Of more than
   * LISTED_AT_ONCE entries the first come, and `rest` to ask with for the next ones, until an answer is without it.
   */
  'file.list': {
    args: z.object({ path, stamp: z.string().max(100).optional(), rest: z.string().max(100).optional() }),
    result: z.object({
      entries: z.array(DirectoryEntry),
      truncated: z.boolean(),
      stamp: z.string(),
      unchanged: z.boolean(),
      rest: z.string().optional(),
    }),
  },
  'file.read': {
    args: z.object({ path }),
    result: z.object({
      /** Null for a binary file. */
      text: z.string().nullable(),
      hash: z.string(),
      size: z.number(),
      modifiedMs,
      /** True where only the first EDITOR_FILE_MAX_BYTES are given; such a file is read-only. */
      partial: z.boolean(),
    }),
  },
  /** `baseHash` is the hash of what the editor started from: `null` for a new file. Another one on disk gives `conflict`. */
  'file.write': {
    args: z.object({ tab: z.string(), path, text: z.string(), baseHash: z.string().nullable() }),
    result: z.object({ hash: z.string(), size: z.number() }),
  },
  'file.create': { args: z.object({ path, kind: z.enum(['file', 'directory']) }), result: empty },
  'file.rename': { args: z.object({ path, to: path }), result: empty },
  /** With `keep` what is deleted can be brought back by `file.undelete`; `too_large` where there is too much of it to be kept. */
  'file.delete': { args: z.object({ path, keep: z.boolean().optional() }), result: z.object({ undo: z.string().nullable() }) },
  'file.undelete': { args: z.object({ undo: z.uuid() }), result: empty },
  /** A part of a file's bytes, for images, downloads and what is too large to be opened. */
  'file.range': {
    args: z.object({ path, offset: z.int().min(0), length: z.int().min(1).max(FILE_PART_MAX_BYTES) }),
    result: FilePart.extend({ modifiedMs }),
  },
  /** `tab` leaves a download in the recording: a file, or a folder as a tar archive whose parts `archive.range` gives. */
  'file.download': {
    args: z.object({ tab: z.uuid(), path }),
    result: z.object({ archive: z.uuid().nullable(), size: z.number(), skipped: z.int() }),
  },
  'archive.range': { args: z.object({ archive: z.uuid(), offset: z.int().min(0) }), result: FilePart },
  /**
   * A part of a file that is uploaded under an id of the browser's choice. `received` is how much is there: a part that
   * starts elsewhere changes nothing, so that an interrupted upload goes on where it was. `hash` comes with the last part.
   */
  'file.upload': {
    args: z.object({
      tab: z.uuid(),
      path,
      upload: hexName(32),
      offset: z.int().min(0),
      data: part,
      total: z.int().min(0).max(UPLOAD_MAX_BYTES),
      replace: z.boolean(),
    }),
    result: z.object({ received: z.number(), hash: z.string().nullable() }),
  },
  'file.dropUpload': { args: z.object({ path, upload: hexName(32) }), result: empty },
  'file.search': { args: SearchQuery, result: SearchResult },
  /** Every file's path, without those of packages, caches and repositories. */
  'file.paths': { args: empty, result: z.object({ paths: z.array(z.string()), truncated: z.boolean() }) },
  /** The snapshots in which a file changed, newest first; the last one is the start. */
  'file.history': {
    args: z.object({ path }),
    result: z.object({ snapshots: z.array(z.object({ commit: z.string(), atMs: z.number(), cause: z.string() })) }),
  },
  /**
   * The files that differ from the start, by path, as the newest snapshot has them. `since`: the snapshot of the start; it and `atMs`, the
   * newest one's time, are null where there is none yet.
   */
  'file.changed': {
    args: empty,
    result: z.object({
      since: z.string().nullable(),
      atMs: z.number().nullable(),
      files: z.array(z.object({ path: z.string(), change: z.enum(['created', 'modified', 'deleted']) })),
      truncated: z.boolean(),
    }),
  },
  'file.textAt': {
    args: z.object({ path, commit: hexName(40) }),
    result: z.object({ text: z.string().nullable(), missing: z.boolean() }),
  },
} as const;

export const TERMINAL_REQUESTS = {
  'terminal.open': {
    args: z.object({ cols: z.int().min(2).max(1000), rows: z.int().min(1).max(1000), name: z.string().max(60).optional() }),
    result: z.object({ terminal: z.int() }),
  },
  'terminal.resize': {
    args: z.object({ terminal: z.int(), cols: z.int().min(2).max(1000), rows: z.int().min(1).max(1000) }),
    result: empty,
  },
  'terminal.rename': { args: z.object({ terminal: z.int(), name: z.string().trim().min(1).max(60) }), result: empty },
  'terminal.close': { args: z.object({ terminal: z.int() }), result: empty },
  /**
   * What runs in the sandbox now. `terminal`: the one in which it was started; null where that was none. A runner that is older than
   * its gateway does not say.
   */
  'sandbox.processes': {
    args: empty,
    result: z.object({
      processes: z.array(z.object({ pid: z.int(), command: z.string(), cpuMs: z.number(), terminal: z.int().nullable().optional() })),
    }),
  },
} as const;

const tcpPort = z.int().min(1).max(65_535);

/** Programs of the sandbox that listen on its loopback. Opening one is the gateway's; the runner lists them. */
export const PORT_REQUESTS = {
  'port.list': {
    args: empty,
    result: z.object({ ports: z.array(z.object({ port: tcpPort, command: z.string().max(300).nullable() })).max(PORTS_LISTED_MAX) }),
  },
} as const;

export const ScoreRow = z.object({
  scoreId: z.string(),
  n: z.int(),
  trigger: z.enum(['start', 'participant', 'periodic', 'final', 'clean', 'retro']),
  requestedAtMs: z.number(),
  elapsedMs: z.number(),
  /** `running`, `scored`, or why there is no number: nan, invalid_submission, timed_out, out_of_memory, crashed, bad_output, cancelled. */
  status: z.string(),
  /** Null where hidden or not a number. */
  score: z.number().nullable(),
  normalised: z.number().nullable(),
  message: z.unknown(),
  durationMs: z.number().nullable(),
  eligible: z.boolean(),
});
export type ScoreRow = z.infer<typeof ScoreRow>;

/**
 * What a score that runs is at. The steps are those of every score, whatever comes of it, so that they tell nothing of a hidden one;
 * they are shown and not recorded.
 */
export const SCORE_STEPS = ['capturing', 'preparing', 'scoring', 'storing'] as const;
const ScoreStep = z.enum(SCORE_STEPS);
export type ScoreStep = z.infer<typeof ScoreStep>;

const stepOfScore = { scoreId: z.string().max(64), step: ScoreStep };
/** What a runner says of the score that runs: its step, and for how long it has been at it. */
export const RunningScore = z.object({ ...stepOfScore, stepElapsedMs: z.number().min(0) });
export type RunningScore = z.infer<typeof RunningScore>;

/** The same for a page: since when, on the server's clock, and how long the scorer itself may run. */
export const ScoreProgress = z.object({ ...stepOfScore, sinceMs: z.number(), scorerLimitMs: z.number() });
export type ScoreProgress = z.infer<typeof ScoreProgress>;

/** The raw scores that normalise to 0 and to 1. */
export const ScoreScale = z.object({ startingScore: z.number(), referenceScore: z.number() });
export type ScoreScale = z.infer<typeof ScoreScale>;

export const AttemptStatus = z.object({
  state: z.string(),
  elapsedMs: z.number(),
  remainingMs: z.number(),
  limitMs: z.number(),
  pausesLeft: z.int(),
  pauseLeftMs: z.number(),
  scoreVisible: z.boolean(),
  /** True while the recording is not being made durable, so that typing is refused. */
  recordingStalled: z.boolean(),
});
export type AttemptStatus = z.infer<typeof AttemptStatus>;

export const NoteKind = z.enum(['note', 'ai_use']);
export type NoteKind = z.infer<typeof NoteKind>;

/** One message between participant and staff; `name` is who wrote it. */
export const AttemptMessage = z.object({
  n: z.int(),
  author: z.enum(['participant', 'staff']),
  name: z.string(),
  text: z.string(),
  atMs: z.number(),
});
export type AttemptMessage = z.infer<typeof AttemptMessage>;

export const DocumentState = z.object({
  editing: z.boolean(),
  text: z.string().nullable(),
  baseHash: z.string().nullable(),
  from: z.string().nullable(),
});

export const ATTEMPT_REQUESTS = {
  status: { args: empty, result: AttemptStatus },
  instructions: { args: empty, result: z.object({ markdown: z.string() }) },
  score: { args: empty, result: z.object({ scoreId: z.string(), n: z.int() }) },
  'score.cancel': { args: empty, result: empty },
  scores: { args: empty, result: z.object({ scores: z.array(ScoreRow) }) },
  note: {
    args: z.object({ text: z.string().trim().min(1).max(20_000), kind: NoteKind.optional() }),
    result: z.object({ n: z.int() }),
  },
  notes: {
    args: empty,
    result: z.object({
      notes: z.array(z.object({ n: z.int(), kind: NoteKind, text: z.string(), elapsedMs: z.number(), atMs: z.number() })),
    }),
  },
  /** Withholds what was shown and typed in the last minutes, for good. */
  seal: {
    args: z.object({ minutes: z.int().min(1).max(SEAL_MINUTES_MAX), reason: z.string().trim().min(1).max(SEAL_REASON_MAX) }),
    result: z.object({ n: z.int(), minutesLeft: z.int() }),
  },
  /** A problem that the participant tells the staff. What both write comes as `message` of the socket. */
  report: { args: z.object({ text: z.string().trim().min(1).max(20_000) }), result: z.object({ n: z.int() }) },
  messages: { args: empty, result: z.object({ messages: z.array(AttemptMessage) }) },
  /** `resumeAtMs`: for `hibernate`, the time that is booked for coming back. */
  pause: {
    args: z.object({ reason: z.enum(PAUSE_REASONS), note: z.string().max(1000).optional(), resumeAtMs: z.number().optional() }),
    result: AttemptStatus,
  },
  /** Asks for the machine of a hibernating attempt before the booked time. The clock stands until `resume`. */
  wake: { args: empty, result: AttemptStatus },
  resume: { args: empty, result: AttemptStatus },
  /**
   * The address at which this person's browser opens a page that a program of the sandbox serves, good for one use. `path`
   * begins with a slash; it and what follows reach the program alone.
   */
  'port.open': {
    args: z.object({
      port: tcpPort,
      path: z
        .string()
        .max(4096)
        .regex(/^\/[^\s\\]*$/)
        .default('/'),
    }),
    result: z.object({ url: z.string() }),
  },
  /**
   * A browser's tab opens a file in its editor. With `edit` it is the one that edits, unless another tab is; with `follow` it
   * never is; with `take` it is from now on. `text` is what is not saved of the file, `baseHash` what that started from, and
   * `from` the tab that wrote it: null where the file on disk is all there is. Changes come as `document` of the socket. A tab
   * that followed hands in what it shows as `followed`: a gateway that was started meanwhile has it from there.
   */
  'document.open': {
    args: z.object({
      tab: z.uuid(),
      path,
      want: z.enum(['edit', 'follow', 'take']),
      followed: z.object({ text: z.string(), baseHash: z.string().nullable(), from: z.string() }).optional(),
    }),
    /** `takenOver`: the SHA-256 of texts that one tab had not saved and another went on with. A draft of one of them is settled. */
    result: DocumentState.extend({ takenOver: z.array(z.string()).optional() }),
  },
  /** What the tab that edits has not saved; null once everything is. False where another tab edits the file by now. */
  'document.keep': {
    args: z.object({ tab: z.uuid(), path, text: z.string().nullable(), baseHash: z.string().nullable() }),
    result: z.object({ kept: z.boolean() }),
  },
  'document.close': { args: z.object({ tab: z.uuid(), path }), result: empty },
  /** The files of which some tab has unsaved text. `edited` where a tab that is there edits it; else its text was left behind. */
  'document.unsaved': { args: empty, result: z.object({ documents: z.array(z.object({ path: z.string(), edited: z.boolean() })) }) },
  /** `confirm` repeats that the caller has been told this cannot be undone. */
  submit: { args: z.object({ confirm: z.literal(true) }), result: empty },
} as const;

/** What the runner answers; the gateway passes it through unchanged. */
export const SANDBOX_REQUESTS = { ...FILE_REQUESTS, ...TERMINAL_REQUESTS, ...PORT_REQUESTS, ...LANGUAGE_REQUESTS } as const;
export const REQUESTS = { ...SANDBOX_REQUESTS, ...ATTEMPT_REQUESTS } as const;
export type RequestAct = keyof typeof REQUESTS;
export type RequestArgs<A extends RequestAct> = z.infer<(typeof REQUESTS)[A]['args']>;
export type RequestResult<A extends RequestAct> = z.infer<(typeof REQUESTS)[A]['result']>;

/** Acts that the `task` command in the sandbox may ask for. */
export const TASK_COMMAND_ACTS = [
  'status',
  'instructions',
  'score',
  'scores',
  'note',
  'pause',
  'submit',
] as const satisfies readonly RequestAct[];

export const RequestMessage = z.object({ t: z.literal('request'), id: z.string().max(64), act: z.string(), args: z.unknown() });
export const WireError = z.object({ code: z.string(), message: z.string() });
export const ReplyMessage = z.object({
  t: z.literal('reply'),
  id: z.string(),
  result: z.unknown().optional(),
  error: WireError.optional(),
});
