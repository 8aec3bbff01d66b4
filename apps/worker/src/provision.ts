import { AppError } from '@plumbline/core';
import { loadAttempt, moveAttempt } from '@plumbline/database';
import { placeRunner } from './runners.ts';
import type { Worker } from './worker.ts';

/**
 * Starts the runner of an attempt that is being prepared. A runner that cannot be started is an answer, not a fault: the attempt is
 * scheduled again with the reason. What keeps the database away is a fault, and the queue tries again.
 */
export async function provision(worker: Worker, { attemptId }: { attemptId: string }): Promise<void> {
  const view = await loadAttempt(worker.db, attemptId);
  if (view.state !== 'provisioning') return;
  try {
    await placeRunner(worker, attemptId, null);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'sandbox_unavailable') throw error;
    worker.log.error({ attempt: attemptId, error: String(error.cause ?? error) }, 'a runner could not be started');
    await moveAttempt(worker.db, attemptId, 'scheduled', {
      from: ['provisioning'],
      progress: `${error.message} Try again, and tell the staff if it stays.`,
    });
  }
}
