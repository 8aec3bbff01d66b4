import { AppError } from '@plumbline/core';
import {
  beginWorkspaceRemoval,
  type DueWorkspace,
  findHostById,
  type HostRecord,
  listDueWorkspaces,
  noteWorkspaceProblem,
  noteWorkspaceRemoved,
  withAdvisoryLock,
} from '@plumbline/database';
import type { Worker } from './worker.ts';

/**
 * Removes the workspaces whose time is over from the hosts that have them. What fails is told to staff and tried again later; a host
 * that cannot be asked is not asked again in the same round.
 */
export async function removeWorkspaces(worker: Worker): Promise<void> {
  const { db, workspaceRetentionMs: retentionMs } = worker;
  const away = new Set<string>();
  for (const due of await listDueWorkspaces(db, { retentionMs })) {
    if (away.has(due.hostId)) continue;
    const host = await findHostById(db, due.hostId);
    if (host !== null && !(await removeWorkspace(worker, due, host))) away.add(due.hostId);
  }
}

/** @returns false where the host did not do it. */
function removeWorkspace(worker: Worker, due: DueWorkspace, host: HostRecord): Promise<boolean> {
  const { db, log, workspaceRetentionMs: retentionMs } = worker;
  const { attemptId } = due;
  // No runner of this attempt is started or stopped meanwhile.
  return withAdvisoryLock(db, 'runner', attemptId, async () => {
    if (!(await beginWorkspaceRemoval(db, due, { retentionMs }))) return true;
    try {
      await worker.placementOf(host).remove(attemptId);
    } catch (error) {
      const words = error instanceof AppError ? error.message : 'It could not be removed. The log of the worker has the cause.';
      const cause = error instanceof AppError ? error.cause : error;
      log.error(
        { attempt: attemptId, host: host.name, error: String(error), cause: String(cause) },
        'a workspace could not be removed; it is tried again',
      );
      await noteWorkspaceProblem(db, due, words);
      return !(error instanceof AppError) || error.code !== 'unavailable';
    }
    await noteWorkspaceRemoved(db, due);
    log.info({ attempt: attemptId, host: host.name }, 'a workspace was removed');
    return true;
  });
}
