import { AppError } from '@plumbline/core';
import { failExport, finishExport, loadExport, setExportProgress } from '@plumbline/database';
import { exportArchive } from '@plumbline/datasets';
import type { Worker } from './worker.ts';

/**
 * Builds the dataset that was asked for. One that cannot be built is an answer, which whoever asked reads on the page; the queue
 * repeats only what a lost database or a dying worker interrupted.
 */
export async function buildDataset(worker: Worker, { exportId }: { exportId: string }): Promise<void> {
  const { db, store, keys, log } = worker;
  const request = await loadExport(db, exportId);
  if (request.state === 'done') return;
  await setExportProgress(db, exportId, 0);
  const built = await exportArchive({
    db,
    store,
    keys,
    attemptIds: request.attemptIds,
    onProgress: (progress: number) => setExportProgress(db, exportId, progress),
  }).catch(async (error: unknown) => {
    log.error(
      { export: exportId, error: String(error instanceof AppError ? (error.cause ?? error) : error) },
      'a dataset could not be built',
    );
    await failExport(
      db,
      exportId,
      error instanceof AppError ? error.message : 'The dataset could not be built. The worker’s log says why.',
    );
    return null;
  });
  if (built !== null) await finishExport(db, exportId, built);
}
