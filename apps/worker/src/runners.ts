import { createHash, randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { AppError, needsRunner } from '@plumbline/core';
import { type AttemptView, loadAttempt, recordAudit, setRunnerPlacement, setRunnerToken, withAdvisoryLock } from '@plumbline/database';
import type { RunnerHandle, RunnerRequest } from '@plumbline/sandbox';
import type { Worker } from './worker.ts';

/** Starting and stopping an attempt's runner. One process at a time does either for one attempt, under a lock in the database. */

/** More processes than any honest work on one machine needs, and few enough that a fork bomb only ends itself. */
const MAX_PROCESSES = 4_096;

/** For provisioning, outages, and the scores after the end. */
const DURATION_MARGIN_MS = 4 * 3_600_000;

const BYTES_PER_GB = 1024 ** 3;

/** The handle that the placement gave; null for an attempt without a runner. */
export function handleOf(placement: unknown): RunnerHandle | null {
  return placement === null ? null : (placement as RunnerHandle);
}

function runnerRequest(worker: Worker, view: AttemptView, token: string): RunnerRequest {
  const { host } = worker;
  const { familyDir, task, contentHash } = view.environment;
  const { memory_gb: memoryGb, storage_gb: storageGb, cpus, gpu } = view.settings.resources;
  const memoryBytes = memoryGb === undefined ? null : Math.round(memoryGb * BYTES_PER_GB);
  return {
    attemptId: view.id,
    token,
    gatewayUrl: host.gatewayUrl,
    familyDir: isAbsolute(familyDir) ? familyDir : join(host.environmentsDir, familyDir),
    familyHash: contentHash,
    task,
    settings: { ...view.settings },
    isolation: host.isolation,
    docker: null,
    memoryBytes,
    diskBytes: storageGb === undefined ? null : Math.round(storageGb * BYTES_PER_GB),
    maxProcesses: MAX_PROCESSES,
    cpus: null,
    gpuIds: [],
    restore: null,
    secrets: {},
    resources: {
      gpuCount: gpu?.count_range[0] ?? 0,
      gpuModel: gpu?.model ?? null,
      cpus: cpus ?? null,
      memoryBytes,
      maxDurationMs: view.limits.limitMs + view.limits.maxPauseTotalMs + DURATION_MARGIN_MS,
    },
  };
}

/** An attempt's runner: the last one started for it, which the database may not have heard of yet, or else the one noted there. */
async function findRunner(worker: Worker, view: AttemptView): Promise<RunnerHandle | null> {
  return (await worker.placement.find(view.id)) ?? handleOf(view.runnerPlacement);
}

/** Whether it runs or will run by itself. */
export async function isAlive(worker: Worker, handle: RunnerHandle): Promise<boolean> {
  return (await worker.placement.status(handle)).state !== 'gone';
}

/**
 * Starts an attempt's runner unless one with a valid token lives. `why` goes into the audit where it replaces one that died.
 *
 * @returns whether one was started.
 * @throws AppError `sandbox_unavailable` where it could not be started.
 */
export function placeRunner(worker: Worker, attemptId: string, why: string | null): Promise<boolean> {
  const { db, placement, log } = worker;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    const view = await loadAttempt(db, attemptId);
    if (!needsRunner(view.state)) return false;
    const known = await findRunner(worker, view);
    if (known !== null && (await isAlive(worker, known))) {
      if (view.runnerTokenHash !== null) {
        await setRunnerPlacement(db, attemptId, known);
        return false;
      }
      // It was to end before this attempt was prepared again, and its token is worth nothing.
      await placement.stop(known);
    }
    const token = randomBytes(32).toString('hex');
    await setRunnerToken(db, attemptId, createHash('sha256').update(token).digest('hex'));
    const handle = await placement.start(runnerRequest(worker, view, token)).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      throw new AppError('sandbox_unavailable', 'The sandbox could not be started on this machine.', { cause: error });
    });
    await setRunnerPlacement(db, attemptId, handle);
    if (why !== null)
      await recordAudit(db.pool, {
        userId: null,
        act: 'runner.replace',
        subject: `attempt:${attemptId}`,
        after: { why, placement: { ...handle } },
      });
    log.info({ attempt: attemptId, runner: handle, why }, 'runner started');
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
      log.info({ attempt: attemptId, runner: handle }, 'runner stopped');
    }
    await setRunnerPlacement(db, attemptId, null);
  });
}
