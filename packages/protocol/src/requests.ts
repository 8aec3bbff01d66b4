import { PAUSE_REASONS } from '@plumbline/core';
import { z } from 'zod';

/**
 * What a browser, or the `task` command through the runner, may ask of a live attempt. One request, one reply.
 * The same acts and rules for both; `FILE_REQUESTS` are answered by the runner, the others by the gateway.
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

/** Paths are relative to the workspace, with `/`; the empty string is written `.`. */
export const FILE_REQUESTS = {
  'file.list': { args: z.object({ path }), result: z.object({ entries: z.array(DirectoryEntry), truncated: z.boolean() }) },
  'file.read': {
    args: z.object({ path }),
    result: z.object({
      /** Null for a binary file. */
      text: z.string().nullable(),
      hash: z.string(),
      size: z.number(),
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
  'file.delete': { args: z.object({ path }), result: empty },
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
  'terminal.close': { args: z.object({ terminal: z.int() }), result: empty },
  /** What runs in the sandbox now, for the pause dialog. */
  'sandbox.processes': {
    args: empty,
    result: z.object({ processes: z.array(z.object({ pid: z.int(), command: z.string(), cpuMs: z.number() })) }),
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

export const ATTEMPT_REQUESTS = {
  status: { args: empty, result: AttemptStatus },
  instructions: { args: empty, result: z.object({ markdown: z.string() }) },
  score: { args: empty, result: z.object({ scoreId: z.string(), n: z.int() }) },
  'score.cancel': { args: empty, result: empty },
  scores: { args: empty, result: z.object({ scores: z.array(ScoreRow) }) },
  note: { args: z.object({ text: z.string().trim().min(1).max(20_000) }), result: z.object({ n: z.int() }) },
  notes: {
    args: empty,
    result: z.object({ notes: z.array(z.object({ n: z.int(), text: z.string(), elapsedMs: z.number(), atMs: z.number() })) }),
  },
  /** `resumeAtMs`: for `hibernate`, the time that is booked for coming back. */
  pause: {
    args: z.object({ reason: z.enum(PAUSE_REASONS), note: z.string().max(1000).optional(), resumeAtMs: z.number().optional() }),
    result: AttemptStatus,
  },
  /** Asks for the machine of a hibernating attempt before the booked time. The clock stands until `resume`. */
  wake: { args: empty, result: AttemptStatus },
  resume: { args: empty, result: AttemptStatus },
  /** `confirm` repeats that the caller has been told this cannot be undone. */
  submit: { args: z.object({ confirm: z.literal(true) }), result: empty },
} as const;

export const REQUESTS = { ...FILE_REQUESTS, ...TERMINAL_REQUESTS, ...ATTEMPT_REQUESTS } as const;
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
/** Acts open to staff who watch: they see, and change nothing. */
export const VIEWER_ACTS = ['status', 'scores', 'notes', 'instructions'] as const satisfies readonly RequestAct[];

export const RequestMessage = z.object({ t: z.literal('request'), id: z.string().max(64), act: z.string(), args: z.unknown() });
export const WireError = z.object({ code: z.string(), message: z.string() });
export const ReplyMessage = z.object({
  t: z.literal('reply'),
  id: z.string(),
  result: z.unknown().optional(),
  error: WireError.optional(),
});
