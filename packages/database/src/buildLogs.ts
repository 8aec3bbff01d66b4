import { BUILD_LOG_LINES } from '@plumbline/protocol';
import type { Database } from './client.ts';
import { storableText } from './storableJson.ts';

/** What the build of an attempt's environment printed: the last build's newest lines, kept after it as well. */

export interface BuildLogView {
  /** So many lines before the first one here are not here. */
  left: number;
  lines: string[];
  at: Date;
}

/** Puts lines in the place of all from line `first` on, counted from 0; only the newest lines are kept. */
export async function saveBuildLog(db: Database, attemptId: string, first: number, lines: readonly string[]): Promise<void> {
  await db.pool.query(
    `WITH whole AS (
       SELECT CASE WHEN b.first < $2 AND b.first + cardinality(b.lines) >= $2 THEN b.lines[1 : $2 - b.first] || $3::text[] ELSE $3::text[] END AS lines
       FROM (SELECT) AS one LEFT JOIN build_log b ON b.attempt_id = $1
     ), kept AS (SELECT lines[greatest(1, cardinality(lines) - $4 + 1) :] AS lines FROM whole)
     INSERT INTO build_log (attempt_id, first, lines, at) SELECT $1, $2 + cardinality($3::text[]) - cardinality(lines), lines, clock_timestamp() FROM kept
     ON CONFLICT (attempt_id) DO UPDATE SET first = EXCLUDED.first, lines = EXCLUDED.lines, at = EXCLUDED.at`,
    [attemptId, first, lines.map(storableText), BUILD_LOG_LINES],
  );
}

/** The newest `most` lines of an attempt's build log; null where nothing was built for it. */
export async function findBuildLog(db: Database, attemptId: string, most: number): Promise<BuildLogView | null> {
  const { rows } = await db.pool.query(
    `SELECT first + greatest(0, cardinality(lines) - $2) AS "left", lines[greatest(1, cardinality(lines) - $2 + 1) :] AS lines, at
     FROM build_log WHERE attempt_id = $1`,
    [attemptId, most],
  );
  return rows[0] ?? null;
}
