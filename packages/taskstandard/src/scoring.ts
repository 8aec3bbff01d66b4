import { nestsDeeper } from '@plumbline/core';
import type { Exec, TaskOperationArgs, TaskOperationLimits, TaskOperationResult } from './taskHost.ts';
import { runTaskOperation, type ScoreLogEntry } from './taskHost.ts';

/** From what a family's scorer did to a row of the score log. Nothing that a scorer does ends an attempt. */

export const SCORE_STATUSES = ['scored', 'nan', 'invalid_submission', 'timed_out', 'out_of_memory', 'crashed', 'bad_output'] as const;
export type ScoreStatus = (typeof SCORE_STATUSES)[number];

/** The part of a score row that the scorer decides. */
export interface ScoreOutcome {
  status: ScoreStatus;
  /** A finite number, or null with the reason in `status` and `message`. */
  score: number | null;
  /** Shown to the participant. */
  message: unknown;
  /** For staff. */
  details: unknown;
  /** Tail of what the scorer printed; for staff. */
  output: string;
  durationMs: number;
}

/** `intermediate` families keep a log and are asked again and again; `final` ones score a submission text. */
export type ScoringKind = 'intermediate' | 'final';

/** In the workspace: the text that `score` is given. */
const SUBMISSION_FILE = 'submission.txt';

/** What is captured before a score: the paths that the manifest names, and the text where the scorer is given one. */
export function submissionPaths(paths: readonly string[], kind: ScoringKind): string[] {
  return kind === 'intermediate' || paths.includes('.') || paths.includes(SUBMISSION_FILE) ? [...paths] : [...paths, SUBMISSION_FILE];
}

/** Which kind of scoring a family's methods give, from `describe`; null where it has neither. */
export function scoringKind(methods: readonly string[]): ScoringKind | null {
  if (methods.includes('intermediate_score')) return 'intermediate';
  return methods.includes('score') ? 'final' : null;
}

function isTrue(message: unknown, ...keys: string[]): boolean {
  return typeof message === 'object' && message !== null && keys.some((key) => (message as Record<string, unknown>)[key] === true);
}

function isEmpty(message: unknown): boolean {
  return message === null || message === undefined || message === '' || (typeof message === 'object' && Object.keys(message).length === 0);
}

/** The status of a number that a scorer gave: where it is none, from the flags that METR's scorers put in the message. */
export function statusOf(score: number | null, message: unknown): ScoreStatus {
  if (score !== null && Number.isFinite(score)) return 'scored';
  if (isTrue(message, 'timeout', 'timed_out')) return 'timed_out';
  if (isTrue(message, 'out_of_memory', 'oom')) return 'out_of_memory';
  // A scorer that says why rejects the submission; one that does not has only failed to find a number.
  return isEmpty(message) ? 'nan' : 'invalid_submission';
}

/** The row for the result of `score` or `intermediate_score`. */
export function scoreOutcome(
  result: TaskOperationResult<
    number | null | { score: number | null; message: unknown; details: unknown; log_rows_added?: number | undefined }
  >,
): ScoreOutcome {
  const { output, durationMs } = result;
  if (!result.ok) {
    const { status, code, message, traceback } = result.failure;
    // An exception's own text may quote what only the scorer may read, so the participant is told of its kind alone.
    const shown = code === 'raised' ? `The scorer failed with ${message.split(':', 1)[0]}. Staff can see the details.` : message;
    return { status, score: null, message: { reason: shown }, details: { code, message, traceback }, output, durationMs };
  }
  const row = typeof result.value === 'object' && result.value !== null ? result.value : { score: result.value, message: {}, details: {} };
  const details = withLogNote(row);
  if (nestsDeeper(row.message) || nestsDeeper(details)) {
    const reason = 'The scorer gave a message or details that are nested too deep to be kept.';
    return { status: 'bad_output', score: null, message: { reason }, details: {}, output, durationMs };
  }
  if (row.score === null && isEmpty(row.message)) {
    const message = { reason: 'The scorer gave no number: this task is judged by a person.' };
    return { status: 'nan', score: null, message, details, output, durationMs };
  }
  const status = statusOf(row.score, row.message);
  return { status, score: status === 'scored' ? row.score : null, message: row.message, details, output, durationMs };
}

/**
 * For staff: a scorer that keeps a log of its own and did not add just one row to it either gave an earlier score again, or somebody
 * else wrote into it. The number stands, as it does on every host of the standard; a reviewer decides.
 */
function withLogNote({ details, ...row }: { details?: unknown; log_rows_added?: number | undefined }): unknown {
  if (row.log_rows_added === undefined || row.log_rows_added === 1) return details;
  const note = { score_log: `This score added ${row.log_rows_added} rows to the scorer's log instead of one.` };
  return typeof details === 'object' && details !== null && !Array.isArray(details) ? { ...details, ...note } : { details, ...note };
}

/** One score of the workspace as it stands, by whichever method the family has. */
export async function runScore(exec: Exec, kind: ScoringKind, args: TaskOperationArgs, limits: TaskOperationLimits): Promise<ScoreOutcome> {
  return kind === 'intermediate'
    ? scoreOutcome(await runTaskOperation(exec, 'intermediate_score', args, limits))
    : scoreOutcome(await runTaskOperation(exec, 'score', args, limits));
}

/**
 * The family's own word on a score log, or null for "no valid score". A log without one number is never shown to the
 * family: METR's scorers are known to answer 0 to it, which in a log of log-times is a good score.
 */
export async function aggregateScores(
  exec: Exec,
  args: TaskOperationArgs & { scoreLog: ScoreLogEntry[] },
  limits: TaskOperationLimits,
): Promise<TaskOperationResult<number | null>> {
  if (!args.scoreLog.some((row) => row.score !== null && Number.isFinite(row.score)))
    return { ok: true, value: null, output: '', durationMs: 0 };
  const result = await runTaskOperation(exec, 'aggregate_scores', args, limits);
  return result.ok && result.value !== null && !Number.isFinite(result.value) ? { ...result, value: null } : result;
}
