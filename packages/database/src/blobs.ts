import type { RecordingDatabase } from './recordingTail.ts';
import { inTransaction } from './transaction.ts';

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

/** A row of a blob, or of a part of one, that nobody can use any more. */
export interface StrayBlob {
  attemptId: string;
  hash: string;
  /** Null for a blob's own row. */
  part: number | null;
}

const IS_OVER = `(a.state IN ('void', 'withdrawn') OR (a.state = 'completed' AND a.completed_at IS NOT NULL))`;

/**
 * Blobs and parts of erased attempts, whose key is destroyed, and parts of uploads that nobody finishes: the attempt is over, and no machine
 * is held for it that could go on with them. Of one attempt where it is given, at most `limit`; the last parts first, since what is
 * stored is counted from the first on.
 */
export async function listStrayBlobs(
  db: RecordingDatabase,
  { attemptId = null, limit }: { attemptId?: string | null; limit: number },
): Promise<StrayBlob[]> {
  const { rows } = await db.pool.query<StrayBlob>(
    `SELECT attempt_id AS "attemptId", hash, part FROM (
       SELECT b.attempt_id, b.hash, NULL::int AS part FROM recording_blob b
       WHERE EXISTS (SELECT 1 FROM recording_key k WHERE k.attempt_id = b.attempt_id AND k.destroyed_at IS NOT NULL)
       UNION ALL
       SELECT p.attempt_id, p.hash, p.part FROM recording_blob_part p JOIN attempt a ON a.id = p.attempt_id
       WHERE EXISTS (SELECT 1 FROM recording_key k WHERE k.attempt_id = p.attempt_id AND k.destroyed_at IS NOT NULL)
          OR (${IS_OVER} AND NOT EXISTS (SELECT 1 FROM recording_blob b WHERE b.attempt_id = p.attempt_id AND b.hash = p.hash)
              AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.attempt_id = a.id AND l.state <> 'released'))
     ) stray WHERE $1::uuid IS NULL OR attempt_id = $1 ORDER BY part DESC NULLS FIRST LIMIT $2`,
    [attemptId, limit],
  );
  return rows;
}

/**
 * Forgets a row, and has its object removed. Where that fails the row stays, and so whoever asks next is told of it again; a row that is
 * written meanwhile waits.
 */
export function removeStrayBlob(
  db: RecordingDatabase,
  { attemptId, hash, part }: StrayBlob,
  remove: (objectHash: string) => Promise<void>,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query<{ objectHash: string | null }>(
      part === null
        ? 'DELETE FROM recording_blob WHERE attempt_id = $1 AND hash = $2 RETURNING object_hash AS "objectHash"'
        : 'DELETE FROM recording_blob_part WHERE attempt_id = $1 AND hash = $2 AND part = $3 RETURNING object_hash AS "objectHash"',
      part === null ? [attemptId, hash] : [attemptId, hash, part],
    );
    const objectHash = rows[0]?.objectHash;
    if (objectHash != null) await remove(objectHash);
  });
}
