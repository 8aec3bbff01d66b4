import { createHash, randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { AppError, needsRunner } from '@plumbline/core';
import { type AttemptView, loadAttempt, recordAudit, setRunnerPlacement, setRunnerToken, withAdvisoryLock } from '@plumbline/database';
import type { RunnerConfig } from '@plumbline/protocol';
import type { RunnerHandle } from '@plumbline/sandbox';
import type { Worker } from './worker.ts';

/** Starting and stopping an attempt's runner. One process at a time does either for one attempt, under a lock in the database. */

/** More processes than any honest work on one machine needs, and few enough that a fork bomb only ends itself. */
const MAX_PROCESSES = 4_096;

const BYTES_PER_GB = 1024 ** 3;

/** The handle that the placement gave; null for an attempt without a runner. */
export function handleOf(placement: unknown): RunnerHandle | null {
  return placement === null ? null : (placement as RunnerHandle);
}

function runnerConfig(worker: Worker, view: AttemptView, token: string): RunnerConfig {
  const { host } = worker;
  const { familyDir, task } = view.environment;
  const memoryGb = view.settings.resources.memory_gb;
  return {
    attemptId: view.id,
    token,
    gatewayUrl: host.gatewayUrl,
    stateDir: join(host.runnersDir, view.id),
    imageDir: host.imageDir,
    familyDir: isAbsolute(familyDir) ? familyDir : join(host.environmentsDir, familyDir),
    task,
    isolation: host.isolation,
    memoryBytes: memoryGb === undefined ? null : Math.round(memoryGb * BYTES_PER_GB),
    maxProcesses: MAX_PROCESSES,
    secrets: {},
  };
}

/** An attempt's runner: the last one started on its folder, which the database may not have heard of yet, or else the one noted there. */
async function findRunner(worker: Worker, view: AttemptView): Promise<RunnerHandle | null> {
  return (await worker.placement.find(join(worker.host.runnersDir, view.id))) ?? handleOf(view.runnerPlacement);
}

/**
 * Starts an attempt's runner unless one with a valid token lives. `why` goes into the audit where it replaces one that died.
 *
 * @returns whether one was started.
 * @throws AppError `sandbox_unavailable` where it could not be started.
 */
export function placeRunner(worker: Worker, attemptId: string, why: string | null): Promise<boolean> {
  const { db, placement, log, host } = worker;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    const view = await loadAttempt(db, attemptId);
    if (!needsRunner(view.state)) return false;
    const known = await findRunner(worker, view);
    if (known !== null && (await placement.isAlive(known))) {
      if (view.runnerTokenHash !== null) {
        await setRunnerPlacement(db, attemptId, known);
        return false;
      }
      // It was to end before this attempt was prepared again, and its token is worth nothing.
      await placement.stop(known);
    }
    const token = randomBytes(32).toString('hex');
    await setRunnerToken(db, attemptId, createHash('sha256').update(token).digest('hex'));
    const handle = await placement.start(runnerConfig(worker, view, token), { runnerEntry: host.runnerEntry }).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      throw new AppError('sandbox_unavailable', 'The sandbox could not be started on this machine.', { cause: error });
    });
    await setRunnerPlacement(db, attemptId, handle);
    if (why !== null)
      await recordAudit(db.pool, { userId: null, act: 'runner.replace', subject: `attempt:${attemptId}`, after: { why, pid: handle.pid } });
    log.info({ attempt: attemptId, pid: handle.pid, why }, 'runner started');
    return true;
  });
}

/** Stops the runner of an attempt that needs none any more. Its folder stays: what is in it belongs to the review. */
export function retireRunner(worker: Worker, attemptId: string): Promise<void> {
  const { db, placement, log } = worker;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    const view = await loadAttempt(db, attemptId);
    if (needsRunner(view.state)) return;
    const handle = await findRunner(worker, view);
    if (handle !== null) {
      await placement.stop(handle);
      log.info({ attempt: attemptId, pid: handle.pid }, 'runner stopped');
    }
    await setRunnerPlacement(db, attemptId, null);
  });
}
