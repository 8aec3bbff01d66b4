import type { Database } from './client.ts';

export interface StrandingLimits {
  /** A runner's link whose mark is older than this is away. */
  linkAliveMs: number;
  /** A machine that was granted, and neither showed nor connected a runner for this long, brings none up. */
  silentMs: number;
  /** Runners that were started anew on one machine after the end of the attempt. */
  replacements: number;
  /** In the queue, where an ended attempt goes first. */
  queuedMs: number;
}

export interface StrandedAttempt {
  id: string;
  /** The machine that brought no sandbox up; null for one that waits in the queue. */
  hostName: string | null;
  /** Runners that were started anew there. */
  replacements: number;
}

/** Ended attempts that wait for a sandbox which does not come, and whose link is away now. */
export async function listStrandedAttempts(db: Database, limits: StrandingLimits): Promise<StrandedAttempt[]> {
  const before = (parameter: string) => `clock_timestamp() - ${parameter} * interval '1 millisecond'`;
  const { rows } = await db.pool.query(
    `SELECT a.id, h.name AS "hostName", r.n AS replacements
     FROM attempt a JOIN lease l ON l.attempt_id = a.id AND l.state IN ('queued', 'held') LEFT JOIN host h ON h.id = l.host_id
     CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM audit_entry e
       WHERE e.subject = 'attempt:' || a.id AND e.act = 'runner.replace' AND e.at > greatest(l.granted_at, a.ended_at)) r
     WHERE a.state = 'finalising' AND (a.link_heartbeat_at IS NULL OR a.link_heartbeat_at < ${before('$1')})
       AND CASE l.state WHEN 'queued' THEN l.requested_at < ${before('$4')}
           ELSE r.n >= $3 OR greatest(l.granted_at, l.renewed_at, a.link_heartbeat_at, a.ended_at) < ${before('$2')} END
     ORDER BY a.ended_at, a.id`,
    [limits.linkAliveMs, limits.silentMs, limits.replacements, limits.queuedMs],
  );
  return rows;
}

/**
 * Attempts that were made void or left, without a runner now, whose recording is not signed yet, or still has what its participant had
 * sealed. None whose recording was erased.
 */
export async function listClosedRecordings(db: Database, linkAliveMs: number): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT a.id FROM attempt a
     WHERE a.state IN ('void', 'withdrawn') AND a.last_seq > 0 AND a.runner_placement IS NULL
       AND (a.link_heartbeat_at IS NULL OR a.link_heartbeat_at < clock_timestamp() - $1 * interval '1 millisecond')
       AND NOT EXISTS (SELECT 1 FROM recording_key k WHERE k.attempt_id = a.id AND k.wrapped IS NULL)
       AND (NOT EXISTS (SELECT 1 FROM recording_manifest m WHERE m.attempt_id = a.id)
         OR EXISTS (SELECT 1 FROM recording_seal s WHERE s.attempt_id = a.id AND s.taken_out_at IS NULL))
     ORDER BY a.id`,
    [linkAliveMs],
  );
  return rows.map(({ id }) => id);
}
