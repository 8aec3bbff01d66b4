import { createHash, randomBytes } from 'node:crypto';
import type { Actor, AttemptState } from '@plumbline/core';
import type { Database } from './client.ts';

/** The host names under which a person's browser reaches ports of a sandbox, and the cookie that opens each. */

const LABEL_BYTES = 16;

const hashOf = (cookie: string): string => createHash('sha256').update(cookie).digest('hex');

export interface PortHost {
  attemptId: string;
  attemptState: AttemptState;
  port: number;
  sessionId: string;
  /** Who signed in with that session, as they are now. */
  actor: Actor;
  cookieHash: string | null;
}

/** The random part of the host name of one sign-in, attempt and port: the same one as long as the sign-in lasts. */
export async function portHostLabel(
  db: Database,
  { attemptId, sessionId, port }: { attemptId: string; sessionId: string; port: number },
): Promise<string> {
  const { rows } = await db.pool.query(
    `INSERT INTO port_host (label, attempt_id, session_id, port) VALUES ($1, $2, $3, $4)
     ON CONFLICT (attempt_id, session_id, port) DO UPDATE SET port = EXCLUDED.port RETURNING label`,
    [randomBytes(LABEL_BYTES).toString('hex'), attemptId, sessionId, port],
  );
  return rows[0].label;
}

/** A host name whose sign-in still holds, or null. */
export async function findPortHost(db: Database, label: string): Promise<PortHost | null> {
  const { rows } = await db.pool.query(
    `SELECT h.attempt_id AS "attemptId", a.state AS "attemptState", h.port, h.cookie_hash AS "cookieHash", s.id AS "sessionId",
       u.id AS "userId", u.role
     FROM port_host h JOIN attempt a ON a.id = h.attempt_id JOIN session s ON s.id = h.session_id JOIN app_user u ON u.id = s.user_id
     WHERE h.label = $1 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL`,
    [label],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { userId, role, ...host } = row;
  return { ...host, actor: { userId, role } };
}

/** A new cookie for a host name, of which only the hash is kept; the one before it opens nothing any more. */
export async function newPortCookie(db: Database, label: string): Promise<string> {
  const cookie = randomBytes(32).toString('base64url');
  await db.pool.query('UPDATE port_host SET cookie_hash = $2 WHERE label = $1', [label, hashOf(cookie)]);
  return cookie;
}

/** Whether one of these cookies is the host name's own. */
export function opensPortHost(host: PortHost, cookies: readonly string[]): boolean {
  return host.cookieHash !== null && cookies.some((cookie) => hashOf(cookie) === host.cookieHash);
}
