import { AppError, type AttemptState, elapsedMs, isCorrectable, openScoringId, remainingMs, type ScoreTrigger } from '@plumbline/core';
import { notify } from './channels.ts';
import type { Database, Score } from './client.ts';
import { appendLocked } from './clockEvents.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { appendOutbox } from './outbox.ts';
import { storableJson, storableText } from './storableJson.ts';
import { databaseNowMs, inTransaction } from './transaction.ts';

export type ScoreRecord = Score;

/** Output of a scorer is kept up to this length, its end first. */
const OUTPUT_MAX_CHARS = 64 * 1024;

/** In which states a score with this trigger may be asked for. */
const STATES_FOR: Record<ScoreTrigger, readonly AttemptState[]> = {
  start: ['provisioning', 'ready'],
  participant: ['running'],
  periodic: ['running'],
  final: ['finalising'],
  clean: ['finalising', 'completed'],
  retro: ['completed'],
};

export interface RequestScoreOptions {
  /** For `clean` and `retro`: the row that is scored again. */
  ofScoreId?: string;
  /** The environment's clock stands still while its scorer runs: from the request on, so that no end comes between the two. */
  stopsClock?: boolean;
}

/**
 * Writes the row of a score that is asked for now, stamped with the elapsed time of this moment: a score asked for before zero
 * counts, whenever it finishes. One runs at a time, by an index of the table.
 *
 * @throws AppError `conflict` while another runs or in the wrong state, `clock_not_running` in a pause, `time_expired` at zero.
 */
export async function requestScore(
  db: Database,
  attemptId: string,
  trigger: ScoreTrigger,
  options: RequestScoreOptions = {},
): Promise<ScoreRecord> {
  const id = await inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    const { state, events, limits, nowMs } = attempt;
    if (state === 'paused') throw new AppError('clock_not_running', 'The clock is paused. Resume it to score.');
    if (!STATES_FOR[trigger].includes(state)) {
      throw new AppError(
        state === 'finalising' || state === 'completed' ? 'conflict' : 'clock_not_running',
        `The attempt is ${state}, so it cannot be scored now.`,
      );
    }
    if (state === 'running' && remainingMs(events, nowMs, limits.limitMs) <= 0) {
      throw new AppError('time_expired', 'The time for this attempt is over. What is in the workspace is scored as it stands.');
    }
    const last = await tx.query(
      `SELECT coalesce(max(n), 0) AS n, coalesce(bool_or(status = 'running'), false) AS running FROM score WHERE attempt_id = $1`,
      [attemptId],
    );
    if (last.rows[0].running) throw new AppError('conflict', 'A score is already running. Wait until it has finished, or cancel it.');
    const n = last.rows[0].n + 1;
    const elapsed = Math.round(elapsedMs(events, nowMs, limits.limitMs));
    const { rows } = await tx.query(
      `INSERT INTO score (id, attempt_id, n, trigger, requested_at, elapsed_ms, of_score_id)
       VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6) RETURNING id`,
      [attemptId, n, trigger, new Date(nowMs), elapsed, options.ofScoreId ?? null],
    );
    await appendOutbox(tx, attemptId, 'score.requested', { scoreId: rows[0].id, n, trigger, elapsedMs: elapsed }, nowMs);
    if (options.stopsClock === true) await appendLocked(tx, attempt, { kind: 'scoring_started', scoreId: rows[0].id }, { by: null });
    await notify(tx, 'attempt', attemptId);
    return rows[0].id as string;
  });
  return db.prisma.score.findUniqueOrThrow({ where: { id } });
}

/** What is known when a scorer has ended; the staff's half may come apart from it. */
export interface FinishedScore {
  scoreId: string;
  status: string;
  score: number | null;
  message: unknown;
  durationMs: number;
}

/**
 * Closes a score's row, and has a clock that stands still for it go on. The first result stands: the same again, or another one after
 * it, changes nothing.
 *
 * @returns the row as it stands.
 * @throws AppError `not_found` where this attempt has no such row.
 */
export async function finishScore(db: Database, attemptId: string, result: FinishedScore): Promise<ScoreRecord> {
  const isNumber = result.score !== null && Number.isFinite(result.score);
  // A scorer that says "scored" without a number gave none.
  const status = result.status === 'scored' && !isNumber ? 'nan' : result.status;
  await inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    const { rowCount } = await tx.query(
      `UPDATE score SET status = $3, score = $4, message = $5::jsonb, duration_ms = $6, finished_at = clock_timestamp()
       WHERE id = $1 AND attempt_id = $2 AND status = 'running'`,
      [
        result.scoreId,
        attemptId,
        status,
        status === 'scored' ? result.score : null,
        storableJson(result.message),
        Math.round(result.durationMs),
      ],
    );
    if (openScoringId(attempt.events) === result.scoreId && isCorrectable(attempt.state)) {
      await appendLocked(tx, attempt, { kind: 'scoring_ended', scoreId: result.scoreId }, { by: null });
    }
    if (rowCount === 1) await notify(tx, 'attempt', attemptId);
  });
  const row = await findScore(db, attemptId, result.scoreId);
  if (row === null) throw new AppError('not_found', 'There is no such score in this attempt.');
  return row;
}

/** The staff's half of a score. */
export interface ScoreDetails {
  details: unknown;
  output: string;
  scorerHash: string;
  /** Hash of the submission before and after the scorer ran. */
  hashBefore: string;
  hashAfter: string;
}

/** Stores the staff's half of a score, once: what a row has already stays. */
export async function storeScoreDetails(db: Database, attemptId: string, details: ScoreDetails & { scoreId: string }): Promise<void> {
  await db.pool.query(
    `UPDATE score SET details = $3::jsonb, output = $4, scorer_hash = $5, submission_hash = nullif($6, ''), submission_hash_after = nullif($7, '')
     WHERE id = $1 AND attempt_id = $2 AND output IS NULL`,
    [
      details.scoreId,
      attemptId,
      storableJson(details.details),
      storableText(details.output).slice(-OUTPUT_MAX_CHARS),
      details.scorerHash,
      details.hashBefore,
      details.hashAfter,
    ],
  );
}

/** Closes the running score, if there is one, as cancelled with a reason that everybody may read. */
export async function cancelScore(db: Database, attemptId: string, reason: string): Promise<ScoreRecord | null> {
  const running = await runningScore(db, attemptId);
  if (running === null) return null;
  const durationMs = Math.max(0, (await databaseNowMs(db.pool)) - running.requestedAt.getTime());
  return finishScore(db, attemptId, { scoreId: running.id, status: 'cancelled', score: null, message: { error: reason }, durationMs });
}

/** The score that runs in an attempt: one at the most, by an index of the table. */
export function runningScore(db: Database, attemptId: string): Promise<ScoreRecord | null> {
  return db.prisma.score.findFirst({ where: { attemptId, status: 'running' } });
}

/** One score of an attempt, or null where it has no such one. */
export function findScore(db: Database, attemptId: string, scoreId: string): Promise<ScoreRecord | null> {
  return db.prisma.score.findFirst({ where: { id: scoreId, attemptId } });
}

/** All scores of an attempt, in the order in which they were asked for. */
export function listScores(db: Database, attemptId: string): Promise<ScoreRecord[]> {
  return db.prisma.score.findMany({ where: { attemptId }, orderBy: { n: 'asc' } });
}
