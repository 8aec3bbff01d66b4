import { failExport } from '@plumbline/database';
import type { Worker } from './worker.ts';

/** Answers the request for a dataset. */
export async function buildDataset(worker: Worker, { exportId }: { exportId: string }): Promise<void> {
  await failExport(worker.db, exportId, 'This installation cannot build datasets yet.');
}
