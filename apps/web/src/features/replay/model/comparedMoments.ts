import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { snapshotAt } from './places.ts';

/** A moment of the recording to compare the workspace at: the newest snapshot up to it stands for it. */
export interface ComparedMoment {
  atMs: number;
  /** Null where none was taken yet: there is nothing to compare. */
  snapshot: RecordingIndex['snapshots'][number] | null;
  /** Paths of what was saved or changed after the snapshot and up to the moment, each once: what the comparison does not have. */
  changedSince: string[];
  /** So many changes more that are not told one by one. */
  untold: number;
}

/** What is known of the workspace at a moment, in milliseconds since the epoch. */
export function comparedMoment(index: RecordingIndex, atMs: number): ComparedMoment {
  const snapshot = snapshotAt(index, atMs);
  if (snapshot === null) return { atMs, snapshot, changedSince: [], untold: 0 };
  const isBetween = (at: { atMs: number }) => at.atMs > snapshot.atMs && at.atMs <= atMs;
  const paths = index.files.filter(isBetween).map(({ path, to }) => to ?? path);
  const untold = index.filesOmitted.filter(isBetween).reduce((sum, { count }) => sum + count, 0);
  return { atMs, snapshot, changedSince: [...new Set(paths)], untold };
}
