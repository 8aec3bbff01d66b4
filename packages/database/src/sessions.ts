import type { Actor, Role } from '@plumbline/core';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** A sign-in lasts a working day and an evening: longer than any attempt, shorter than a forgotten laptop. */
export const SESSION_LIFETIME_MS = 16 * 3_600_000;

export interface LoadedSession extends Actor {
  sessionId: string;
  role: Role;
  email: string;
  name: string;
  expiresAt: Date;
}

/** What a cookie carries may be anything; only an id is looked up. */
const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Begins a sign-in. */
export async function createSession(db: Database, userId: string, lifetimeMs = SESSION_LIFETIME_MS): Promise<string> {
  const { rows } = await db.pool.query(
    `INSERT INTO session (id, user_id, expires_at) VALUES (gen_random_uuid(), $1, clock_timestamp() + $2 * interval '1 millisecond') RETURNING id`,
    [userId, lifetimeMs],
  );
  return rows[0].id;
}

/** The sign-in with its user and role as they are now; null where it ended, ran out, or the user is disabled. */
export async function loadSession(db: Database, sessionId: string): Promise<LoadedSession | null> {
  if (!SESSION_ID.test(sessionId)) return null;
  const { rows } = await db.pool.query(
    `SELECT s.id AS "sessionId", u.id AS "userId", u.role, u.email, u.name, s.expires_at AS "expiresAt" FROM session s JOIN app_user u ON u.id = s.user_id
     WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL`,
    [sessionId],
  );
  return rows[0] ?? null;
}

/** Which of these sign-ins were ended, or are of somebody who was disabled. One that only ran out is not among them: what was opened with it goes on. */
export async function listEndedSessions(db: Database, sessionIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT s.id FROM session s JOIN app_user u ON u.id = s.user_id
     WHERE s.id = ANY($1::uuid[]) AND (s.ended_at IS NOT NULL OR u.disabled_at IS NOT NULL)`,
    [sessionIds],
  );
  return rows.map(({ id }) => id);
}

/** Ends a sign-in, and with it the sockets that were opened with it. Idempotent. */
export async function endSession(db: Database, sessionId: string): Promise<void> {
  if (!SESSION_ID.test(sessionId)) return;
  await inTransaction(db, (tx) => endSessionsWhere(tx, 'id = $1', sessionId));
}

/** Ends every sign-in of a user within a transaction. */
export async function endAllOfUser(tx: Queryable, userId: string): Promise<void> {
  await endSessionsWhere(tx, 'user_id = $1', userId);
}

async function endSessionsWhere(tx: Queryable, condition: string, value: string): Promise<void> {
  const { rows } = await tx.query(`UPDATE session SET ended_at = clock_timestamp() WHERE ended_at IS NULL AND ${condition} RETURNING id`, [
    value,
  ]);
  for (const row of rows) await notify(tx, 'session', row.id);
}

/** Removes sign-ins that ran out over a month ago and that no ticket names any more. */
export async function removeDeadSessions(db: Database): Promise<void> {
  await db.pool.query(
    `DELETE FROM session s WHERE s.expires_at < clock_timestamp() - interval '30 days' AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.session_id = s.id)`,
  );
}
