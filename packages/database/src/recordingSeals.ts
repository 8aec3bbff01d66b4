import { AppError, isUnderWay } from '@plumbline/core';
import { SEAL_TOTAL_MINUTES_MAX } from '@plumbline/protocol';
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { appendOutbox } from './outbox.ts';
import type { RecordingDatabase } from './recordingTail.ts';
import { storableText } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

const MINUTE_MS = 60_000;

/** A stretch that is withheld: `fromMs` ≤ `atMs` < `toMs`, in milliseconds of server time. */
export interface RecordingSeal {
  fromMs: number;
  toMs: number;
}

/**
 * Withholds the last minutes of an attempt's recording from everybody, for good, and writes down who asked.
 *
 * @returns the seal's number, and how many minutes may still be sealed.
 * @throws AppError `clock_not_running` for an attempt that is not under way, `conflict` for more minutes than are left.
 */
export function sealLastMinutes(
  db: Database,
  attemptId: string,
  { minutes, reason, userId }: { minutes: number; reason: string; userId: string | null },
): Promise<{ n: number; minutesLeft: number }> {
  return inTransaction(db, async (tx) => {
    const { seals, leftBefore, nowMs } = await allowance(tx, attemptId, minutes);
    const n = seals + 1;
    const seal = { n, fromMs: nowMs - minutes * MINUTE_MS, toMs: nowMs, reason: storableText(reason) };
    await tx.query('INSERT INTO recording_seal (attempt_id, n, from_ms, to_ms, reason) VALUES ($1, $2, $3, $4, $5)', [
      attemptId,
      n,
      seal.fromMs,
      seal.toMs,
      seal.reason,
    ]);
    await appendOutbox(tx, attemptId, 'recording.sealed', seal, nowMs);
    await recordAudit(tx, { userId, act: 'recording.seal', subject: `attempt:${attemptId}`, after: seal });
    await notify(tx, 'attempt', attemptId);
    return { n, minutesLeft: leftBefore - minutes };
  });
}

/** Refuses as `sealLastMinutes` would, and writes nothing. */
export async function assertMaySeal(db: Database, attemptId: string, minutes: number): Promise<void> {
  await inTransaction(db, (tx) => allowance(tx, attemptId, minutes));
}

async function allowance(tx: Queryable, attemptId: string, minutes: number): Promise<{ seals: number; leftBefore: number; nowMs: number }> {
  const { state, nowMs } = await lockAttempt(tx, attemptId);
  if (!isUnderWay(state)) throw new AppError('clock_not_running', 'The recording can be sealed while the attempt runs or is paused.');
  const { rows } = await tx.query(
    'SELECT count(*)::int AS seals, coalesce(sum(to_ms - from_ms), 0)::float8 AS sealed_ms FROM recording_seal WHERE attempt_id = $1',
    [attemptId],
  );
  const leftBefore = Math.floor(SEAL_TOTAL_MINUTES_MAX - rows[0].sealed_ms / MINUTE_MS);
  if (minutes > leftBefore) {
    throw new AppError(
      'conflict',
      `Nothing was sealed. Of the ${SEAL_TOTAL_MINUTES_MAX} minutes that an attempt may seal, this many are left: ${leftBefore}.`,
    );
  }
  return { seals: rows[0].seals, leftBefore, nowMs };
}

/** What the participant of an attempt had withheld. */
export async function listSeals(db: RecordingDatabase, attemptId: string): Promise<RecordingSeal[]> {
  const { rows } = await db.pool.query<RecordingSeal>(
    'SELECT from_ms AS "fromMs", to_ms AS "toMs" FROM recording_seal WHERE attempt_id = $1 ORDER BY n',
    [attemptId],
  );
  return rows;
}

/** Notes that what the seals of a finished recording withhold is not in it any more. */
export async function noteSealsTakenOut(db: RecordingDatabase, attemptId: string): Promise<void> {
  await db.pool.query('UPDATE recording_seal SET taken_out_at = clock_timestamp() WHERE attempt_id = $1 AND taken_out_at IS NULL', [
    attemptId,
  ]);
}
