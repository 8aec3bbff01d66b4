import type { RecordingDatabase } from './recordingTail.ts';
import { inTransaction } from './transaction.ts';

/** The index that is kept beside a finished recording: sealed, and opaque here. It can be made again at any time. */

/** The kept index, if it was made of what `madeOf` stands for; else null. */
export async function readRecordingIndex(db: RecordingDatabase, attemptId: string, madeOf: string): Promise<Buffer | null> {
  const { rows } = await db.pool.query<{ object: Buffer }>('SELECT object FROM recording_index WHERE attempt_id = $1 AND made_of = $2', [
    attemptId,
    madeOf,
  ]);
  return rows[0]?.object ?? null;
}

/**
 * Keeps the index of the segments whose objects are `objectHashes`, in order. `'outdated'`, and nothing is kept, where they are
 * others by now or the recording was erased: what was taken out of a recording must not come back with an index of it.
 */
export async function storeRecordingIndex(
  db: RecordingDatabase,
  attemptId: string,
  { madeOf, objectHashes, object }: { madeOf: string; objectHashes: readonly string[]; object: Uint8Array },
): Promise<'kept' | 'outdated'> {
  return inTransaction(db, async (tx) => {
    // Locked until the index is in, so that redaction and erasure find it there.
    const key = await tx.query('SELECT 1 FROM recording_key WHERE attempt_id = $1 AND wrapped IS NOT NULL FOR SHARE', [attemptId]);
    const segments = await tx.query<{ object_hash: string }>(
      'SELECT object_hash FROM recording_segment WHERE attempt_id = $1 ORDER BY n FOR SHARE',
      [attemptId],
    );
    const isSame = segments.rows.length === objectHashes.length && segments.rows.every((row, i) => row.object_hash === objectHashes[i]);
    if (key.rowCount !== 1 || !isSame) return 'outdated';
    await tx.query(
      `INSERT INTO recording_index (attempt_id, made_of, object) VALUES ($1, $2, $3)
       ON CONFLICT (attempt_id) DO UPDATE SET made_of = EXCLUDED.made_of, object = EXCLUDED.object, made_at = now()`,
      [attemptId, madeOf, object],
    );
    return 'kept';
  });
}
