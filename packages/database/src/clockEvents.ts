import {
  AppError,
  type AttemptAct,
  type AttemptState,
  applyClockEvent,
  type ClockEvent,
  type ClockEventBody,
  deadlineMs,
  END_REASON_OF,
  openStaffPause,
  remainingMs,
  WAKE_LEAD_MS,
} from '@plumbline/core';
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { releaseLease } from './leases.ts';
import { type LockedAttempt, lockAttempt } from './lockedAttempt.ts';
import { appendOutbox } from './outbox.ts';
import { storableJson } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** Gaps of the link this long are outages by themselves; shorter ones are given back when they add up to it. */
export const OUTAGE_FROM_MS = 5_000;

/** Beyond this the probe is to be doubted, and not the platform: no attempt waits longer for its end. */
const UNREACHABLE_MAX_MS = 24 * 3_600_000;

const LINK_LOST = 'the platform lost the link to the sandbox';

export interface AppendOptions {
  /** The user who caused it; null for the platform. */
  by: string | null;
  /** When it happened, for what is known only afterwards. Never before the last event, never after the database's now. */
  atMs?: number;
  /** For `expired`: how much time may still be left. */
  ifRemainingAtMostMs?: number;
  /** For `rollback`: when the state that was restored had been captured. Scores asked for later are marked; without it, all are. */
  restoredAtMs?: number;
}

export interface Appended {
  event: ClockEvent;
  state: AttemptState;
  events: ClockEvent[];
}

/**
 * Appends to an attempt's clock: the only way in which it ever changes. Locks the attempt, asks the rules of `core` on the
 * database's own time, and keeps the cached state, deadline, pauses and marks of scores in step within the same transaction.
 *
 * @throws AppError as `applyClockEvent` does, and `not_found`. Nothing has been written then.
 */
export function appendClockEvent(db: Database, attemptId: string, body: ClockEventBody, options: AppendOptions): Promise<Appended> {
  return inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    if (body.kind === 'expired') await refuseWhileTimeIsDueBack(tx, attempt, options.ifRemainingAtMostMs ?? 0);
    return appendLocked(tx, attempt, body, options);
  });
}

/** What staff do to a clock; the reason of each is for the participant, too. */
export type StaffClockBody =
  | { kind: 'paused'; reason: 'platform'; note: string }
  | { kind: 'resumed'; reason: string }
  | { kind: 'adjusted'; creditMs: number; reason: string }
  | { kind: 'stopped'; reason: string };

const STAFF_ACTS = {
  paused: 'attempt.pause',
  resumed: 'attempt.resume',
  adjusted: 'attempt.adjust',
  stopped: 'attempt.stop',
} as const satisfies Record<StaffClockBody['kind'], AttemptAct>;

/**
 * Appends what staff do to somebody's clock, and audits it, all or nothing. The caller has checked that `by` may; for a pause, that the
 * sandbox stands still.
 *
 * @throws AppError as `appendClockEvent` does, and `conflict` for ending a pause that is not one of staff.
 */
export function appendByStaff(db: Database, attemptId: string, body: StaffClockBody, by: string): Promise<Appended> {
  return inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    const { state, events, ownerUserId, limits } = attempt;
    if (body.kind === 'resumed' && state === 'paused' && openStaffPause(state, events, ownerUserId) === null) {
      throw new AppError('conflict', 'The participant paused this attempt, and nobody but them resumes it before its cap.');
    }
    const appended = await appendLocked(tx, attempt, body, { by });
    const isOver = body.kind === 'adjusted' && state === 'paused' && remainingMs(appended.events, attempt.nowMs, limits.limitMs) <= 0;
    const ended = isOver ? await expirePaused(tx, { ...attempt, events: appended.events }) : appended;
    const { kind, ...data } = body;
    await recordAudit(tx, {
      userId: by,
      act: STAFF_ACTS[kind],
      subject: `attempt:${attemptId}`,
      before: { state },
      after: { state: ended.state, clockN: appended.event.n, ...data },
    });
    return ended;
  });
}

/** No deadline is served in a pause, and none that has reached zero can be resumed: who takes the last of its time ends it. */
async function expirePaused(tx: Queryable, attempt: LockedAttempt): Promise<Appended> {
  await refuseWhileTimeIsDueBack(tx, attempt, 0);
  return appendLocked(tx, attempt, { kind: 'expired' }, { by: null });
}

