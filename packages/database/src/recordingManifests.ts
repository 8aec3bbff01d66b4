import type { RecordingDatabase } from './recordingTail.ts';

/** What is signed of each finished recording, and what an outside authority says of that. */

export interface ManifestRow {
  manifest: string;
  signature: string;
}

/**
 * Keeps the signed manifest under the epoch. One that stands already is replaced: a recording that was finished, and went on
 * because its owner died before it could say so, is signed again, and has no time-stamp until an authority is asked again. `'stale'`: another owner has the attempt.
 */
export async function storeManifest(db: RecordingDatabase, attemptId: string, epoch: number, row: ManifestRow): Promise<'kept' | 'stale'> {
  const { rows } = await db.pool.query<{ epoch: string }>(
    `WITH owner AS (
       SELECT id, epoch FROM attempt WHERE id = $1::uuid
     ), kept AS (
       INSERT INTO recording_manifest (attempt_id, manifest, signature)
       SELECT id, $3, $4 FROM owner WHERE epoch = $2::bigint
       ON CONFLICT (attempt_id) DO UPDATE
         SET manifest = EXCLUDED.manifest, signature = EXCLUDED.signature, signed_at = now(), timestamp_token = NULL
     )
     SELECT epoch FROM owner`,
    [attemptId, epoch, row.manifest, row.signature],
  );
  return rows[0] !== undefined && Number(rows[0].epoch) === epoch ? 'kept' : 'stale';
}

export interface StoredManifest extends ManifestRow {
  /** What an outside authority signed of the manifest's text (RFC 3161, DER); null where none did, or none did yet. */
  timestampToken: Buffer | null;
}

/** The signed manifest of a finished recording, or null. */
export async function readManifest(db: RecordingDatabase, attemptId: string): Promise<StoredManifest | null> {
  const { rows } = await db.pool.query<StoredManifest>(
    'SELECT manifest, signature, timestamp_token AS "timestampToken" FROM recording_manifest WHERE attempt_id = $1',
    [attemptId],
  );
  return rows[0] ?? null;
}

/** Manifests without a time-stamp, oldest first, at most `limit`; none of the attempts `passedOver`. */
export async function listUnstampedManifests(
  db: RecordingDatabase,
  passedOver: readonly string[],
  limit: number,
): Promise<{ attemptId: string; manifest: string }[]> {
  const { rows } = await db.pool.query<{ attemptId: string; manifest: string }>(
    `SELECT attempt_id AS "attemptId", manifest FROM recording_manifest
      WHERE timestamp_token IS NULL AND attempt_id <> ALL ($1::uuid[]) ORDER BY signed_at, attempt_id LIMIT $2`,
    [passedOver, limit],
  );
  return rows;
}

/** Keeps the time-stamp of a manifest; false where the recording was signed anew meanwhile, or has one by now. */
export async function storeTimestamp(db: RecordingDatabase, attemptId: string, manifest: string, token: Uint8Array): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    'UPDATE recording_manifest SET timestamp_token = $3 WHERE attempt_id = $1 AND manifest = $2 AND timestamp_token IS NULL',
    [attemptId, manifest, token],
  );
  return rowCount === 1;
}
