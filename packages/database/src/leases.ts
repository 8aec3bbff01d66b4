import type { AttemptState, ResourceNeed } from '@plumbline/core';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import type { Database } from './client.ts';
import { needOf } from './hostCapacity.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/**
 * What attempts wait for, hold and give back of hosts; who of the queue is granted what is decided in `leaseGrants.ts`. Only the platform
 * writes here, and never because a sandbox said so. A lease is `queued`, `held`, then `releasing` once nobody needs it, and `released`
 * when a listing of its host has proven that nothing of it runs. Its end is fixed when it is granted.
 */

/** For provisioning, outages, and the scores after the end. */
export const LEASE_MARGIN_MS = 4 * 3_600_000;

export interface LeaseRecord {
  id: string;
  attemptId: string;
  state: 'queued' | 'held' | 'releasing' | 'released';
  /** Null while it waits. */
  hostId: string | null;
  gpuIds: string[];
  need: ResourceNeed;
  waitReason: string | null;
  waitAhead: number | null;
  requestedAt: Date;
  grantedAt: Date | null;
  /** When a listing of the host last showed its runner. */
  renewedAt: Date | null;
  endsAt: Date | null;
  releaseCause: string | null;
}

/** What `toLeaseRecord` reads, of `lease l`. */
export const LEASE_COLUMNS = `l.id, l.attempt_id, l.state, l.host_id, l.gpu_ids, l.gpu_count, l.gpu_model, l.cpus, l.memory_bytes, l.exclusive, l.root_scorer,
  l.wait_reason, l.wait_ahead, l.requested_at, l.granted_at, l.renewed_at, l.ends_at, l.release_cause`;

/** A row of `LEASE_COLUMNS` as the rest of the platform knows it. */
export function toLeaseRecord(row: any): LeaseRecord {
  return {
    id: row.id,
    attemptId: row.attempt_id,
    state: row.state,
    hostId: row.host_id,
    gpuIds: row.gpu_ids,
    need: {
      gpuCount: row.gpu_count,
      gpuModel: row.gpu_model,
      cpus: row.cpus,
      memoryBytes: row.memory_bytes === null ? null : Number(row.memory_bytes),
      exclusive: row.exclusive,
      rootScorer: row.root_scorer,
    },
    waitReason: row.wait_reason,
    waitAhead: row.wait_ahead,
    requestedAt: row.requested_at,
    grantedAt: row.granted_at,
    renewedAt: row.renewed_at,
    endsAt: row.ends_at,
    releaseCause: row.release_cause,
  };
}

/** The lease that an attempt waits for, holds or gives back now; null for none. */
export async function findLiveLease(db: Database, attemptId: string): Promise<LeaseRecord | null> {
  const { rows } = await db.pool.query(`SELECT ${LEASE_COLUMNS} FROM lease l WHERE l.attempt_id = $1 AND l.state <> 'released'`, [
    attemptId,
  ]);
  return rows[0] === undefined ? null : toLeaseRecord(rows[0]);
}

/** Whether the attempt's lease before this one was on another host: what this host has of it is of an earlier time. */
export async function wasElsewhere(db: Database, { id, attemptId, hostId }: LeaseRecord): Promise<boolean> {
  const { rows } = await db.pool.query(
    'SELECT host_id FROM lease WHERE attempt_id = $1 AND id <> $2 AND granted_at IS NOT NULL ORDER BY granted_at DESC LIMIT 1',
    [attemptId, id],
  );
  return rows[0] !== undefined && rows[0].host_id !== hostId;
}

/** An attempt that has not ended and whose clock will need a sandbox: not one that hibernates. */
export const NEEDS_MACHINE = `(a.state IN ('provisioning', 'ready', 'running', 'finalising') OR (a.state = 'paused' AND NOT EXISTS (
  SELECT 1 FROM pause p WHERE p.attempt_id = a.id AND p.ended_at IS NULL AND p.wakes_at > clock_timestamp())))`;

/**
 * Puts every attempt into the queue that needs a machine and neither has one nor waits for one.
 *
 * @returns how many were added.
 */
export async function queueForMachines(db: Database): Promise<number> {
  const { rows } = await db.pool.query(
    `SELECT a.id FROM attempt a WHERE ${NEEDS_MACHINE} AND a.runner_placement IS NULL
       AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.attempt_id = a.id AND l.state <> 'released') ORDER BY a.created_at, a.id`,
  );
  for (const row of rows) await queueForMachine(db.pool, row.id);
  return rows.length;
}

/** Puts one attempt into the queue, unless it waits or holds or gives back already. Its place is the moment at which this is called. */
export async function queueForMachine(on: Queryable, attemptId: string): Promise<void> {
  const { rows } = await on.query(
    `SELECT n.settings FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN environment n ON n.id = g.environment_id WHERE a.id = $1`,
    [attemptId],
  );
  await insertLease(on, attemptId, needOf(EnvironmentSettings.parse(rows[0].settings)));
}

async function insertLease(on: Queryable, attemptId: string, need: ResourceNeed): Promise<string | null> {
  const { rows } = await on.query(
    `INSERT INTO lease (id, attempt_id, gpu_count, gpu_model, cpus, memory_bytes, exclusive, root_scorer, requested_at)
     VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, clock_timestamp()) ON CONFLICT (attempt_id) WHERE state <> 'released' DO NOTHING RETURNING id`,
    [attemptId, need.gpuCount, need.gpuModel, need.cpus, need.memoryBytes, need.exclusive, need.rootScorer],
  );
  return rows[0]?.id ?? null;
}

