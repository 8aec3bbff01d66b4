import type { Database } from './client.ts';

export interface RateLimitRule {
  windowMs: number;
  /** Hits allowed within one window. */
  max: number;
}

/** Counts one hit on a key, and says whether it is still within the limit. One statement, so that no two hits count as one. */
export async function hitRateLimit(db: Database, key: string, rule: RateLimitRule): Promise<{ allowed: boolean; retryAfterMs: number }> {
  const { rows } = await db.pool.query(
    `INSERT INTO rate_limit AS r (key, window_at, hits) VALUES ($1, clock_timestamp(), 1)
     ON CONFLICT (key) DO UPDATE SET
       hits = CASE WHEN r.window_at <= clock_timestamp() - $2 * interval '1 millisecond' THEN 1 ELSE r.hits + 1 END,
       window_at = CASE WHEN r.window_at <= clock_timestamp() - $2 * interval '1 millisecond' THEN clock_timestamp() ELSE r.window_at END
     RETURNING hits, extract(epoch FROM r.window_at + $2 * interval '1 millisecond' - clock_timestamp())::float8 * 1000 AS left_ms`,
    [key, rule.windowMs],
  );
  const { hits, left_ms: leftMs } = rows[0];
  return { allowed: hits <= rule.max, retryAfterMs: Math.max(0, Math.ceil(leftMs)) };
}

/** Takes back one hit: for limits that count failures and learn only afterwards that there was none. */
export async function forgiveRateLimit(db: Database, key: string): Promise<void> {
  await db.pool.query('UPDATE rate_limit SET hits = greatest(hits - 1, 0) WHERE key = $1', [key]);
}

/** Removes counts whose window ended long ago. */
export async function removeDeadRateLimits(db: Database): Promise<void> {
  await db.pool.query(`DELETE FROM rate_limit WHERE window_at < clock_timestamp() - interval '1 day'`);
}
