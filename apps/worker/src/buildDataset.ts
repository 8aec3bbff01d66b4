import { AppError } from '@plumbline/core';
import { failExport, finishExport, isExported, loadExport, setExportProgress } from '@plumbline/database';
import { exportArchive } from '@plumbline/datasets';
import type { Worker } from './worker.ts';

/** Consents change, and recordings are redacted, rarely; more often than this during its builds is no accident of the moment. */
const BUILDS_MAX = 5;

/**
 * Builds the dataset that was asked for. One that cannot be built is an answer, which whoever asked reads on the page; the queue
 * repeats only what a lost database or a dying worker interrupted.
 */
export async function buildDataset(worker: Worker, { exportId }: { exportId: string }): Promise<void> {
  const { db, store, log } = worker;
  const request = await loadExport(db, exportId);
  if (request.state === 'done') return;
  for (let build = 1; build <= BUILDS_MAX; build += 1) {
    const built = await tryToBuild(worker, request);
    if (built === null || (await finishExport(db, exportId, built))) return;
    log.info({ export: exportId, build }, 'consents changed or a recording was taken from while a dataset was built; it is built anew');
    if (!(await isExported(db, built.objectHash))) await store.delete(built.objectHash);
  }
  await failExport(
    db,
    exportId,
    'Consents changed, or something was taken out of a recording, each time that it was built. Try again later.',
  );
}

/** @returns null where it cannot be built, which has been written down. */
async function tryToBuild(
  { db, store, keys, log }: Worker,
  { id, attemptIds }: { id: string; attemptIds: readonly string[] },
): Promise<Awaited<ReturnType<typeof exportArchive>> | null> {
  await setExportProgress(db, id, 0);
  try {
    return await exportArchive({ db, store, keys, attemptIds, onProgress: (progress: number) => setExportProgress(db, id, progress) });
  } catch (error) {
    log.error({ export: id, error: String(error instanceof AppError ? (error.cause ?? error) : error) }, 'a dataset could not be built');
    const reason = error instanceof AppError ? error.message : 'The dataset could not be built. The worker’s log says why.';
    await failExport(db, id, reason);
    return null;
  }
}
