import { AppError } from '@plumbline/core';
import { findLiveLease, grantLeases, loadAttempt, moveAttempt, needsMachine, queueForMachine } from '@plumbline/database';
import { placeRunner } from './runners.ts';
import type { Worker } from './worker.ts';

/**
 * Starts the runner of an attempt on the machine that it was granted; one without a machine joins the queue first, and this job
 * comes again with the grant. A runner that cannot be started is an answer, not a fault: an attempt that has not begun is scheduled
 * again with the reason. What keeps the database away is a fault, and the job queue tries again.
 */
export async function provision(worker: Worker, { attemptId }: { attemptId: string }): Promise<void> {
  const { db, log } = worker;
  if (!(await needsMachine(db, attemptId))) return;
  if ((await findLiveLease(db, attemptId))?.state !== 'held') {
    await queueForMachine(db.pool, attemptId);
    await grant(worker);
  }
  try {
    await placeRunner(worker, attemptId, null);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'sandbox_unavailable') throw error;
    log.error({ attempt: attemptId, error: String(error.cause ?? error) }, 'a runner could not be started');
    // Under way, an attempt keeps its lease and its clock stands: the job queue, and then the sweep, try again.
    if ((await loadAttempt(db, attemptId)).state !== 'provisioning') throw error;
    await moveAttempt(db, attemptId, 'scheduled', {
      from: ['provisioning'],
      progress: `${error.message} Try again, and tell the staff if it stays.`,
    });
  }
}

/** Gives out what is free; whom no host will serve as things are is told so instead of waiting. */
export async function grant({ db, log }: Worker): Promise<void> {
  const { granted, hopeless } = await grantLeases(db);
  if (granted.length > 0) log.info({ attempts: granted }, 'machines were granted');
  for (const { attemptId, state, reason } of hopeless) {
    log.warn({ attempt: attemptId, state, reason }, 'no host will serve an attempt');
    if (state === 'provisioning') await moveAttempt(db, attemptId, 'scheduled', { progress: reason });
  }
}