/** Whether an attempt has not ended and its clock will need a sandbox now: one that hibernates needs none. */
export async function needsMachine(db: Database, attemptId: string): Promise<boolean> {
  const { rowCount } = await db.pool.query(`SELECT 1 FROM attempt a WHERE a.id = $1 AND ${NEEDS_MACHINE}`, [attemptId]);
  return rowCount === 1;
}

/** Gives a lease to an attempt whose runner was found on a host without one: it was placed before there were leases. */
export async function adoptRunner(db: Database, attemptId: string, hostId: string): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(
      `SELECT n.settings FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN environment n ON n.id = g.environment_id
       WHERE a.id = $1 AND ${NEEDS_MACHINE}`,
      [attemptId],
    );
    if (rows[0] === undefined) return false;
    const id = await insertLease(tx, attemptId, needOf(EnvironmentSettings.parse(rows[0].settings)));
    if (id === null) return false;
    await holdLease(tx, { leaseId: id, hostId, gpuIds: [] });
    return true;
  });
}

/** Milliseconds from the grant to the end, which stands from there on: limit + pauses + margin, whatever happens afterwards. */
export const LEASE_DURATION_SQL = `(a.limit_ms::float8 + s.max_pause_total_ms + ${LEASE_MARGIN_MS})`;

/** Gives a machine to whoever waits for it; false where it waits no longer. */
export async function holdLease(
  tx: Queryable,
  { leaseId, hostId, gpuIds }: { leaseId: string; hostId: string; gpuIds: readonly string[] },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE lease l SET state = 'held', host_id = $2, gpu_ids = $3::jsonb, wait_reason = NULL, wait_ahead = NULL,
       granted_at = clock_timestamp(), renewed_at = clock_timestamp(), ends_at = clock_timestamp() + ${LEASE_DURATION_SQL} * interval '1 millisecond'
     FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN study s ON s.id = g.study_id WHERE l.id = $1 AND l.state = 'queued' AND a.id = l.attempt_id`,
    [leaseId, hostId, JSON.stringify(gpuIds)],
  );
  return rowCount === 1;
}

/**
 * An attempt needs its machine no longer. A request leaves the queue at once; what is held is given back when a listing has proven
 * that nothing of it runs. Does nothing where there is neither.
 */
export async function releaseLease(on: Queryable, attemptId: string, cause: string): Promise<void> {
  await on.query(
    `UPDATE lease SET state = CASE WHEN state = 'queued' THEN 'released' ELSE 'releasing' END, release_cause = $2,
       released_at = CASE WHEN state = 'queued' THEN clock_timestamp() END
     WHERE attempt_id = $1 AND state IN ('queued', 'held')`,
    [attemptId, cause],
  );
}

/** A lease on a host with what decides whether it should be there. */
export interface HostLease {
  leaseId: string;
  attemptId: string;
  state: 'held' | 'releasing';
  attemptState: AttemptState;
  needsMachine: boolean;
  /** A runner is noted for the attempt. */
  placed: boolean;
  /** Since when it is held. */
  heldMs: number;
  pastEnd: boolean;
}

/** Held and releasing leases of a host. To be read before its runners are listed. */
export async function listHostLeases(db: Database, hostId: string): Promise<HostLease[]> {
  const { rows } = await db.pool.query(
    `SELECT l.id AS "leaseId", l.attempt_id AS "attemptId", l.state, a.state AS "attemptState", ${NEEDS_MACHINE} AS "needsMachine",
       a.runner_placement IS NOT NULL AS placed, extract(epoch FROM clock_timestamp() - l.granted_at)::float8 * 1000 AS "heldMs",
       l.ends_at < clock_timestamp() AS "pastEnd"
     FROM lease l JOIN attempt a ON a.id = l.attempt_id WHERE l.host_id = $1 AND l.state IN ('held', 'releasing') ORDER BY l.granted_at, l.id`,
    [hostId],
  );
  return rows;
}

/** A listing showed the runners of these: the platform's sign that they are in use. */
export async function renewLeases(db: Database, leaseIds: readonly string[]): Promise<void> {
  if (leaseIds.length === 0) return;
  await db.pool.query(`UPDATE lease SET renewed_at = clock_timestamp() WHERE id = ANY($1::uuid[]) AND state = 'held'`, [leaseIds]);
}

/** A listing that began after these were being released showed nothing of them: what they held is free, and no runner is noted any more. */
export async function proveReleased(db: Database, leaseIds: readonly string[]): Promise<void> {
  if (leaseIds.length === 0) return;
  await db.pool.query(
    `WITH released AS (UPDATE lease SET state = 'released', released_at = clock_timestamp()
       WHERE id = ANY($1::uuid[]) AND state = 'releasing' RETURNING attempt_id)
     UPDATE attempt SET runner_placement = NULL WHERE id IN (SELECT attempt_id FROM released)`,
    [leaseIds],
  );
}

/** Hosts on which leases are held or given back or runners are noted, removed ones included. */
export async function hostsInUse(db: Database): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT host_id FROM lease WHERE state IN ('held', 'releasing') AND host_id IS NOT NULL
     UNION SELECT (runner_placement->>'hostId')::uuid FROM attempt WHERE runner_placement->>'hostId' IS NOT NULL`,
  );
  return rows.map((row) => row.host_id);
}
