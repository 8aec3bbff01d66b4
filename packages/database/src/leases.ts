import {
  AppError,
  type AttemptState,
  gpuWords,
  type HeldLease,
  isTiedToHost,
  needWords,
  planLeases,
  type QueuedRequest,
  type ResourceNeed,
  type Waiting,
} from '@plumbline/core';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { needOf, toLeaseHost } from './hostCapacity.ts';
import { KEEPS_AWAY, lockHosts } from './hosts.ts';
import { enqueueWithin, prepareToEnqueue } from './jobs.ts';
import type { SkippedFile } from './snapshots.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/**
 * What attempts hold of hosts, and the queue of those that wait. Only the platform writes here, and never because a sandbox said
 * so. A lease is `queued`, `held`, then `releasing` once nobody needs it, and `released` when a listing of its host has proven that
 * nothing of it runs. Its end is fixed when it is granted.
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

const COLUMNS = `l.id, l.attempt_id, l.state, l.host_id, l.gpu_ids, l.gpu_count, l.gpu_model, l.cpus, l.memory_bytes, l.exclusive, l.root_scorer,
  l.wait_reason, l.wait_ahead, l.requested_at, l.granted_at, l.renewed_at, l.ends_at, l.release_cause`;

function toRecord(row: any): LeaseRecord {
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
  const { rows } = await db.pool.query(`SELECT ${COLUMNS} FROM lease l WHERE l.attempt_id = $1 AND l.state <> 'released'`, [attemptId]);
  return rows[0] === undefined ? null : toRecord(rows[0]);
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
    await hold(tx, { leaseId: id, hostId, gpuIds: [] });
    return true;
  });
}

/** The end stands from here on: limit + pauses + margin, whatever happens afterwards. */
const DURATION_SQL = `(a.limit_ms::float8 + s.max_pause_total_ms + ${LEASE_MARGIN_MS})`;

