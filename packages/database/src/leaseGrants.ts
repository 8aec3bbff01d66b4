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
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { toLeaseHost } from './hostCapacity.ts';
import { KEEPS_AWAY, lockHosts } from './hosts.ts';
import { enqueueWithin, prepareToEnqueue } from './jobs.ts';
import { holdLease, LEASE_COLUMNS, LEASE_DURATION_SQL, toLeaseRecord } from './leases.ts';
import type { SkippedFile } from './snapshots.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** Who of the queue gets which machine, what the others are told, and what whoever waits for their own files may choose instead. */

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
    `SELECT ${LEASE_COLUMNS}, a.state AS attempt_state, extract(epoch FROM l.requested_at)::float8 * 1000 AS requested_ms, ${LEASE_DURATION_SQL} AS duration_ms,
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
    const { need } = toLeaseRecord(row);
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
    `SELECT ${LEASE_COLUMNS}, extract(epoch FROM l.ends_at)::float8 * 1000 AS ends_ms FROM lease l WHERE l.state IN ('held', 'releasing') AND l.host_id IS NOT NULL`,
  );
  return rows.map((row) => {
    const { need, gpuIds, hostId } = toLeaseRecord(row);
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
      if (!(await holdLease(tx, grant))) continue;
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
      if (reason !== row.wait_reason) await tellWaiting(tx, row, waiting, reason);
    }
    return outcome;
  });
}

async function tellWaiting(tx: Queryable, row: QueueRow, { ahead, cause }: Waiting, reason: string): Promise<void> {
  await tx.query(`UPDATE attempt SET progress = $2, progress_fraction = NULL WHERE id = $1 AND state = 'provisioning'`, [
    row.attempt_id,
    reason,
  ]);
  await tx.query(
    `UPDATE lease SET wait_reason = $2, wait_ahead = $3, elsewhere = CASE WHEN elsewhere = 'chosen' THEN elsewhere WHEN $4 THEN 'offered' END
     WHERE id = $1 AND state = 'queued'`,
    [row.id, reason, ahead, cause === 'files_in_use' || cause === 'files_away'],
  );
  await notify(tx, 'attempt', row.attempt_id);
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
