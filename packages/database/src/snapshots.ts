import type { Database } from './client.ts';
import { storableJson } from './storableJson.ts';

/** The states of a workspace that a lost one can be taken from, as the recording told of them. */

export interface SkippedFile {
  path: string;
  reason: string;
  size?: number;
}

export interface TakenSnapshot {
  commit: string;
  /** Undefined where nothing had changed since the snapshot before. */
  bundle: string | undefined;
  /** The commit that the bundle builds on, null where it stands alone; undefined from a runner that always builds on the one before. */
  base?: string | null | undefined;
  atMs: number;
  skipped: readonly SkippedFile[];
}

export interface RestorePoint {
  /** Oldest first, each on top of the one before. */
  bundles: string[];
  /** When the workspace was last seen in the state of the last bundle. */
  atMs: number;
  skipped: SkippedFile[];
  /** The highest number that a terminal of the attempt has had. */
  lastTerminal: number;
}

/** Notes a snapshot; the same one may be told again. */
export async function noteSnapshot(db: Database, attemptId: string, { commit, bundle, base, atMs, skipped }: TakenSnapshot): Promise<void> {
  const at = new Date(atMs);
  if (bundle === undefined) {
    await db.pool.query('UPDATE workspace_snapshot SET at = greatest(at, $3), skipped = $4::jsonb WHERE attempt_id = $1 AND commit = $2', [
      attemptId,
      commit,
      at,
      storableJson(skipped),
    ]);
    return;
  }
  await db.pool.query(
    `INSERT INTO workspace_snapshot (attempt_id, n, commit, bundle, at, skipped, base)
     SELECT $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5::jsonb, CASE WHEN $6 THEN $7 ELSE (array_agg(commit ORDER BY n DESC))[1] END
     FROM workspace_snapshot WHERE attempt_id = $1
     ON CONFLICT (attempt_id, bundle) DO NOTHING`,
    [attemptId, commit, bundle, at, storableJson(skipped), base !== undefined, base ?? null],
  );
}

/** What the newest snapshot of a workspace left out, with why. */
export async function listLeftOut(db: Database, attemptId: string): Promise<SkippedFile[]> {
  const { rows } = await db.pool.query('SELECT skipped FROM workspace_snapshot WHERE attempt_id = $1 ORDER BY at DESC, n DESC LIMIT 1', [
    attemptId,
  ]);
  return rows[0]?.skipped ?? [];
}

/** Notes a terminal's number, so that none is given twice where a runner starts on an empty folder. */
export async function noteTerminal(db: Database, attemptId: string, terminal: number): Promise<void> {
  await db.pool.query('UPDATE attempt SET last_terminal = $2 WHERE id = $1 AND last_terminal < $2', [attemptId, terminal]);
}

/** The newest state of a workspace whose every part has been uploaded; null where there is none. */
export async function findRestorePoint(db: Database, attemptId: string): Promise<RestorePoint | null> {
  const { rows } = await db.pool.query(
    `SELECT s.commit, s.base, s.bundle, round(extract(epoch FROM s.at) * 1000)::float8 AS "atMs", s.skipped, b.hash IS NOT NULL AS stored, a.last_terminal AS "lastTerminal"
     FROM workspace_snapshot s JOIN attempt a ON a.id = s.attempt_id
     LEFT JOIN recording_blob b ON b.attempt_id = s.attempt_id AND b.hash = s.bundle
     WHERE s.attempt_id = $1 ORDER BY s.n`,
    [attemptId],
  );
  // The newest that can be had may not rest on all that were taken: one stands alone after a part of another was lost.
  const links = new Map<string, { bundle: string; base: string | null }>();
  let newest: (typeof rows)[number] | undefined;
  for (const row of rows) {
    if (!row.stored || (row.base !== null && !links.has(row.base))) continue;
    links.set(row.commit, row);
    newest = row;
  }
  if (newest === undefined) return null;
  const bundles: string[] = [];
  for (let link = links.get(newest.commit); link !== undefined; link = link.base === null ? undefined : links.get(link.base)) {
    bundles.push(link.bundle);
  }
  return { bundles: bundles.reverse(), atMs: newest.atMs, skipped: newest.skipped, lastTerminal: newest.lastTerminal };
}
