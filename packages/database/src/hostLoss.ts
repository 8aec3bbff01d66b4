import { AppError } from '@plumbline/core';
import { recordAudit } from './audit.ts';
import type { Database } from './client.ts';
import { lockHosts } from './hosts.ts';
import { inTransaction, tryAdvisoryLock } from './transaction.ts';

/** What is done about hosts that do not answer: at first nothing is placed there, and at last what they hold is taken from them. */

/** A host answered, and what ran there without a lease was ended: it may take attempts again. */
export async function noteHostAnswers(db: Database, hostId: string): Promise<void> {
  await db.pool.query('UPDATE host SET silent_since = NULL WHERE id = $1 AND silent_since IS NOT NULL', [hostId]);
}

/**
 * A host did not answer: it takes nothing until it does. Attempts that have nothing of theirs there yet go back to
 * their places in the queue; a runner that was started all the same may not come back. One that is being started now is left alone.
 *
 * @returns the attempts that went back.
 */
export function noteHostSilent(db: Database, hostId: string): Promise<string[]> {
  return inTransaction(db, async (tx) => {
    await tx.query('UPDATE host SET silent_since = clock_timestamp() WHERE id = $1 AND silent_since IS NULL', [hostId]);
    const { rows } = await tx.query(
      `SELECT a.id FROM attempt a JOIN lease l ON l.attempt_id = a.id WHERE l.host_id = $1 AND l.state = 'held' AND a.runner_placement IS NULL
         AND (a.state = 'provisioning' OR NOT EXISTS (
           SELECT 1 FROM lease o WHERE o.attempt_id = a.id AND o.host_id = $1 AND o.id <> l.id AND o.granted_at IS NOT NULL))
       ORDER BY a.id FOR UPDATE OF a`,
      [hostId],
    );
    const queued: string[] = [];
    for (const { id } of rows) {
      if (!(await tryAdvisoryLock(tx, 'runner', id))) continue;
      await tx.query(
        `UPDATE lease SET state = 'queued', host_id = NULL, gpu_ids = '[]', granted_at = NULL, renewed_at = NULL, ends_at = NULL
         WHERE attempt_id = $1 AND state = 'held'`,
        [id],
      );
      await tx.query('UPDATE attempt SET runner_token_hash = NULL WHERE id = $1', [id]);
      queued.push(id);
    }
    return queued;
  });
}

/**
 * Gives a host up for good: what is leased there is free without proof, runners there may not come back, and the host takes nothing
 * before a check has found it well. Attempts that need a machine join the queue again.
 *
 * @returns the attempts that had a lease there.
 */
export function giveUpHost(db: Database, name: string, cause: string, options: { by: string | null }): Promise<string[]> {
  return inTransaction(db, async (tx) => {
    const host = (await lockHosts(tx)).find((one) => one.name === name);
    if (host === undefined) throw new AppError('not_found', `There is no host named ${name}. \`plumb host list\` shows all.`);
    if (host.reach.placement === 'local') throw new AppError('conflict', 'This machine cannot be given up.');
    const problem = { problem: cause, remedy: `Run \`plumb host check ${name}\` when it is back.`, blocking: true };
    await tx.query(
      `UPDATE host SET inventory = jsonb_set(inventory, '{problems}', (inventory->'problems') || $2::jsonb) WHERE id = $1 AND inventory IS NOT NULL`,
      [host.id, JSON.stringify([problem])],
    );
    const { rows } = await tx.query(
      `UPDATE lease SET state = 'released', released_at = clock_timestamp(), release_cause = $2
       WHERE host_id = $1 AND state IN ('held', 'releasing') RETURNING attempt_id`,
      [host.id, cause],
    );
    const attemptIds = rows.map((row) => row.attempt_id as string);
    await tx.query('UPDATE attempt SET runner_placement = NULL, runner_token_hash = NULL WHERE id = ANY($1::uuid[])', [attemptIds]);
    await recordAudit(tx, { userId: options.by, act: 'host.giveUp', subject: `host:${host.id}`, after: { cause, attemptIds } });
    return attemptIds;
  });
}
