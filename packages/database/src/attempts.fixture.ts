import type { ClockEventBody } from '@plumbline/core';
import { makeAttempt } from '@plumbline/testing';
import { appendClockEvent, startAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import type { AppendOptions } from './clockEvents.ts';
import { SETTINGS } from './settings.fixture.ts';

/** A running attempt with this limit, begun `agoMs` ago. */
export async function running(db: Database, limitMs = 3_600_000, agoMs = 0): Promise<{ id: string }> {
  const { attempt, expert } = await makeAttempt(db, { study: { limitMs }, environmentSettings: SETTINGS });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready' } });
  await startAttempt(db, attempt.id, expert.id);
  if (agoMs > 0) {
    await db.pool.query(`UPDATE clock_event SET at = at - $2 * interval '1 millisecond' WHERE attempt_id = $1`, [attempt.id, agoMs]);
    await db.pool.query(
      `UPDATE attempt SET started_at = started_at - $2 * interval '1 millisecond', deadline_at = deadline_at - $2 * interval '1 millisecond', link_heartbeat_at = clock_timestamp() WHERE id = $1`,
      [attempt.id, agoMs],
    );
  }
  return { id: attempt.id };
}

/** Appends a clock event of the platform's own. */
export function append(db: Database, id: string, body: ClockEventBody, more: Omit<AppendOptions, 'by'> = {}) {
  return appendClockEvent(db, id, body, { by: null, ...more });
}