async function hold(
  tx: Queryable,
  { leaseId, hostId, gpuIds }: { leaseId: string; hostId: string; gpuIds: readonly string[] },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE lease l SET state = 'held', host_id = $2, gpu_ids = $3::jsonb, wait_reason = NULL, wait_ahead = NULL,
       granted_at = clock_timestamp(), renewed_at = clock_timestamp(), ends_at = clock_timestamp() + ${DURATION_SQL} * interval '1 millisecond'
     FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN study s ON s.id = g.study_id WHERE l.id = $1 AND l.state = 'queued' AND a.id = l.attempt_id`,
    [leaseId, hostId, JSON.stringify(gpuIds)],
  );
  return rowCount === 1;
}

interface QueueRow {
  id: string;
  attempt_id: string;
  attempt_state: AttemptState;
  request: QueuedRequest;
  need: ResourceNeed;
  wait_reason: string | null;
}

/**
 * Whether the host of the last lease has all files of an attempt that hibernates: nothing was granted since its pause began, and the
 * host keeps folders, as a node of a cluster does not whose own disk is used.
 */
const KEPT_BY_LAST_HOST = `(SELECT o.granted_at <= p.started_at AND h.settings->>'nodeDir' IS NULL
  FROM pause p, lease o JOIN host h ON h.id = o.host_id
  WHERE p.attempt_id = a.id AND p.ended_at IS NULL AND p.wakes_at IS NOT NULL AND o.attempt_id = a.id AND o.granted_at IS NOT NULL
  ORDER BY o.granted_at DESC LIMIT 1)`;

async function readQueue(tx: Queryable): Promise<QueueRow[]> {
  const { rows } = await tx.query(
    `SELECT ${COLUMNS}, a.state AS attempt_state, extract(epoch FROM l.requested_at)::float8 * 1000 AS requested_ms, ${DURATION_SQL} AS duration_ms,
       (SELECT count(*)::int FROM lease o JOIN attempt b ON b.id = o.attempt_id JOIN assignment h ON h.id = b.assignment_id
         WHERE h.participant_id = g.participant_id AND o.state IN ('held', 'releasing')) AS holds,
       (SELECT extract(epoch FROM max(o.released_at))::float8 * 1000 FROM lease o JOIN attempt b ON b.id = o.attempt_id
         JOIN assignment h ON h.id = b.assignment_id
         WHERE h.participant_id = g.participant_id AND o.granted_at IS NOT NULL AND o.state = 'released') AS released_ms,
       (SELECT coalesce(json_agg(json_build_object('hostId', t.host_id, 'node', t.node)), '[]') FROM acceptance t JOIN host h ON h.id = t.host_id
         WHERE t.attempt_id = a.id AND ${KEEPS_AWAY}) AS avoid,
       CASE WHEN a.state <> 'provisioning' THEN
         (SELECT o.host_id FROM lease o WHERE o.attempt_id = a.id AND o.host_id IS NOT NULL ORDER BY o.granted_at DESC LIMIT 1) END AS prefer,
       CASE WHEN ${KEPT_BY_LAST_HOST} AND l.elsewhere IS DISTINCT FROM 'chosen' THEN
         (SELECT w.skipped FROM workspace_snapshot w WHERE w.attempt_id = a.id ORDER BY w.at DESC, w.n DESC LIMIT 1) END AS only_there
     FROM lease l JOIN attempt a ON a.id = l.attempt_id JOIN assignment g ON g.id = a.assignment_id JOIN study s ON s.id = g.study_id
     WHERE l.state = 'queued' ORDER BY l.requested_at, l.id`,
  );
  return rows.map((row) => {
    const { need } = toRecord(row);
    const avoid: { hostId: string; node: string | null }[] = row.avoid;
    const onlyThere: SkippedFile[] = row.only_there ?? [];
    return {
      id: row.id,
      attempt_id: row.attempt_id,
      attempt_state: row.attempt_state,
      need,
      wait_reason: row.wait_reason,
      request: {
        leaseId: row.id,
        requestedAtMs: row.requested_ms,
        need,
        durationMs: row.duration_ms,
        underWay: row.attempt_state !== 'provisioning',
        participantHolds: row.holds,
        participantReleasedAtMs: row.released_ms,
        avoidHostIds: avoid.filter(({ node }) => node === null).map(({ hostId }) => hostId),
        avoidNodes: avoid.flatMap(({ hostId, node }) => (node === null ? [] : [{ hostId, node }])),
        preferHostId: row.prefer,
        staysThere: isTiedToHost(onlyThere),
      },
    };
  });
}

async function readHeld(tx: Queryable): Promise<HeldLease[]> {
  // What is being given back is not free before a listing has proven it.
  const { rows } = await tx.query(
    `SELECT ${COLUMNS}, extract(epoch FROM l.ends_at)::float8 * 1000 AS ends_ms FROM lease l WHERE l.state IN ('held', 'releasing') AND l.host_id IS NOT NULL`,
  );
  return rows.map((row) => {
    const { need, gpuIds, hostId } = toRecord(row);
    return { hostId: hostId as string, gpuIds, need, endsAtMs: row.ends_ms };
  });
}

export interface GrantOutcome {
  /** Attempts that hold a machine now; a job to start their runners is queued with it. */
  granted: string[];
  /** Attempts that no host will serve as things are, with the reason: they had better not wait. */
  hopeless: { attemptId: string; state: AttemptState; reason: string }[];
}

/**
 * Gives out what is free, in the order of the queue, and writes down for the others why they wait. One process at a time, in one
 * transaction with the jobs that start the runners: what is granted is started, whoever dies.
 */
export async function grantLeases(db: Database): Promise<GrantOutcome> {
  await prepareToEnqueue(db);
  return inTransaction(db, async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('leases'))`);
    const queue = await readQueue(tx);
    if (queue.length === 0) return { granted: [], hopeless: [] };
    const hosts = (await lockHosts(tx)).map(toLeaseHost);
    const { rows } = await tx.query('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms');
    const plan = planLeases(
      hosts,
      await readHeld(tx),
      queue.map(({ request }) => request),
      rows[0].now_ms,
    );
    const byId = new Map(queue.map((row) => [row.id, row]));
    const outcome: GrantOutcome = { granted: [], hopeless: [] };
    for (const grant of plan.grants) {
      const attemptId = byId.get(grant.leaseId)?.attempt_id as string;
      // The attempt is locked before its lease, as by everybody: who leaves the queue meanwhile has left it.
      await tx.query('SELECT 1 FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
      if (!(await hold(tx, grant))) continue;
      await enqueueWithin(tx, db, 'provision', { attemptId });
      await tx.query(`UPDATE attempt SET progress = 'Starting on a machine' WHERE id = $1 AND state = 'provisioning'`, [attemptId]);
      await notify(tx, 'attempt', attemptId);
      outcome.granted.push(attemptId);
    }
    for (const waiting of plan.waiting) {
      const row = byId.get(waiting.leaseId) as QueueRow;
      const reason = waitWords(waiting, row.need);
      if (waiting.cause === 'none' || waiting.cause === 'refused') {
        outcome.hopeless.push({ attemptId: row.attempt_id, state: row.attempt_state, reason });
      }
      if (reason === row.wait_reason) continue;
      await tx.query(`UPDATE attempt SET progress = $2, progress_fraction = NULL WHERE id = $1 AND state = 'provisioning'`, [
        row.attempt_id,
        reason,
      ]);
      await tx.query(
        `UPDATE lease SET wait_reason = $2, wait_ahead = $3, elsewhere = CASE WHEN elsewhere = 'chosen' THEN elsewhere WHEN $4 THEN 'offered' END
         WHERE id = $1 AND state = 'queued'`,
        [row.id, reason, waiting.ahead, waiting.cause === 'files_in_use' || waiting.cause === 'files_away'],
      );
      await notify(tx, 'attempt', row.attempt_id);
    }
    return outcome;
  });
}

