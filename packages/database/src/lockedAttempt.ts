import { AppError, type AttemptState, type ClockEvent, type ClockEventBody, type ClockLimits } from '@plumbline/core';
import type { Queryable } from './transaction.ts';

/** An attempt whose row is locked until the transaction ends, with all that the clock's rules read. */
export interface LockedAttempt {
  id: string;
  /** The participant's user; null for an agent. */
  ownerUserId: string | null;
  state: AttemptState;
  limits: ClockLimits;
  events: ClockEvent[];
  /** The database's time when the lock was taken, and never before the last event. */
  nowMs: number;
  linkHeartbeatAtMs: number | null;
  linkGapMs: number;
  endedAtMs: number | null;
}

interface EventRow {
  n: number;
  kind: string;
  data: object;
  at_ms: number;
  by_user_id: string | null;
}

export function toClockEvent(row: EventRow): ClockEvent {
  return { ...(row.data as ClockEventBody), kind: row.kind, n: row.n, atMs: row.at_ms, by: row.by_user_id } as ClockEvent;
}

/** Aggregates an attempt's clock events as JSON, oldest first; for use in a select list, with `a` as the attempt. */
export const EVENTS_SQL = `(SELECT coalesce(json_agg(json_build_object('n', e.n, 'kind', e.kind, 'data', e.data,
    'at_ms', round(extract(epoch FROM e.at) * 1000), 'by_user_id', e.by_user_id) ORDER BY e.n), '[]')
  FROM clock_event e WHERE e.attempt_id = a.id)`;

const LIMITS_SQL = 'a.limit_ms, s.max_pauses, s.max_pause_ms, s.max_pause_total_ms';

/**
 * Locks an attempt's row and reads its clock.
 *
 * @throws AppError `not_found`.
 */
export async function lockAttempt(tx: Queryable, attemptId: string): Promise<LockedAttempt> {
  // Two statements: events and time are read after the lock is held, or a competitor's event would be missed.
  await tx.query('SELECT 1 FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
  const { rows } = await tx.query(
    `SELECT a.state, p.user_id AS owner_user_id, a.link_gap_ms, extract(epoch FROM a.link_heartbeat_at)::float8 * 1000 AS heartbeat_ms,
            extract(epoch FROM a.ended_at)::float8 * 1000 AS ended_ms, ${LIMITS_SQL}, ${EVENTS_SQL} AS events,
            floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms
     FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN study s ON s.id = g.study_id
     JOIN participant p ON p.id = g.participant_id WHERE a.id = $1`,
    [attemptId],
  );
  const row = rows[0];
  if (row === undefined) throw new AppError('not_found', 'There is no such attempt.');
  const events = (row.events as EventRow[]).map(toClockEvent);
  return {
    id: attemptId,
    ownerUserId: row.owner_user_id,
    state: row.state,
    limits: toLimits(row),
    events,
    nowMs: Math.max(row.now_ms, events.at(-1)?.atMs ?? 0),
    linkHeartbeatAtMs: row.heartbeat_ms,
    linkGapMs: row.link_gap_ms,
    endedAtMs: row.ended_ms,
  };
}

export function toLimits(row: { limit_ms: number; max_pauses: number; max_pause_ms: number; max_pause_total_ms: number }): ClockLimits {
  return { limitMs: row.limit_ms, maxPauses: row.max_pauses, maxPauseMs: row.max_pause_ms, maxPauseTotalMs: row.max_pause_total_ms };
}
