import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '@plumbline/core';
import { z } from 'zod';

/**
 * Runs one operation of a task family in a sandbox: starts `python/task_host.py`, gives it the request, reads the
 * answer behind a random separator. What goes wrong in the family is a value with a status, never a throw.
 */

const HOST_SOURCE = readFileSync(new URL('../python/task_host.py', import.meta.url), 'utf8');

/** What a family may print before it counts as run-away: the standard's own limit. */
export const MAX_OUTPUT_BYTES = 9 * 1024 * 1024;
/** How much of the printed text is kept for staff. */
export const KEPT_OUTPUT_BYTES = 64 * 1024;

/** The outcome of a process, as `Sandbox.run` gives it. */
export interface ExecResult {
  exitCode: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: Buffer;
  timedOut: boolean;
  truncated: boolean;
  outOfMemory: boolean;
}

/** Runs an argv where the family may run; `(argv, options) => sandbox.run('scorer', argv, options)`. */
export type Exec = (
  argv: string[],
  options: {
    input: Buffer;
    timeoutMs: number;
    maxOutputBytes: number;
    endsAtMaxOutput?: boolean;
    cwd?: string;
    env?: Record<string, string>;
    /** Given each line of both outputs as it comes. */
    onLine?: (line: string) => void;
  },
) => Promise<ExecResult>;

/** A row of the score log as the standard shows it to `aggregate_scores`. */
export interface ScoreLogEntry {
  index: number;
  /** `null`, like NaN, is a score without a number. */
  score: number | null;
  message: unknown;
  details: unknown;
  /** ISO time with zone. */
  scoredAt: string;
  /** Time on the attempt's clock, without pauses. */
  elapsedMs: number;
}

const Num = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const Nothing = z.unknown().transform(() => null);

const OPERATIONS = {
  describe: z.object({
    standard_version: z.string().nullable(),
    methods: z.array(z.string()),
    tasks: z.array(z.string()),
    required_environment_variables: z.array(z.string()),
    skip_chown_after_start: z.boolean(),
  }),
  get_tasks: z.record(z.string(), z.unknown()),
  required_environment_variables: z.array(z.string()),
  get_instructions: z.string().min(1),
  get_permissions: z.array(z.enum(['full_internet'])),
  get_aux_vm_spec: z.string().nullable(),
  install: Nothing,
  start: Nothing,
  teardown: Nothing,
  score: Num.nullable(),
  intermediate_score: z.object({ score: Num.nullable(), message: z.unknown(), details: z.unknown(), log_rows_added: z.int().optional() }),
  aggregate_scores: Num.nullable(),
} as const;

export type TaskOperation = keyof typeof OPERATIONS;
export type TaskOperationValue<Op extends TaskOperation> = z.output<(typeof OPERATIONS)[Op]>;

export interface TaskOperationArgs {
  /** In the sandbox's own view, `/root` under bubblewrap. */
  familyDir: string;
  /** `Family.module`. */
  module: string;
  /** Not needed by `describe`, `get_tasks`, `required_environment_variables` and `install`. */
  task?: string;
  scoreLog?: ScoreLogEntry[];
}

export interface TaskOperationLimits {
  timeoutMs: number;
  maxOutputBytes?: number;
  /** More environment variables: the family's secrets. */
  env?: Record<string, string>;
  /** The interpreter, found on the view's PATH. */
  python?: string;
  /** Given what the family prints, line by line. */
  onLine?: (line: string) => void;
}

export const FAILURE_STATUSES = ['timed_out', 'out_of_memory', 'crashed', 'bad_output'] as const;

export interface TaskFailure {
  status: (typeof FAILURE_STATUSES)[number];
  /** From the host: `raised`, `not_defined`, `no_family`, `no_task`, …; from here: `process`. */
  code: string;
  /** For the participant too: what happened, without staff-only text. */
  message: string;
  /** For staff. */
  traceback: string;
}

export type TaskOperationResult<T> = ({ ok: true; value: T } | { ok: false; failure: TaskFailure }) & {
  /** Tail of what the family printed, standard output then standard error; for staff. */
  output: string;
  /** Inside the family, without starting the interpreter; for a failed process, until it failed. */
  durationMs: number;
};

const Answer = z.union([
  z.object({ result: z.unknown(), duration_ms: z.number() }),
  z.object({ error: z.object({ code: z.string(), message: z.string(), traceback: z.string() }), duration_ms: z.number().default(0) }),
]);

function tail(buffer: Buffer): string {
  return buffer.subarray(Math.max(0, buffer.length - KEPT_OUTPUT_BYTES)).toString('utf8');
}

