import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@plumbline/core';
import {
  adoptRunner,
  enqueueOnce,
  type HostLease,
  type HostRecord,
  listHostLeases,
  loadAttempt,
  proveReleased,
  releaseLease,
  renewLeases,
  tryAdvisoryLock,
} from '@plumbline/database';
import type { RunnerHandle } from '@plumbline/sandbox';
import { z } from 'zod';
import type { HostReach } from './hostReach.ts';
import { notedRunner, stopOrphan } from './runners.ts';
import type { UnusedGrants } from './unusedGrants.ts';
import type { Worker } from './worker.ts';

/** What this worker remembers of the hosts from one look to the next. */
export interface HostFacts {
  readonly reach: HostReach;
  readonly unused: UnusedGrants;
}

/**
 * Compares what runs on a host with what is leased there, both ways: stops runners that no lease stands for, frees what a listing
 * has proven idle, and starts again what a lost job left unstarted. A host that cannot be asked frees nothing that has begun there.
 */
export async function reconcile(worker: Worker, host: HostRecord, { reach, unused }: HostFacts): Promise<void> {
  // Read before the listing: whatever is being released by now was so before the host was asked.
  const leases = await listHostLeases(worker.db, host.id);
  let handles: RunnerHandle[];
  try {
    handles = await worker.placementOf(host).list();
  } catch (error) {
    if (await reach.failed(host, error)) return;
    throw error;
  }
  reach.heard(host);
  await compare(worker, host, { held: leases, listed: handles, unused });
  // A silent one takes attempts again only now, when what ran there without a lease has been ended.
  await reach.answers(host);
}

async function compare(
  worker: Worker,
  host: HostRecord,
  { held, listed, unused }: { held: readonly HostLease[]; listed: readonly RunnerHandle[]; unused: UnusedGrants },
): Promise<void> {
  const { db, log, clock } = worker;
  const leases = new Map(held.map((lease) => [lease.attemptId, lease]));
  const runners = new Map(listed.map((handle) => [handle.attemptId, handle]));
  const running: HostLease[] = [];
  for (const [attemptId, handle] of runners) {
    const lease = leases.get(attemptId);
    if (lease === undefined) await withoutLease(worker, host, handle);
    else if (lease.state === 'releasing') await stopOrphan(worker, host, handle);
    else running.push(lease);
  }
  await renewLeases(
    db,
    running.map((lease) => lease.leaseId),
  );
  const idle = [...leases.values()].filter((lease) => !runners.has(lease.attemptId));
  await proveReleased(
    db,
    idle.filter((lease) => lease.state === 'releasing').map((lease) => lease.leaseId),
  );
  for (const lease of leases.values()) {
    const { attemptId, attemptState } = lease;
    if (lease.placed || lease.state === 'releasing') unused.forget(lease);
    if (lease.state === 'releasing') continue;
    if (!lease.needsMachine) {
      log.warn({ attempt: attemptId, host: host.name, attemptState }, 'a lease that no attempt needs');
      await releaseLease(db.pool, attemptId, `The attempt is ${attemptState} and needs no machine.`);
    } else if (!runners.has(attemptId) && !lease.placed && unused.isDue(lease, clock.monoMs())) {
      // Whoever starts it holds this lock, however long that takes.
      if (!(await tryAdvisoryLock(db.pool, 'runner', attemptId))) continue;
      await enqueueOnce(db, 'provision', { attemptId });
      unused.queued(lease, clock.monoMs());
    } else if (lease.pastEnd) {
      log.warn({ attempt: attemptId, host: host.name, attemptState }, 'a lease is past its end; staff see it on the hosts page');
    }
  }
}

async function withoutLease(worker: Worker, host: HostRecord, handle: RunnerHandle): Promise<void> {
  const { db, log } = worker;
  const { attemptId } = handle;
  // The one that the attempt itself knows was placed before there were leases.
  if (z.uuid().safeParse(attemptId).success && (await isNoted(worker, handle)) && (await adoptRunner(db, attemptId, host.id))) {
    log.info({ attempt: attemptId, host: host.name }, 'a runner without a lease was given one');
    return;
  }
  await stopOrphan(worker, host, handle);
}

async function isNoted(worker: Worker, handle: RunnerHandle): Promise<boolean> {
  const view = await loadAttempt(worker.db, handle.attemptId).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'not_found') return null;
    throw error;
  });
  if (view === null) return false;
  return isDeepStrictEqual((await notedRunner(worker, view.runnerPlacement))?.handle, handle);
}
