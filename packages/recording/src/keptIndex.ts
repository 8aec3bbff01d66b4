import { createHash } from 'node:crypto';
import { readRecordingIndex, storeRecordingIndex } from '@plumbline/database/recordingIndex';
import type { SegmentPlace } from '@plumbline/database/recordingSegments';
import type { RecordingDatabase } from '@plumbline/database/recordingTail';
import { openBytes, type SealingKeys, sealBytes } from './encryption.ts';
import { FormatError } from './formatError.ts';
import { IndexedEvents } from './recordingIndex.ts';
import { compress, decompress } from './zstd.ts';

/**
 * The index of a finished recording, kept beside it so that opening a replay does not read all of it. Sealed as the segments are,
 * and good for those segments alone: of a redacted recording it is made anew.
 */
export interface IndexPlace {
  db: RecordingDatabase;
  attemptId: string;
  sealing: SealingKeys;
  segments: readonly SegmentPlace[];
}

/** Raised with each change of what an index holds: those that an older version kept are made anew. */
const VERSION = 7;

function madeOf(segments: readonly SegmentPlace[]): string {
  const hash = createHash('sha256').update(`plumbline index ${VERSION}\n`);
  for (const { objectHash } of segments) hash.update(`${objectHash}\n`);
  return hash.digest('hex');
}

const labelOf = (attemptId: string) => `index ${attemptId}`;

/** The kept index of just these segments; null where there is none that can be used. */
export async function readKeptIndex({ db, attemptId, sealing, segments }: IndexPlace): Promise<IndexedEvents | null> {
  const object = await readRecordingIndex(db, attemptId, madeOf(segments));
  if (object === null) return null;
  try {
    const text = (await decompress(openBytes(sealing, labelOf(attemptId), object))).toString('utf8');
    // Sealed by this platform and of this version: nothing else can be in it.
    return JSON.parse(text) as IndexedEvents;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Keeps an index that was made of these segments; does nothing where they are no longer the recording's. */
export async function keepIndex({ db, attemptId, sealing, segments }: IndexPlace, index: IndexedEvents): Promise<void> {
  const plain = Buffer.from(JSON.stringify(IndexedEvents.parse(index)), 'utf8');
  const object = sealBytes(sealing, labelOf(attemptId), await compress(plain, 'kept'));
  await storeRecordingIndex(db, attemptId, {
    madeOf: madeOf(segments),
    objectHashes: segments.map(({ objectHash }) => objectHash),
    object,
  });
}
