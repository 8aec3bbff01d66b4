import { AppError, type AttemptState, canMove } from '@plumbline/core';
import { assertAgreed } from './agreements.ts';
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { type Appended, appendLocked } from './clockEvents.ts';
import { enqueueWithin, prepareToEnqueue } from './jobs.ts';
import { queueForMachine, releaseLease } from './leases.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { cancelScore } from './scores.ts';
import { isSetupOnItsWay, takeSetup } from './setups.ts';
import { storableText } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** Moves that the clock does not make; `appendClockEvent` makes the others. */
export type MoveTarget = Exclude<AttemptState, 'running' | 'paused' | 'finalising'>;

export interface MoveOptions {
  /** For the person who waits: what happens now, or why it did not work. */
  progress?: string;
  /** Refused, where the attempt is in another state than these. */
  from?: readonly AttemptState[];
  isolation?: string;
  freezeMethod?: string;
  /** What the participant reaches: `none` or `internet`. */
  network?: string;
}

/** What else a move writes. */
const EFFECTS: Record<MoveTarget, string> = {
  scheduled: 'ready_at = NULL, progress_fraction = NULL, runner_token_hash = NULL',
  provisioning: 'ready_at = NULL, progress_fraction = NULL',
  ready: 'ready_at = clock_timestamp(), progress_fraction = NULL',
  completed: 'completed_at = clock_timestamp()',
  void: 'ended_at = coalesce(ended_at, clock_timestamp()), deadline_at = NULL',
  withdrawn: 'ended_at = coalesce(ended_at, clock_timestamp()), deadline_at = NULL',
};

/**
 * Moves an attempt to a state that is no matter of its clock. Moving it to the state that it is in already does nothing, so that
 * a caller may repeat itself.
 *
 * @returns whether it was moved.
 * @throws AppError `not_found`, or `conflict` for a move that is not legal.
 */
export function moveAttempt(db: Database, attemptId: string, to: MoveTarget, options: MoveOptions = {}): Promise<boolean> {
  return inTransaction(db, (tx) => moveWithin(tx, attemptId, to, options));
}

async function moveWithin(tx: Queryable, attemptId: string, to: MoveTarget, options: MoveOptions): Promise<boolean> {
  const { rows } = await tx.query('SELECT state FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
  const state = rows[0]?.state as AttemptState | undefined;
  if (state === undefined) throw new AppError('not_found', 'There is no such attempt.');
  if (state === to) return false;
  if (!canMove(state, to) || (options.from !== undefined && !options.from.includes(state))) {
    throw new AppError('conflict', `The attempt is ${state}, so it cannot become ${to}. Reload the page.`);
  }
  const progress = options.progress === undefined ? null : storableText(options.progress).slice(0, 500);
  await tx.query(
    `UPDATE attempt SET state = $2, progress = $3, isolation = coalesce($4, isolation), freeze_method = coalesce($5, freeze_method),
       network = coalesce($6, network), ${EFFECTS[to]}
     WHERE id = $1`,
    [attemptId, to, progress, options.isolation ?? null, options.freezeMethod ?? null, options.network ?? null],
  );
  if (to !== 'provisioning' && to !== 'ready') await releaseLease(tx, attemptId, `The attempt is ${to}.`);
  if (to === 'void' || to === 'withdrawn') {
    await tx.query('UPDATE pause SET ended_at = clock_timestamp() WHERE attempt_id = $1 AND ended_at IS NULL', [attemptId]);
  }
  await notify(tx, 'attempt', attemptId);
  return true;
}

/** The sandbox is accepted. Does nothing for an attempt that is past that: a runner placed anew says it again. */
export function markReady(
  db: Database,
  attemptId: string,
  sandbox: Pick<MoveOptions, 'isolation' | 'freezeMethod' | 'network'>,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT state FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    if (rows[0] !== undefined && rows[0].state !== 'provisioning') return false;
    return moveWithin(tx, attemptId, 'ready', sandbox);
  });
}

/**
 * Tells the person who waits what is done for a sandbox, at first and after one was lost, and what holds up the end of an attempt.
 * Null once there is nothing to tell. `fraction` is 0 to 1, or null where it is unknown.
 */
export async function setProgress(db: Database, attemptId: string, progress: string | null, fraction: number | null): Promise<void> {
  await db.pool.query(
    `WITH changed AS (UPDATE attempt SET progress = $2, progress_fraction = $3 
       WHERE id = $1 AND state IN ('provisioning', 'running', 'paused', 'finalising') AND (progress, progress_fraction) IS DISTINCT FROM ($2, $3::float8)
       RETURNING id)
     SELECT pg_notify('plumbline_attempt', id::text) FROM changed`,
    [attemptId, progress === null ? null : storableText(progress).slice(0, 500), fraction],
  );
}

/**
 * Asks for an attempt's sandbox: moves it to provisioning, freezes its study, and queues the job, all or nothing. An attempt that
 * is being prepared, or is ready, stays as it is.
 *
 * @throws AppError `conflict` outside the assignment's window, before the study's agreement is answered, or once the attempt was started.
 */
