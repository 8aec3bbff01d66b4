import { listStrayBlobs, removeStrayBlob } from '@plumbline/database/blobs';
import type { RecordingDatabase } from '@plumbline/database/recordingTail';
import type { ObjectStore } from '@plumbline/storage';

/** In one round, so that whoever sweeps comes to its other work too. */
const AT_ONCE = 200;

export interface StrayBlobPlace {
  readonly db: RecordingDatabase;
  readonly store: ObjectStore;
}

/**
 * Removes from the store what nobody can use any more: blobs of erased attempts, and parts of uploads that nobody finishes. Each is sealed
 * under the key of its own attempt, so that its object is no other's. Of one attempt where it is given, at most some hundreds.
 *
 * @returns how many were removed; 0 once there are none.
 */
export async function removeStrayBlobs({ db, store }: StrayBlobPlace, attemptId: string | null = null): Promise<number> {
  const stray = await listStrayBlobs(db, { attemptId, limit: AT_ONCE });
  for (const blob of stray) await removeStrayBlob(db, blob, (objectHash) => store.delete(objectHash));
  return stray.length;
}
