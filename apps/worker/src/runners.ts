import { createHash, randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { AppError, nodesToAvoid } from '@plumbline/core';
import {
  type AttemptView,
  cancelScore,
  findHostById,
  findLiveLease,
  findSetup,
  getHost,
  type HostRecord,
  LEASE_MARGIN_MS,
  type LeaseRecord,
  LOCAL_HOST_NAME,
  listRefusedNodes,
  loadAttempt,
  needOf,
  needsMachine,
  recordAudit,
  saveAcceptance,
  setProgress,
  setRunnerPlacement,
  setRunnerToken,
  toLeaseHost,
  wasElsewhere,
  withAdvisoryLock,
} from '@plumbline/database';
import { CLOSED_WHILE_SCORED } from '@plumbline/database/attemptMoves';
import type { Placement, RunnerHandle, RunnerRequest, RunnerStatus } from '@plumbline/sandbox';
import { familySecrets } from '@plumbline/taskstandard';
import { recover } from './recovery.ts';
import type { Worker } from './worker.ts';

/** Starting and stopping an attempt's runner. One process at a time does either for one attempt, under a lock in the database. */

/** More processes than any honest work on one machine needs, and few enough that a fork bomb only ends itself. */
const MAX_PROCESSES = 4_096;

const BYTES_PER_GB = 1024 ** 3;

/** For the person whose sandbox cannot be started, and for staff, who read the same beside the attempt. */
export const TRIED_AGAIN = 'It is tried again by itself, ever more rarely while that fails; the staff see it too';

/** A runner as an attempt's row notes it: the placement's handle, and the host that it is on. */
export interface NotedRunner {
  readonly host: HostRecord;
  readonly handle: RunnerHandle;
}

/** The runner that is noted; null for an attempt without one. One that was noted before there were hosts is on this machine. */
export async function notedRunner(worker: Worker, noted: unknown): Promise<NotedRunner | null> {
  if (noted === null) return null;
  const { hostId, ...handle } = noted as RunnerHandle & { hostId?: string };
  return { host: await hostOf(worker, { hostId: hostId ?? null }), handle };
}

/** Whether what is noted for an attempt is on this host. */
export function isOn(host: HostRecord, noted: unknown): boolean {
  const { hostId } = noted as { hostId?: string };
  return hostId === undefined ? host.name === LOCAL_HOST_NAME : hostId === host.id;
}

/** The host of a lease, removed or not; this machine for null. */
export async function hostOf({ db }: Worker, { hostId }: Pick<LeaseRecord, 'hostId'>): Promise<HostRecord> {
  const host = hostId === null ? await getHost(db, LOCAL_HOST_NAME) : await findHostById(db, hostId);
  if (host === null) throw new AppError('not_found', 'The host of a runner is gone.');
  return host;
}

function runnerRequest(
  worker: Worker,
  view: AttemptView,
  token: string,
  {
    host,
    lease,
    restore,
    setup,
    avoidNodes,
  }: {
    host: HostRecord;
    lease: LeaseRecord;
    restore: RunnerRequest['restore'];
    setup: RunnerRequest['setup'];
    avoidNodes: readonly string[];
  },
): RunnerRequest {
  const { gatewayUrl, publicGatewayUrl, environmentsDir, model } = worker.host;
  const { familyDir, task, contentHash } = view.environment;
  const { storage_gb: storageGb } = view.settings.resources;
  const { gpuCount, gpuModel, cpus, memoryBytes, exclusive } = needOf(view.settings);
  return {
    attemptId: view.id,
    token,
    gatewayUrl: host.reach.placement === 'local' ? gatewayUrl : publicGatewayUrl,
    familyDir: isAbsolute(familyDir) ? familyDir : join(environmentsDir, familyDir),
    familyHash: contentHash,
    task,
    settings: { ...view.settings },
    isolation: host.isolation,
    docker: host.isolation === 'docker' ? worker.host.docker : null,
    memoryBytes,
    diskBytes: storageGb === undefined ? null : Math.round(storageGb * BYTES_PER_GB),
    maxProcesses: MAX_PROCESSES,
    cpus,
    gpuIds: lease.gpuIds,
    restore,
    setup,
    // The key goes only where it is used.
    model: view.settings.model?.standIn === null ? model : null,
    secrets: familySecrets(view.settings.requiredVariables, worker.host.secretsFile),
    resources: {
      gpuCount,
      gpuModel,
      cpus,
      memoryBytes,
      exclusive,
      avoidNodes,
      maxDurationMs: view.limits.limitMs + view.limits.maxPauseTotalMs + LEASE_MARGIN_MS,
    },
  };
}

export function statusOf(worker: Worker, { host, handle }: NotedRunner): Promise<RunnerStatus> {
  return worker.placementOf(host).status(handle);
}

/** An attempt's runner on a host: the last one started there, which the database may not have heard of yet, or else the one noted. */
async function findOn(placement: Placement, host: HostRecord, noted: NotedRunner | null, attemptId: string): Promise<RunnerHandle | null> {
  return (await placement.find(attemptId)) ?? (noted?.host.id === host.id ? noted.handle : null);
}

/**
 * Starts an attempt's runner on the host that is leased for it, unless one with a valid token lives there. `why` goes into the
 * audit where it replaces one that died.
 *
 * @returns whether one was started; never without a lease.
 * @throws AppError `sandbox_unavailable` where it could not be started.
 */
export function placeRunner(worker: Worker, attemptId: string, why: string | null): Promise<boolean> {
  const { db, log } = worker;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    if (!(await needsMachine(db, attemptId))) return false;
    const view = await loadAttempt(db, attemptId);
    const lease = await findLiveLease(db, attemptId);
    if (lease === null) {
      // It has lost its machine: without a runner noted it is queued for another.
      await setRunnerPlacement(db, attemptId, null);
      return false;
    }
    if (lease.state !== 'held') return false;
    const host = await hostOf(worker, lease);
    const placement = worker.placementOf(host);
    const known = await findOn(placement, host, await notedRunner(worker, view.runnerPlacement), attemptId);
    let status = known === null ? null : await statusOf(worker, { host, handle: known });
    if (known !== null && status !== null && status.state !== 'gone') {
      if (view.runnerTokenHash !== null) {
        await setRunnerPlacement(db, attemptId, { ...known, hostId: host.id });
        return false;
      }
      // It was to end before this attempt was prepared again, and its token is worth nothing.
      await placement.stop(known);
      status = await statusOf(worker, { host, handle: known });
    }
    const kept = status?.state === 'gone' && status.folderKept && !(await wasElsewhere(db, lease));
    const cause = why ?? (status?.state === 'gone' ? status.cause : 'its sandbox was on another one');
    const restore = kept || view.startedAtMs === null ? null : await recover(worker, view, cause);
    const setup = await findSetup(db, attemptId);
    const avoidNodes = nodesToAvoid(toLeaseHost(host), needOf(view.settings), await listRefusedNodes(db, attemptId, host.id));
    const token = randomBytes(32).toString('hex');
    await setRunnerToken(db, attemptId, createHash('sha256').update(token).digest('hex'));
    const handle = await placement
      .start(runnerRequest(worker, view, token, { host, lease, restore, setup, avoidNodes }))
      .catch(async (error: unknown) => {
        const { name } = host;
        const failure =
          error instanceof AppError
            ? error
            : new AppError('sandbox_unavailable', `The sandbox could not be started on ${name}.`, { cause: error });
        // One that has not begun is scheduled again with the reason.
        if (view.startedAtMs !== null) await setProgress(db, attemptId, `${failure.message} ${TRIED_AGAIN}`, null);
        throw failure;
      });
    await setRunnerPlacement(db, attemptId, { ...handle, hostId: host.id });
    if (why !== null)
      await recordAudit(db.pool, {
        userId: null,
        act: 'runner.replace',
        subject: `attempt:${attemptId}`,
        after: { why, host: host.name, placement: { ...handle } },
      });
    log.info({ attempt: attemptId, host: host.name, runner: handle, gpus: lease.gpuIds, why }, 'runner started');
    return true;
  });
}

