import { AppError, type AttemptState } from '@plumbline/core';
import { recordAudit } from './audit.ts';
import type { Database } from './client.ts';
import { storableText } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/**
 * What hosts keep of attempts that are over: until the review has ended, and for the installation's retention after it. Each host on
 * which the attempt ever had a lease may have a folder of it. A removal is written down before anything is deleted, and from then on is
 * tried again until it has worked; a host that was taken out of the inventory is left as it is.
 */

/** From when the retention counts; null while it does not. Nobody reviews what was withdrawn. */
const COUNTS_FROM = `CASE WHEN a.state IN ('completed', 'void') THEN a.review_ended_at WHEN a.state = 'withdrawn' THEN a.ended_at END`;
const KEPT_UNTIL = `(${COUNTS_FROM}) + $2 * interval '1 millisecond'`;
const IS_IN_USE = `EXISTS (SELECT 1 FROM lease o WHERE o.attempt_id = a.id AND o.state <> 'released')`;

/** A host that failed is tried again after this long. */
const RETRY_AFTER = `interval '10 minutes'`;

export interface WorkspaceCopy {
  hostId: string;
  host: string;
  /** Taken out of the inventory: what lies there is left to whoever has the machine. */
  hostIsRemoved: boolean;
  /** Its removal cannot be called off any more. */
  isBeingRemoved: boolean;
  removedAt: Date | null;
  /** Why it could not be removed yet. */
  problem: string | null;
}

export interface KeptWorkspace {
  /** Null while the review goes on. */
  reviewEndedAt: Date | null;
  /** Null while that is not known: the attempt is under way or under review. */
  keptUntil: Date | null;
  copies: WorkspaceCopy[];
}

/** What became of an attempt's workspace on each host that had it. */
export async function findWorkspace(db: Database, attemptId: string, { retentionMs }: { retentionMs: number }): Promise<KeptWorkspace> {
  const { rows } = await db.pool.query(
    `SELECT a.review_ended_at AS "reviewEndedAt", ${KEPT_UNTIL} AS "keptUntil",
       (SELECT coalesce(json_agg(json_build_object('hostId', h.id, 'host', h.name, 'hostIsRemoved', h.removed_at IS NOT NULL,
           'isBeingRemoved', r.tried_at IS NOT NULL, 'removedAt', r.removed_at, 'problem', r.problem) ORDER BY h.name, h.id), '[]')
        FROM host h LEFT JOIN workspace_removal r ON r.attempt_id = a.id AND r.host_id = h.id
        WHERE h.id IN (SELECT l.host_id FROM lease l WHERE l.attempt_id = a.id AND l.granted_at IS NOT NULL)) AS copies
     FROM attempt a WHERE a.id = $1`,
    [attemptId, retentionMs],
  );
  if (rows[0] === undefined) throw new AppError('not_found', 'There is no such attempt.');
  const { reviewEndedAt, keptUntil, copies } = rows[0];
  return {
    reviewEndedAt,
    keptUntil,
    copies: copies.map((copy: Omit<WorkspaceCopy, 'removedAt'> & { removedAt: string | null }) => ({
      ...copy,
      removedAt: copy.removedAt === null ? null : new Date(copy.removedAt),
    })),
  };
}

/** Says that the review of an attempt is over, or that it goes on after all. Idempotent. */
export function setReviewEnded(db: Database, attemptId: string, ended: boolean, options: { by: string | null }): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(
      `SELECT a.state, a.review_ended_at, EXISTS (SELECT 1 FROM workspace_removal r WHERE r.attempt_id = a.id) AS removing
       FROM attempt a WHERE a.id = $1 FOR UPDATE`,
      [attemptId],
    );
    const row = rows[0] as { state: AttemptState; review_ended_at: Date | null; removing: boolean } | undefined;
    if (row === undefined) throw new AppError('not_found', 'There is no such attempt.');
    if ((row.review_ended_at !== null) === ended) return;
    if (row.state !== 'completed' && row.state !== 'void') throw new AppError('conflict', 'An attempt is reviewed once it has ended.');
    if (row.removing)
      throw new AppError('conflict', 'The workspace has been removed, or is being removed. The recording has all that is left.');
    await tx.query('UPDATE attempt SET review_ended_at = CASE WHEN $2 THEN clock_timestamp() END WHERE id = $1', [attemptId, ended]);
    await recordAudit(tx, { userId: options.by, act: ended ? 'review.end' : 'review.reopen', subject: `attempt:${attemptId}` });
  });
}

