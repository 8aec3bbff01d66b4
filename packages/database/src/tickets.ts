import { createHash, randomBytes } from 'node:crypto';
import { type Actor, AppError, type TicketPurpose } from '@plumbline/core';
import { TICKET_LIFETIME_MS } from '@plumbline/protocol';
import type { Database } from './client.ts';
import { hitRateLimit } from './rateLimit.ts';

/** A tab that reconnects asks for one ticket each time; this is far above what any honest number of tabs needs. */
const TICKETS_PER_MINUTE = 120;

const hashOf = (ticket: string): string => createHash('sha256').update(ticket).digest('hex');

export interface NewTicket {
  userId: string;
  sessionId: string;
  attemptId: string;
  purpose: TicketPurpose;
}

/**
 * A single-use ticket for the socket of an attempt: 256 random bits, of which only the hash is kept. The caller has checked
 * that this user may.
 *
 * @throws AppError `rate_limited`.
 */
export async function mintTicket(
  db: Database,
  { userId, sessionId, attemptId, purpose }: NewTicket,
): Promise<{ ticket: string; expiresInMs: number }> {
  const limit = await hitRateLimit(db, `ticket:${userId}`, { windowMs: 60_000, max: TICKETS_PER_MINUTE });
  if (!limit.allowed) throw new AppError('rate_limited', 'Too many connections were opened in a minute. Wait a moment, then reload.');
  const ticket = randomBytes(32).toString('base64url');
  await db.pool.query(
    `INSERT INTO ticket (hash, user_id, session_id, attempt_id, purpose, expires_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 millisecond')`,
    [hashOf(ticket), userId, sessionId, attemptId, purpose, TICKET_LIFETIME_MS],
  );
  return { ticket, expiresInMs: TICKET_LIFETIME_MS };
}

export interface RedeemedTicket {
  actor: Actor;
  sessionId: string;
  attemptId: string;
  purpose: TicketPurpose;
}

/**
 * Uses a ticket up, in one statement: of any number of callers at once exactly one succeeds.
 *
 * @throws AppError `unauthenticated` for a ticket that is unknown, used or late, whose sign-in has ended, or whose user is disabled.
 */
export async function redeemTicket(db: Database, ticket: string): Promise<RedeemedTicket> {
  const { rows } = await db.pool.query(
    `UPDATE ticket t SET used_at = clock_timestamp() FROM app_user u, session s
     WHERE t.hash = $1 AND t.used_at IS NULL AND t.expires_at > clock_timestamp()
       AND u.id = t.user_id AND u.disabled_at IS NULL
       AND s.id = t.session_id AND s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
     RETURNING t.user_id, u.role, t.session_id, t.attempt_id, t.purpose`,
    [hashOf(ticket)],
  );
  const row = rows[0];
  if (row === undefined)
    throw new AppError('unauthenticated', 'This ticket was used before, has expired, or its sign-in has ended. Reload the page.');
  return { actor: { userId: row.user_id, role: row.role }, sessionId: row.session_id, attemptId: row.attempt_id, purpose: row.purpose };
}

/** Removes tickets that can no longer be used. */
export async function removeDeadTickets(db: Database): Promise<void> {
  await db.pool.query('DELETE FROM ticket WHERE expires_at < clock_timestamp() OR used_at IS NOT NULL');
}
