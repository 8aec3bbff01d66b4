import type { RecordingDatabase } from './recordingTail.ts';

/** What is signed of each finished recording. */

export interface ManifestRow {
  manifest: string;
  signature: string;
}

/**
 * Keeps the signed manifest under the epoch. One that stands already is replaced: a recording that was finished, and went on
 * because its owner died before it could say so, is signed again. `'stale'`: another owner has the attempt.
 */
export async function storeManifest(db: RecordingDatabase, attemptId: string, epoch: number, row: ManifestRow): Promise<'kept' | 'stale'> {
  const { rows } = await db.pool.query<{ epoch: string }>(
    `WITH owner AS (
       SELECT id, epoch FROM attempt WHERE id = $1::uuid
     ), kept AS (
       INSERT INTO recording_manifest (attempt_id, manifest, signature)
       SELECT id, $3, $4 FROM owner WHERE epoch = $2::bigint
       ON CONFLICT (attempt_id) DO UPDATE SET manifest = EXCLUDED.manifest, signature = EXCLUDED.signature, signed_at = now()
     )
     SELECT epoch FROM owner`,
    [attemptId, epoch, row.manifest, row.signature],
  );
  return rows[0] !== undefined && Number(rows[0].epoch) === epoch ? 'kept' : 'stale';
}

/** The signed manifest of a finished recording, or null. */
export async function readManifest(db: RecordingDatabase, attemptId: string): Promise<ManifestRow | null> {
  const { rows } = await db.pool.query<ManifestRow>('SELECT manifest, signature FROM recording_manifest WHERE attempt_id = $1', [
    attemptId,
  ]);
  return rows[0] ?? null;
}
