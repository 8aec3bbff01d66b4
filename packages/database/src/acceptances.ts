import type { AcceptanceCheck } from '@plumbline/core';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { KEEPS_AWAY } from './hosts.ts';
import { releaseLease } from './leases.ts';
import { storableJson, storableText } from './storableJson.ts';
import { inTransaction } from './transaction.ts';

/** Reports of the test that a machine passes before an attempt begins on it. */

export interface NewAcceptance {
  attemptId: string;
  /** The host that the attempt's lease names. */
  hostId: string | null;
  /** The node, where the host is a cluster; null for one machine. */
  node: string | null;
  passed: boolean;
  report: readonly AcceptanceCheck[];
  /** The hardware profile, as calibrations name it. */
  profile: string;
}

export async function saveAcceptance(db: Database, { attemptId, hostId, node, passed, report, profile }: NewAcceptance): Promise<void> {
  await db.pool.query(
    `INSERT INTO acceptance (id, attempt_id, host_id, node, passed, report, profile, at)
     VALUES (gen_random_uuid(), $1, $2, $3, $4, $5::jsonb, $6, clock_timestamp())`,
    [attemptId, hostId, node, passed, storableJson(report), profile],
  );
}

/** The nodes of a cluster that an attempt's next job is to keep away from. */
export async function listRefusedNodes(db: Database, attemptId: string, hostId: string): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT DISTINCT t.node FROM acceptance t JOIN host h ON h.id = t.host_id
     WHERE t.attempt_id = $1 AND t.host_id = $2 AND t.node IS NOT NULL AND ${KEEPS_AWAY} ORDER BY t.node`,
    [attemptId, hostId],
  );
  return rows.map(({ node }) => node);
}

/** The refusals that still keep their attempt away from a host or node, by id. */
export async function listRefusalsThatHold(db: Database): Promise<ReadonlySet<string>> {
  const { rows } = await db.pool.query(`SELECT t.id FROM acceptance t JOIN host h ON h.id = t.host_id WHERE ${KEEPS_AWAY}`);
  return new Set(rows.map(({ id }) => id));
}

/** When a machine was last refused for this attempt, in milliseconds since the epoch; null for never. Scores before it are another machine's. */
export async function lastRefusedAtMs(db: Database, attemptId: string): Promise<number | null> {
  const { rows } = await db.pool.query(
    'SELECT extract(epoch FROM max(at))::float8 * 1000 AS at_ms FROM acceptance WHERE attempt_id = $1 AND NOT passed',
    [attemptId],
  );
  return rows[0].at_ms;
}

/** The newest calibration of a solution on a hardware profile; null where there is none. */
export async function findCalibration(
  db: Database,
  environmentId: string,
  profile: string,
  solution: 'start' | 'reference',
): Promise<{ mean: number; sd: number; n: number } | null> {
  return db.prisma.calibration.findFirst({
    where: { environmentId, profile, solution },
    orderBy: { at: 'desc' },
    select: { mean: true, sd: true, n: true },
  });
}

/** Gives a machine back that is of no use, while the attempt goes on being prepared: it joins the queue for another one, and reads `progress`. */
export function placeAnew(db: Database, attemptId: string, { reason, progress }: { reason: string; progress: string }): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(`SELECT state FROM attempt WHERE id = $1 FOR UPDATE`, [attemptId]);
    if (rows[0]?.state !== 'provisioning') return;
    await tx.query('UPDATE attempt SET runner_token_hash = NULL, progress = $2, progress_fraction = NULL WHERE id = $1', [
      attemptId,
      progress,
    ]);
    await releaseLease(tx, attemptId, storableText(reason).slice(0, 500));
    await notify(tx, 'attempt', attemptId);
  });
}
