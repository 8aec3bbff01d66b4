import type { RecordingDatabase } from './recordingTail.ts';

/** A submission or a snapshot bundle of an attempt, as it lies in the object store. */
export interface BlobRow {
  attemptId: string;
  /** Of the plain bytes: its name. */
  hash: string;
  /** Of the encrypted bytes: its key in the store. Null where it is kept in parts. */
  objectHash: string | null;
  /** Plain bytes. */
  bytes: number;
}

/** A part of a blob, stored before all of it is. */
export interface BlobPartRow {
  /** From 1. */
  part: number;
  objectHash: string;
  /** Plain bytes. */
  bytes: number;
}

/** Where a blob lies; null where this attempt has none of that hash, or not all of it. */
export async function findBlob(db: RecordingDatabase, attemptId: string, hash: string): Promise<BlobRow | null> {
  const { rows } = await db.pool.query(
    `SELECT attempt_id AS "attemptId", hash, object_hash AS "objectHash", bytes::float8 AS bytes FROM recording_blob WHERE attempt_id = $1 AND hash = $2`,
    [attemptId, hash],
  );
  return rows[0] ?? null;
}

/** Notes a stored blob; one that is known stays as it is. */
export async function insertBlob(db: RecordingDatabase, row: BlobRow): Promise<void> {
  await db.pool.query('INSERT INTO recording_blob (attempt_id, hash, object_hash, bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
    row.attemptId,
    row.hash,
    row.objectHash,
    row.bytes,
  ]);
}

/** The parts of a blob that are stored, in order. */
export async function listBlobParts(db: RecordingDatabase, attemptId: string, hash: string): Promise<BlobPartRow[]> {
  const { rows } = await db.pool.query(
    `SELECT part, object_hash AS "objectHash", bytes FROM recording_blob_part WHERE attempt_id = $1 AND hash = $2 ORDER BY part`,
    [attemptId, hash],
  );
  return rows;
}

/** How many parts of a blob are stored without a gap, from the first on. */
export async function countBlobParts(db: RecordingDatabase, attemptId: string, hash: string): Promise<number> {
  const { rows } = await db.pool.query(
    `SELECT count(*)::int AS parts
     FROM (SELECT part, row_number() OVER (ORDER BY part) AS n FROM recording_blob_part WHERE attempt_id = $1 AND hash = $2) p WHERE part = n`,
    [attemptId, hash],
  );
  return rows[0].parts;
}

/** Notes a stored part; one that is known stays as it is. */
export async function insertBlobPart(db: RecordingDatabase, attemptId: string, hash: string, row: BlobPartRow): Promise<void> {
  await db.pool.query(
    'INSERT INTO recording_blob_part (attempt_id, hash, part, object_hash, bytes) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
    [attemptId, hash, row.part, row.objectHash, row.bytes],
  );
}

/** Forgets the parts of a blob that turned out not to be what it is named by; returns where they lie in the store. */
export async function deleteBlobParts(db: RecordingDatabase, attemptId: string, hash: string): Promise<string[]> {
  const { rows } = await db.pool.query(
    `DELETE FROM recording_blob_part p WHERE attempt_id = $1 AND hash = $2
       AND NOT EXISTS (SELECT 1 FROM recording_blob b WHERE b.attempt_id = p.attempt_id AND b.hash = p.hash)
     RETURNING object_hash AS "objectHash"`,
    [attemptId, hash],
  );
  return rows.map(({ objectHash }) => objectHash);
}