export interface DueWorkspace {
  attemptId: string;
  hostId: string;
}

/** What is to be removed now, the longest due first. */
export async function listDueWorkspaces(db: Database, { retentionMs }: { retentionMs: number }): Promise<DueWorkspace[]> {
  const { rows } = await db.pool.query(
    `SELECT a.id AS "attemptId", h.id AS "hostId"
     FROM attempt a JOIN host h ON h.id IN (SELECT l.host_id FROM lease l WHERE l.attempt_id = a.id AND l.granted_at IS NOT NULL)
     LEFT JOIN workspace_removal r ON r.attempt_id = a.id AND r.host_id = h.id
     WHERE a.state IN ('completed', 'void', 'withdrawn') AND h.removed_at IS NULL AND NOT ${IS_IN_USE}
       AND (CASE WHEN r.tried_at IS NULL THEN (${COUNTS_FROM}) <= clock_timestamp() - $1 * interval '1 millisecond'
            ELSE r.removed_at IS NULL AND r.tried_at <= clock_timestamp() - ${RETRY_AFTER} END)
     ORDER BY ${COUNTS_FROM}, a.id, h.id`,
    [retentionMs],
  );
  return rows;
}

/**
 * Writes down that a workspace is being removed, unless it must not be: the review was reopened meanwhile, or a machine is held for
 * the attempt.
 *
 * @returns whether to go on and remove it.
 */
export function beginWorkspaceRemoval(
  db: Database,
  { attemptId, hostId }: DueWorkspace,
  { retentionMs }: { retentionMs: number },
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(
      `SELECT ${IS_IN_USE} AS used, r.tried_at IS NOT NULL AS begun, r.removed_at IS NOT NULL AS removed,
         coalesce(${KEPT_UNTIL} <= clock_timestamp(), false) AS due
       FROM attempt a LEFT JOIN workspace_removal r ON r.attempt_id = a.id AND r.host_id = $3 WHERE a.id = $1 FOR UPDATE OF a`,
      [attemptId, retentionMs, hostId],
    );
    const row = rows[0];
    if (row === undefined || row.used || row.removed || !(row.begun || row.due)) return false;
    await noteTry(tx, { attemptId, hostId });
    return true;
  });
}

async function noteTry(on: Queryable, { attemptId, hostId }: DueWorkspace): Promise<void> {
  await on.query(
    `INSERT INTO workspace_removal (attempt_id, host_id, tried_at) VALUES ($1, $2, clock_timestamp())
     ON CONFLICT (attempt_id, host_id) DO UPDATE SET tried_at = clock_timestamp()`,
    [attemptId, hostId],
  );
}

/** What the host says is gone. */
export async function noteWorkspaceRemoved(db: Database, { attemptId, hostId }: DueWorkspace): Promise<void> {
  await db.pool.query(
    'UPDATE workspace_removal SET removed_at = clock_timestamp(), problem = NULL WHERE attempt_id = $1 AND host_id = $2 AND removed_at IS NULL',
    [attemptId, hostId],
  );
}

/** Why it could not be removed; it is tried again. */
export async function noteWorkspaceProblem(db: Database, { attemptId, hostId }: DueWorkspace, problem: string): Promise<void> {
  await db.pool.query(
    'UPDATE workspace_removal SET tried_at = clock_timestamp(), problem = $3 WHERE attempt_id = $1 AND host_id = $2 AND removed_at IS NULL',
    [attemptId, hostId, storableText(problem).slice(0, 500)],
  );
}