/** A node of a cluster could not run an attempt's job: the next one is kept off it, as after an acceptance test that failed there. */
export async function noteFailedNode(
  { db, log }: Worker,
  attemptId: string,
  { host, node, cause }: { host: HostRecord; node: string; cause: string },
): Promise<void> {
  if ((await listRefusedNodes(db, attemptId, host.id)).includes(node)) return;
  log.warn({ attempt: attemptId, host: host.name, node, cause }, 'a node could not run a job');
  const report = [{ check: 'Job', expected: 'a sandbox that comes up', found: cause, passed: false }];
  await saveAcceptance(db, { attemptId, hostId: host.id, node, passed: false, report, profile: 'hardware not known' });
}

/** Stops the runner of an attempt that needs none any more. Its folder stays: what is in it belongs to the review. */
export function retireRunner(worker: Worker, attemptId: string): Promise<void> {
  const { db, log } = worker;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    if (await needsMachine(db, attemptId)) return;
    const view = await loadAttempt(db, attemptId);
    // Who closed the attempt may have ended before it came to its score.
    if (view.state === 'void' || view.state === 'withdrawn') await cancelScore(db, attemptId, CLOSED_WHILE_SCORED);
    const noted = await notedRunner(worker, view.runnerPlacement);
    const lease = await findLiveLease(db, attemptId);
    const host = noted?.host ?? (lease?.hostId == null ? null : await hostOf(worker, lease));
    if (host !== null) {
      const placement = worker.placementOf(host);
      const handle = await findOn(placement, host, noted, attemptId);
      if (handle !== null) {
        await placement.stop(handle);
        log.info({ attempt: attemptId, host: host.name, runner: handle }, 'runner stopped');
      }
    }
    await setRunnerPlacement(db, attemptId, null);
  });
}

/**
 * Stops a runner that a listing of `host` showed and no lease stands for, unless it was granted one meanwhile.
 *
 * @returns whether it was stopped.
 */
export function stopOrphan(worker: Worker, host: HostRecord, handle: RunnerHandle): Promise<boolean> {
  const { db, log } = worker;
  const { attemptId } = handle;
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    const lease = await findLiveLease(db, attemptId);
    if (lease?.state === 'held' && lease.hostId === host.id) return false;
    log.warn({ attempt: attemptId, host: host.name, runner: handle, lease: lease?.state }, 'a runner without a lease is stopped');
    await worker.placementOf(host).stop(handle);
    return true;
  });
}
