import { normalise } from '@plumbline/core';
import type { AttemptView } from '@plumbline/database/attempts';
import type { Recording } from '@plumbline/recording/reader';
import type { RecordingIndex } from '../../replay/model/recordingApi.ts';
import { buildRecordingIndex } from '../../replay/model/recordingIndex.ts';

/** Indexes of this many recordings are kept: a reviewer comes back to the same one again and again. */
const INDEXES_KEPT = 8;
const kept = new Map<string, RecordingIndex>();

/** The index of a recording as far as it goes now. Made in one pass over the events, and kept until there are more. */
export async function recordingIndex(attempt: AttemptView, recording: Recording): Promise<RecordingIndex> {
  const live = attempt.completedAtMs === null;
  const key = `${attempt.id} ${await recording.lastSeq()} ${live}`;
  const known = kept.get(key);
  if (known) return known;
  const index = await buildRecordingIndex(
    {
      attemptId: attempt.id,
      title: attempt.title,
      live,
      limitMs: attempt.limits.limitMs,
      direction: attempt.settings.direction,
      segments: (await recording.segments()).map((segment) => ({
        firstSeq: segment.firstSeq,
        lastSeq: segment.lastSeq,
        fromMs: segment.minAtMs,
        toMs: segment.maxAtMs,
      })),
      normalise: (raw) => normalise(raw, attempt.settings).value,
    },
    recording.events(),
  );
  kept.set(key, index);
  for (const oldest of kept.keys()) {
    if (kept.size <= INDEXES_KEPT) break;
    kept.delete(oldest);
  }
  return index;
}
