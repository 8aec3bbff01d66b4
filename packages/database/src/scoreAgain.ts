import { AppError, type AttemptState } from '@plumbline/core';
import { recordAudit } from './audit.ts';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { enqueueWithin, prepareToEnqueue } from './jobs.ts';
import { queueForMachine } from './leases.ts';
import { inTransaction } from './transaction.ts';

/**
 * Takes a complete attempt back to `finalising`, so that the scores which the platform could not take are taken on its kept
 * workspace. It waits for a machine as others do, is completed again afterwards, and its recording is then signed anew.
 *
 * @throws AppError `not_found`, or `conflict` for one that is not complete or whose review has ended.
 */
export async function scoreAgain(db: Database, attemptId: string, options: { by: string }): Promise<void> {
  await prepareToEnqueue(db);
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT state, review_ended_at FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    const row = rows[0] as { state: AttemptState; review_ended_at: Date | null } | undefined;
    if (row === undefined) throw new AppError('not_found', 'There is no such attempt.');
    if (row.state !== 'completed') throw new AppError('conflict', 'Only a complete attempt is scored again. Reload the page.');
    if (row.review_ended_at !== null) {
      throw new AppError('conflict', 'The review has ended, so the workspace may be removed at any time. Reopen the review first.');
    }
    await tx.query(`UPDATE attempt SET state = 'finalising', progress = 'Waiting for a machine to score again' WHERE id = $1`, [attemptId]);
    await queueForMachine(tx, attemptId);
    await enqueueWithin(tx, db, 'provision', { attemptId });
    await recordAudit(tx, { userId: options.by, act: 'attempt.scoreAgain', subject: `attempt:${attemptId}` });
    await notify(tx, 'attempt', attemptId);
  });
}