/** How long the link to a running sandbox has had no sign of life, in whole milliseconds; 0 where that is of no interest. */
function linkGapMs({ state, linkHeartbeatAtMs, nowMs }: LockedAttempt): number {
  return linkHeartbeatAtMs === null || state !== 'running' ? 0 : Math.max(0, Math.floor(nowMs - linkHeartbeatAtMs));
}

function outageUntilNow(attempt: LockedAttempt, cause: string): ClockEventBody {
  return { kind: 'outage', fromMs: attempt.nowMs - linkGapMs(attempt), toMs: attempt.nowMs, cause };
}

/** A deadline that passes in an outage is none: the outage is given back when it is over, and only then is it zero or not. */
async function refuseWhileTimeIsDueBack(tx: Queryable, attempt: LockedAttempt, ifRemainingAtMostMs: number): Promise<void> {
  const { events, limits, nowMs } = attempt;
  const isDue = (gapMs: number) => gapMs >= OUTAGE_FROM_MS && remainingMs(events, nowMs - gapMs, limits.limitMs) > ifRemainingAtMostMs;
  if (isDue(linkGapMs(attempt)))
    throw new AppError('sandbox_unavailable', 'The sandbox is out of reach. Its time is given back before the attempt can run out of it.');
  const pagesGapMs = await unreachableMs(tx, nowMs);
  if (pagesGapMs < UNREACHABLE_MAX_MS && isDue(pagesGapMs))
    throw new AppError('sandbox_unavailable', 'The pages are out of reach. Their time is given back before the attempt can run out of it.');
}

/** How long the pages have not been reached at their public address, in milliseconds; 0 while they are, and before they ever were. */
async function unreachableMs(tx: Queryable, nowMs: number): Promise<number> {
  const { rows } = await tx.query(
    'SELECT extract(epoch FROM reached_at)::float8 * 1000 AS ms FROM public_address WHERE failed_at IS NOT NULL',
  );
  return rows[0] === undefined ? 0 : Math.max(0, nowMs - rows[0].ms);
}

/** The same within a transaction that has locked the attempt already. */
export async function appendLocked(tx: Queryable, attempt: LockedAttempt, body: ClockEventBody, options: AppendOptions): Promise<Appended> {
  // Whoever is stopped, or submits, while the sandbox is out of reach was out of time from then on; an end that runs out waits for it instead.
  const ends = (body.kind === 'stopped' || body.kind === 'submitted') && options.atMs === undefined;
  if (ends && attempt.state === 'running' && linkGapMs(attempt) >= OUTAGE_FROM_MS) {
    const outage = await append(tx, attempt, outageUntilNow(attempt, LINK_LOST), { by: null });
    return append(tx, { ...attempt, events: outage.events }, body, options);
  }
  return append(tx, attempt, body, options);
}

async function append(tx: Queryable, attempt: LockedAttempt, body: ClockEventBody, options: AppendOptions): Promise<Appended> {
  const { id, state, limits, events, nowMs } = attempt;
  const atMs = Math.floor(Math.max(events.at(-1)?.atMs ?? 0, Math.min(options.atMs ?? nowMs, nowMs)));
  const { next } = applyClockEvent(state, events, body, limits, atMs, { ifRemainingAtMostMs: options.ifRemainingAtMostMs });
  const event = { ...body, n: events.length + 1, atMs, by: options.by } as ClockEvent;
  const allEvents = [...events, event];
  const { kind, ...data } = body;
  const at = new Date(atMs);
  await tx.query('INSERT INTO clock_event (attempt_id, n, kind, data, at, by_user_id) VALUES ($1, $2, $3, $4::jsonb, $5, $6)', [
    id,
    event.n,
    kind,
    storableJson(data),
    at,
    options.by,
  ]);
  const deadline = next === 'running' ? deadlineMs(allEvents, nowMs, limits.limitMs) : null;
  const endReason = kind === 'submitted' || kind === 'expired' || kind === 'stopped' ? END_REASON_OF[kind] : null;
  await tx.query(
    `UPDATE attempt SET state = $2, clock_n = $3, deadline_at = $4,
       started_at = CASE WHEN $5 THEN $6 ELSE started_at END,
       -- An outage begins with the clock at the earliest, so heartbeats count from here.
       link_heartbeat_at = CASE WHEN $5 THEN $6 ELSE link_heartbeat_at END, link_gap_ms = CASE WHEN $5 THEN 0 ELSE link_gap_ms END,
       ended_at = CASE WHEN $7::text IS NOT NULL THEN $6 ELSE ended_at END, end_reason = coalesce($7, end_reason)
     WHERE id = $1`,
    [id, next, event.n, deadline === null ? null : new Date(Math.ceil(deadline)), kind === 'started', at, endReason],
  );
  await keepPauses(tx, id, body, endReason !== null, at);
  if (body.kind === 'rollback') {
    // By the moment and not by elapsed time, which a correction since then has moved.
    await tx.query(`UPDATE score SET rolled_back = true WHERE attempt_id = $1 AND trigger <> 'start' AND requested_at > $2`, [
      id,
      new Date(options.restoredAtMs ?? 0),
    ]);
  }
  await appendOutbox(tx, id, 'clock.event', { n: event.n, event: { ...event } }, atMs);
  await notify(tx, 'attempt', id);
  return { event, state: next, events: allEvents };
}