/** Why somebody waits, for that person: `Waiting for 2 × H100: 1 attempt ahead.` */
export function waitWords({ ahead, cause }: Pick<Waiting, 'ahead' | 'cause'>, need: ResourceNeed): string {
  const what = need.exclusive ? `${gpuWords(need)}, with nobody else on it` : gpuWords(need);
  switch (cause) {
    case 'queued':
      return `Waiting for ${what}: ${ahead === 0 ? 'you are next' : attemptsAhead(ahead)}.`;
    case 'files_in_use':
      return `Waiting for the machine that has your files: it is in use${ahead === 0 ? '' : `, and ${attemptsAhead(ahead)}`}.`;
    case 'files_away':
      return 'Waiting for the machine that has your files: it takes no attempts at the moment. The staff see why.';
    case 'drained':
      return `Waiting for ${what}: no such machine takes attempts at the moment. The staff see why.`;
    case 'refused':
      return 'Every machine that could run this failed its acceptance test. The staff see why.';
    case 'none':
      return `No machine has what this environment needs (${needWords(need)}). Tell the staff.`;
  }
}

function attemptsAhead(ahead: number): string {
  return `${ahead} ${ahead === 1 ? 'attempt' : 'attempts'} ahead`;
}

/**
 * The participant of an attempt that waits for the one host with all of its files goes on elsewhere: whichever host is free first, from
 * the last copy. Cannot be called off, and is audited.
 *
 * @throws AppError `conflict` where no such choice is open.
 */
export function goElsewhere(db: Database, attemptId: string, { by }: { by: string }): Promise<void> {
  return inTransaction(db, async (tx) => {
    await tx.query('SELECT 1 FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    const { rowCount } = await tx.query(
      `UPDATE lease SET elsewhere = 'chosen' WHERE attempt_id = $1 AND state = 'queued' AND elsewhere = 'offered'`,
      [attemptId],
    );
    if (rowCount === 0) throw new AppError('conflict', 'This attempt does not wait for the machine that has its files any more.');
    await recordAudit(tx, { userId: by, act: 'attempt.goElsewhere', subject: `attempt:${attemptId}` });
    await notify(tx, 'attempt', attemptId);
  });
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