export async function prepareAttempt(db: Database, attemptId: string): Promise<{ state: AttemptState }> {
  await prepareToEnqueue(db);
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(
      `SELECT a.state, g.study_id, coalesce(g.opens_at > clock_timestamp(), false) AS early, coalesce(g.closes_at <= clock_timestamp(), false) AS late
       FROM attempt a JOIN assignment g ON g.id = a.assignment_id WHERE a.id = $1 FOR UPDATE OF a`,
      [attemptId],
    );
    const row = rows[0];
    if (row === undefined) throw new AppError('not_found', 'There is no such attempt.');
    if (row.state === 'provisioning' || row.state === 'ready') return { state: row.state };
    if (row.state !== 'scheduled') throw new AppError('conflict', 'This attempt was started before, so its sandbox is not prepared again.');
    if (row.early) throw new AppError('conflict', 'This assignment is not open yet.');
    if (row.late) throw new AppError('conflict', 'This assignment has closed. Ask the staff if you still want to work on it.');
    await assertAgreed(tx, attemptId);
    await tx.query('UPDATE study SET frozen_at = coalesce(frozen_at, clock_timestamp()) WHERE id = $1', [row.study_id]);
    await moveWithin(tx, attemptId, 'provisioning', { progress: 'Waiting for a machine' });
    await takeSetup(tx, attemptId);
    await queueForMachine(tx, attemptId);
    await enqueueWithin(tx, db, 'provision', { attemptId });
    return { state: 'provisioning' };
  });
}

/**
 * Leaves the queue for a machine: the attempt is scheduled again, as if it had not been prepared.
 *
 * @throws AppError `conflict` where it does not wait in the queue any more.
 */
export function leaveQueue(db: Database, attemptId: string): Promise<{ state: AttemptState }> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT state FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    if (rows[0] === undefined) throw new AppError('not_found', 'There is no such attempt.');
    const queued = await tx.query(`SELECT 1 FROM lease WHERE attempt_id = $1 AND state = 'queued'`, [attemptId]);
    if (rows[0].state !== 'provisioning' || queued.rowCount === 0) {
      throw new AppError('conflict', 'Your turn has come: the sandbox is being made. Reload the page.');
    }
    await moveWithin(tx, attemptId, 'scheduled', {});
    return { state: 'scheduled' };
  });
}

/**
 * Starts an attempt's clock; from this moment the instructions are shown, and its setup stays as it is.
 *
 * @throws AppError as `appendClockEvent` does, and `conflict` while the study's agreement has a text that was not agreed to, or the setup is on
 *   its way into the sandbox.
 */
export function startAttempt(db: Database, attemptId: string, by: string): Promise<Appended> {
  return inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    if (attempt.state === 'ready') await assertAgreed(tx, attemptId);
    if (attempt.state === 'ready' && (await isSetupOnItsWay(tx, attemptId))) {
      throw new AppError('conflict', 'Your dotfiles are being laid in the sandbox. Start the clock in a moment.');
    }
    return appendLocked(tx, attempt, { kind: 'started' }, { by });
  });
}

/** Why the score of an attempt that was closed has no result. */
export const CLOSED_WHILE_SCORED = 'The attempt was ended while the scorer ran.';

/**
 * Ends an attempt that does not count: `void` by staff, for a fault that was not the participant's, or `withdrawn` by its participant.
 * The machine is given back, and the recording is kept as far as it came. The reason is audited, and stands as the attempt's progress.
 *
 * @throws AppError `not_found`, or `conflict` for one that is complete, and for withdrawing after the end.
 */
export async function closeAttempt(
  db: Database,
  attemptId: string,
  to: 'void' | 'withdrawn',
  { by, reason }: { by: string; reason: string },
): Promise<void> {
  await prepareToEnqueue(db);
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT state, completed_at FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    const row = rows[0] as { state: AttemptState; completed_at: Date | null } | undefined;
    if (row !== undefined && row.completed_at !== null) throw new AppError('conflict', 'This attempt is complete, so it stays as it is.');
    if (to === 'withdrawn' && row?.state === 'finalising') {
      throw new AppError('conflict', 'This attempt has ended, so you cannot withdraw from it any more. Write to the staff.');
    }
    if (!(await moveWithin(tx, attemptId, to, { progress: reason }))) return;
    await enqueueWithin(tx, db, 'retire', { attemptId });
    await recordAudit(tx, {
      userId: by,
      act: to === 'void' ? 'attempt.void' : 'attempt.withdraw',
      subject: `attempt:${attemptId}`,
      before: { state: row?.state },
      after: { state: to, reason },
    });
  });
  await cancelScore(db, attemptId, CLOSED_WHILE_SCORED);
}

/** Notes a token that a runner is about to be started with; the one before it is worth nothing from now on. */
export async function setRunnerToken(db: Database, attemptId: string, tokenHash: string): Promise<void> {
  await db.pool.query('UPDATE attempt SET runner_token_hash = $2 WHERE id = $1', [attemptId, tokenHash]);
}

/** Notes where an attempt's runner is, so that it is found again; null once it has been stopped. */
export async function setRunnerPlacement(db: Database, attemptId: string, placement: object | null): Promise<void> {
  await db.pool.query('UPDATE attempt SET runner_placement = $2::jsonb WHERE id = $1', [
    attemptId,
    placement === null ? null : JSON.stringify(placement),
  ]);
}
