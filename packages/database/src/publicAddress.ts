import { elapsedMs, startedAtMs } from '@plumbline/core';
import type { Database } from './client.ts';
import { appendLocked, OUTAGE_FROM_MS } from './clockEvents.ts';
import { type LockedAttempt, lockAttempt } from './lockedAttempt.ts';
import { inTransaction } from './transaction.ts';

const UNREACHABLE = 'the pages could not be reached';

/** Says that the pages did not answer at their public address. Before they did once at that address, it says nothing. */
export async function notePagesUnreached(db: Database, url: string): Promise<void> {
  await db.pool.query('DELETE FROM public_address WHERE url <> $1', [url]);
  await db.pool.query('UPDATE public_address SET failed_at = clock_timestamp() WHERE failed_at IS NULL');
}

/**
 * Says that the pages answered at their public address. Where they had not for an outage's length, the time since they last did is given
 * back, first, to every attempt under way and to those that ended in it; that may be done again where it failed half-way.
 *
 * @returns the attempts that were given time.
 */
export async function notePagesReached(db: Database, url: string): Promise<string[]> {
  const { rows } = await db.pool.query<{ reached_ms: number }>(
    `SELECT floor(extract(epoch FROM reached_at) * 1000)::float8 AS reached_ms FROM public_address
     WHERE url = $1 AND failed_at IS NOT NULL AND reached_at <= clock_timestamp() - $2 * interval '1 millisecond'`,
    [url, OUTAGE_FROM_MS],
  );
  const since = rows[0]?.reached_ms;
  const given = since === undefined ? [] : await giveBackSince(db, since);
  await db.pool.query(
    `INSERT INTO public_address (url, reached_at) VALUES ($1, clock_timestamp())
     ON CONFLICT (id) DO UPDATE SET url = excluded.url, reached_at = excluded.reached_at, failed_at = NULL`,
    [url],
  );
  return given;
}

async function giveBackSince(db: Database, fromMs: number): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    `SELECT id FROM attempt WHERE state IN ('running', 'paused') OR (state IN ('finalising', 'completed') AND ended_at > to_timestamp($1 / 1000.0))`,
    [fromMs],
  );
  const given: string[] = [];
  for (const { id } of rows) {
    const appended = await inTransaction(db, async (tx) => {
      const attempt = await lockAttempt(tx, id);
      const outage = countedOutage(attempt, fromMs);
      return outage === null ? null : appendLocked(tx, attempt, { kind: 'outage', ...outage, cause: UNREACHABLE }, { by: null });
    });
    if (appended !== null) given.push(id);
  }
  return given;
}

/** The stretch since then, as far as the clock ran; null where what of it counted, and was not given back already, is no outage's length. */
function countedOutage({ events, nowMs }: LockedAttempt, sinceMs: number): { fromMs: number; toMs: number } | null {
  const fromMs = Math.max(sinceMs, startedAtMs(events) ?? nowMs);
  return elapsedMs(events, nowMs) - elapsedMs(events, fromMs) >= OUTAGE_FROM_MS ? { fromMs, toMs: nowMs } : null;
}