async function keepPauses(tx: Queryable, attemptId: string, body: ClockEventBody, ends: boolean, at: Date): Promise<void> {
  if (body.kind === 'paused') {
    const wakesAt = body.resumeAtMs === undefined ? null : new Date(body.resumeAtMs - WAKE_LEAD_MS);
    await tx.query('INSERT INTO pause (id, attempt_id, reason, started_at, wakes_at) VALUES (gen_random_uuid(), $1, $2, $3, $4)', [
      attemptId,
      body.reason,
      at,
      wakesAt,
    ]);
    if (body.reason === 'hibernate') {
      await tx.query('UPDATE attempt SET runner_token_hash = NULL WHERE id = $1', [attemptId]);
      await releaseLease(tx, attemptId, 'The attempt hibernates.');
    }
  } else if (body.kind === 'woken') {
    await tx.query('UPDATE pause SET wakes_at = $2 WHERE attempt_id = $1 AND ended_at IS NULL', [attemptId, at]);
  } else if (body.kind === 'resumed' || ends) {
    await tx.query('UPDATE pause SET ended_at = $2 WHERE attempt_id = $1 AND ended_at IS NULL', [attemptId, at]);
  }
}

/**
 * Gives back the time in which no gateway held the runner's link, up to now, and renews the link's heartbeat. Called when a
 * runner is attached again, and when heartbeats can be written again after the database was away.
 *
 * @returns the event that gave time back, or null where none was due.
 */
export function noteOutage(db: Database, attemptId: string, cause = LINK_LOST): Promise<Appended | null> {
  return inTransaction(db, async (tx) => {
    const attempt = await lockAttempt(tx, attemptId);
    const gapMs = linkGapMs(attempt);
    let appended: Appended | null = null;
    let gapsMs = attempt.linkGapMs;
    if (gapMs >= OUTAGE_FROM_MS) {
      appended = await appendLocked(tx, attempt, outageUntilNow(attempt, cause), { by: null });
    } else {
      gapsMs += gapMs;
      if (gapsMs >= OUTAGE_FROM_MS) {
        const body: ClockEventBody = { kind: 'adjusted', creditMs: gapsMs, reason: 'Short gaps of the link to the sandbox, added up.' };
        appended = await appendLocked(tx, attempt, body, { by: null });
        gapsMs = 0;
      }
    }
    await tx.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp(), link_gap_ms = $2 WHERE id = $1', [attemptId, gapsMs]);
    return appended;
  });
}

/**
 * Renews the heartbeats of the runner links that this gateway holds, in one statement. A link whose heartbeat could not be
 * written for an outage's length is given its time back.
 */
export async function renewLinkHeartbeats(db: Database, attemptIds: readonly string[]): Promise<void> {
  if (attemptIds.length === 0) return;
  const { rows } = await db.pool.query(
    `UPDATE attempt SET link_heartbeat_at = clock_timestamp()
     WHERE id = ANY($1::uuid[]) AND (link_heartbeat_at IS NULL OR state <> 'running' OR link_heartbeat_at > clock_timestamp() - $2 * interval '1 millisecond')
     RETURNING id`,
    [attemptIds, OUTAGE_FROM_MS],
  );
  const renewed = new Set(rows.map((row) => row.id as string));
  for (const id of attemptIds) {
    if (renewed.has(id)) continue;
    await noteOutage(db, id, 'the platform could not write to its database').catch((error: unknown) => {
      // An attempt that was deleted is nobody's loss; anything else must be heard.
      if (!(error instanceof AppError && error.code === 'not_found')) throw error;
    });
  }
}
