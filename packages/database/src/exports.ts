import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@plumbline/core';
import { type AnswerNumbers, areNewestAnswers } from './agreements.ts';
import type { Database, Export } from './client.ts';
import { enqueueWithin, prepareToEnqueue } from './jobs.ts';
import { type RecordingContents, readRecordingContents } from './recordingSegments.ts';
import { storableText } from './storableJson.ts';
import { inTransaction } from './transaction.ts';

export type ExportRecord = Omit<Export, 'attemptIds'> & { attemptIds: string[] };

/** Only `createExport` writes them. */
function toRecord(row: Export): ExportRecord {
  return { ...row, attemptIds: row.attemptIds as string[] };
}

/** Asks for a dataset of these attempts; the row and its job come to be together. */
export async function createExport(db: Database, request: { requestedBy: string | null; attemptIds: readonly string[] }): Promise<string> {
  await prepareToEnqueue(db);
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query(
      'INSERT INTO export (id, requested_by, attempt_ids) VALUES (gen_random_uuid(), $1, $2::jsonb) RETURNING id',
      [request.requestedBy, JSON.stringify(request.attemptIds)],
    );
    await enqueueWithin(tx, db, 'export', { exportId: rows[0].id });
    return rows[0].id as string;
  });
}

/**
 * Reads one export.
 *
 * @throws AppError `not_found`.
 */
export async function loadExport(db: Database, exportId: string): Promise<ExportRecord> {
  const row = await db.prisma.export.findUnique({ where: { id: exportId } });
  if (row === null) throw new AppError('not_found', 'There is no such export.');
  return toRecord(row);
}

/** All exports, newest first. */
export async function listExports(db: Database): Promise<ExportRecord[]> {
  return (await db.prisma.export.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] })).map(toRecord);
}

/** Says how far an export is, 0 to 1. */
export async function setExportProgress(db: Database, exportId: string, progress: number): Promise<void> {
  await db.pool.query(`UPDATE export SET state = 'building', progress = $2, error = NULL WHERE id = $1 AND state <> 'done'`, [
    exportId,
    progress,
  ]);
}

export interface FinishedExport {
  objectHash: string;
  bytes: number;
  leftOut: number;
  answers: AnswerNumbers;
  recordings: RecordingContents;
}

/**
 * The dataset stands in the object store under this hash, without `leftOut` of the attempts that were asked for; `answers` and `recordings`
 * are those that it went by. Answers that are given later are dated later than its end, and what is taken out later finds it.
 *
 * @returns false, with nothing written, where a participant gave others meanwhile, or something was taken out: it has to be built anew.
 */
export function finishExport(
  db: Database,
  exportId: string,
  { objectHash, bytes, leftOut, answers, recordings }: FinishedExport,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    // Whoever answers, and whoever looks for exports to withdraw, locks the attempt, and so waits for the end of this.
    await tx.query('SELECT 1 FROM attempt WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE', [Object.keys(answers)]);
    if (!(await areNewestAnswers(tx, answers))) return false;
    if (!isDeepStrictEqual(await readRecordingContents(tx, Object.keys(recordings)), recordings)) return false;
    await tx.query(
      `UPDATE export SET state = 'done', progress = 1, error = NULL, object_hash = $2, bytes = $3, left_out = $4, finished_at = clock_timestamp()
       WHERE id = $1`,
      [exportId, objectHash, bytes, leftOut],
    );
    return true;
  });
}

/** Whether a finished export is this object: the same attempts with the same answers are the same bytes. */
export async function isExported(db: Database, objectHash: string): Promise<boolean> {
  return (await db.prisma.export.count({ where: { objectHash } })) > 0;
}

/** The dataset could not be built; `reason` is shown to whoever asked for it. */
export async function failExport(db: Database, exportId: string, reason: string): Promise<void> {
  await db.pool.query(`UPDATE export SET state = 'failed', error = $2, finished_at = clock_timestamp() WHERE id = $1 AND state <> 'done'`, [
    exportId,
    storableText(reason).slice(0, 1000),
  ]);
}

/** Finished exports that were asked for with this attempt, and their objects. One that is being finished is waited for. */
export function listExportsWith(db: Database, attemptId: string): Promise<{ id: string; objectHash: string }[]> {
  return inTransaction(db, async (tx) => {
    await tx.query('SELECT 1 FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    const { rows } = await tx.query(
      `SELECT id, object_hash AS "objectHash" FROM export
       WHERE state = 'done' AND object_hash IS NOT NULL AND attempt_ids @> jsonb_build_array($1::text) ORDER BY created_at, id`,
      [attemptId],
    );
    return rows;
  });
}

/** A finished export whose object was deleted; `reason` is shown where it could be downloaded. */
export async function withdrawExport(db: Database, exportId: string, reason: string): Promise<void> {
  await db.pool.query(`UPDATE export SET state = 'failed', error = $2, object_hash = NULL, bytes = NULL WHERE id = $1`, [exportId, reason]);
}
