import type { Database } from './client.ts';

/** A submission or a snapshot bundle of an attempt, as it lies in the object store. */
export interface BlobRow {
  attemptId: string;
  /** Of the plain bytes: its name. */
  hash: string;
  /** Of the encrypted bytes: its key in the store. */
  objectHash: string;
  /** Plain bytes. */
  bytes: number;
}

/** Where a blob lies; null where this attempt has none of that hash. */
export async function findBlob(db: Database, attemptId: string, hash: string): Promise<BlobRow | null> {
  const { rows } = await db.pool.query(
    `SELECT attempt_id AS "attemptId", hash, object_hash AS "objectHash", bytes::float8 AS bytes FROM recording_blob WHERE attempt_id = $1 AND hash = $2`,
    [attemptId, hash],
  );
  return rows[0] ?? null;
}

/** Notes a stored blob; one that is known stays as it is. */
export async function insertBlob(db: Database, row: BlobRow): Promise<void> {
  await db.pool.query('INSERT INTO recording_blob (attempt_id, hash, object_hash, bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
    row.attemptId,
    row.hash,
    row.objectHash,
    row.bytes,
  ]);
}
