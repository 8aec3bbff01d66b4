import { notify } from './channels.ts';
import type { RecordingDatabase } from './recordingTail.ts';

/** The data key of each recording, wrapped. */

/** The wrapped data key: `absent` where none was made, `destroyed` where the recording was erased. */
export async function readWrappedKey(db: RecordingDatabase, attemptId: string): Promise<Buffer | 'absent' | 'destroyed'> {
  const { rows } = await db.pool.query<{ wrapped: Buffer | null }>('SELECT wrapped FROM recording_key WHERE attempt_id = $1', [attemptId]);
  if (rows[0] === undefined) return 'absent';
  return rows[0].wrapped ?? 'destroyed';
}

/** Keeps `wrapped` unless the attempt has a key already; the one that counts is read back by `readWrappedKey`. */
export async function insertWrappedKey(db: RecordingDatabase, attemptId: string, wrapped: Uint8Array): Promise<void> {
  await db.pool.query('INSERT INTO recording_key (attempt_id, wrapped) VALUES ($1, $2) ON CONFLICT (attempt_id) DO NOTHING', [
    attemptId,
    wrapped,
  ]);
}

/** Erases a recording for good: without its key no sealed object can be opened. Roots and manifest stay as its tombstone. */
export async function destroyWrappedKey(db: RecordingDatabase, attemptId: string): Promise<void> {
  await db.pool.query(
    `INSERT INTO recording_key (attempt_id, wrapped, destroyed_at) VALUES ($1, NULL, now())
     ON CONFLICT (attempt_id) DO UPDATE SET wrapped = NULL, destroyed_at = COALESCE(recording_key.destroyed_at, now())`,
    [attemptId],
  );
  await db.pool.query('DELETE FROM recording_index WHERE attempt_id = $1', [attemptId]);
  await notify(db.pool, 'erased', attemptId);
}