/** Why a process that gave no answer gave none. */
function processFailure(result: ExecResult, limits: { timeoutMs: number; maxOutputBytes: number }, op: TaskOperation): TaskFailure {
  const failed = (status: TaskFailure['status'], message: string): TaskFailure => ({
    status,
    code: 'process',
    message,
    traceback: tail(result.stderr).slice(-20_000),
  });
  if (result.outOfMemory) return failed('out_of_memory', 'Needed more memory than this environment has.');
  if (result.truncated)
    return failed('bad_output', `Printed more than ${Math.round(limits.maxOutputBytes / 1024 / 1024)} MiB and was stopped.`);
  if (result.timedOut) return failed('timed_out', `Took longer than ${Math.round(limits.timeoutMs / 1000)} s and was stopped.`);
  if (result.signal !== null) return failed('crashed', `Was ended by ${result.signal}.`);
  if (result.exitCode !== null && result.exitCode > 128) return failed('crashed', `Was ended by signal ${result.exitCode - 128}.`);
  if (result.exitCode !== 0) return failed('crashed', `Ended with exit code ${result.exitCode} and no answer.`);
  return failed('bad_output', `${op} gave no answer.`);
}

/** What begins the line after which a family's process prints its answer, and nothing of its own. */
export const ANSWER_MARK = '--plumbline-';

/**
 * One operation of a family. Throws `AppError` `sandbox_unavailable` only where the process could not be run at all;
 * an exception in the family, a time-out, a run-away output are results.
 */
export async function runTaskOperation<Op extends TaskOperation>(
  exec: Exec,
  op: Op,
  args: TaskOperationArgs,
  limits: TaskOperationLimits,
): Promise<TaskOperationResult<TaskOperationValue<Op>>> {
  const separator = `${ANSWER_MARK}${randomBytes(24).toString('hex')}`;
  const maxOutputBytes = limits.maxOutputBytes ?? MAX_OUTPUT_BYTES;
  const request = {
    separator,
    op,
    family_dir: args.familyDir,
    module: args.module,
    task: args.task,
    score_log: args.scoreLog?.map((row) => ({
      index: row.index,
      score: row.score ?? 'NaN',
      message: row.message ?? {},
      details: row.details ?? {},
      scoredAt: row.scoredAt,
      createdAt: row.scoredAt,
      elapsedTime: row.elapsedMs,
      elapsedSeconds: row.elapsedMs / 1000,
    })),
  };
  let result: ExecResult;
  try {
    result = await exec([limits.python ?? 'python3', '-I', '-B', '-c', HOST_SOURCE], {
      input: Buffer.from(
        JSON.stringify(request, (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value)),
      ),
      timeoutMs: limits.timeoutMs,
      maxOutputBytes,
      endsAtMaxOutput: true,
      cwd: args.familyDir,
      ...(limits.env === undefined ? {} : { env: limits.env }),
      ...(limits.onLine === undefined ? {} : { onLine: beforeAnswer(separator, limits.onLine) }),
    });
  } catch (error) {
    if (error instanceof AppError && error.code === 'sandbox_unavailable') throw error;
    throw new AppError('sandbox_unavailable', 'The scorer could not be started in the sandbox. This is the platform’s fault; try again.', {
      cause: error,
    });
  }
  const at = result.stdout.lastIndexOf(`\n${separator}\n`);
  const printed = at < 0 ? result.stdout : result.stdout.subarray(0, at);
  const output = tail(Buffer.concat([printed, Buffer.from(printed.length > 0 && result.stderr.length > 0 ? '\n' : ''), result.stderr]));
  if (at < 0 || result.timedOut)
    return { ok: false, failure: processFailure(result, { timeoutMs: limits.timeoutMs, maxOutputBytes }, op), output, durationMs: 0 };
  const answer = Answer.safeParse(parseJson(result.stdout.subarray(at + separator.length + 2).toString('utf8')));
  if (!answer.success) {
    return {
      ok: false,
      failure: { status: 'bad_output', code: 'process', message: `${op} gave an answer that is not JSON.`, traceback: '' },
      output,
      durationMs: 0,
    };
  }
  const durationMs = answer.data.duration_ms;
  if ('error' in answer.data) {
    const { code, message, traceback } = answer.data.error;
    const status = code === 'out_of_memory' ? 'out_of_memory' : code === 'too_large' || code === 'bad_answer' ? 'bad_output' : 'crashed';
    return { ok: false, failure: { status, code, message, traceback }, output, durationMs };
  }
  const value = OPERATIONS[op].safeParse(answer.data.result);
  if (!value.success) {
    const message = `${op}() returned something else than the Task Standard asks for: ${value.error.issues[0]?.message ?? ''}`;
    return { ok: false, failure: { status: 'bad_output', code: 'bad_answer', message, traceback: '' }, output, durationMs };
  }
  return { ok: true, value: value.data as TaskOperationValue<Op>, output, durationMs };
}

/** Leaves out the answer, which is the separator's line and the one after it. */
function beforeAnswer(separator: string, onLine: (line: string) => void): (line: string) => void {
  let isOver = false;
  return (line) => {
    isOver ||= line === separator;
    if (!isOver && line.trim() !== '') onLine(line);
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
