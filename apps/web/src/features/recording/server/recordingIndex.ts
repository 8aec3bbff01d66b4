import { normalise } from '@plumbline/core';
import type { AttemptView } from '@plumbline/database/attempts';
import type { Recording } from '@plumbline/recording/reader';
import type { RecordingIndex } from '../../replay/model/recordingApi.ts';
import { emptyIndex, IndexBuilder, OUTLINED_TYPES } from '../../replay/model/recordingIndex.ts';

/** Indexes of this many recordings are kept: a reviewer comes back to the same one again and again. */
const INDEXES_KEPT = 8;

interface Kept {
  builder: IndexBuilder;
  index: RecordingIndex;
  /** Which objects it was made of: a redacted segment is another. */
  objects: string[];
}

const kept = new Map<string, Promise<Kept>>();

/** The index of a recording as far as it goes now. Made in one pass over the events, and gone on with where there are more. */
export async function recordingIndex(attempt: AttemptView, recording: Recording): Promise<RecordingIndex> {
  // One at a time for each attempt: two readers of a long recording cost one pass.
  const before = kept.get(attempt.id) ?? Promise.resolve(null);
  const next = before.catch(() => null).then((known) => goOn(attempt, recording, known));
  kept.delete(attempt.id);
  kept.set(attempt.id, next);
  for (const oldest of kept.keys()) {
    if (kept.size <= INDEXES_KEPT) break;
    kept.delete(oldest);
  }
  return (await next).index;
}

async function goOn(attempt: AttemptView, recording: Recording, known: Kept | null): Promise<Kept> {
  const live = attempt.completedAtMs === null;
  const rows = await recording.segments();
  const objects = rows.map(({ objectHash }) => objectHash);
  const isSame = known?.objects.every((hash, i) => hash === objects[i]) === true;
  if (known !== null && isSame && known.index.live === live && known.index.lastSeq === (await recording.lastSeq())) return known;
  const segments = rows.map(({ firstSeq, lastSeq, minAtMs, maxAtMs }) => ({ firstSeq, lastSeq, fromMs: minAtMs, toMs: maxAtMs }));
  const head = { attemptId: attempt.id, title: attempt.title, limitMs: attempt.limits.limitMs, direction: attempt.settings.direction };
  const builder =
    known !== null && isSame
      ? known.builder
      : new IndexBuilder(emptyIndex({ ...head, live, segments }), (raw) => normalise(raw, attempt.settings).value);
  builder.setHead({ live, segments });
  const fromSeq = known !== null && isSame ? known.index.lastSeq + 1 : 1;
  for await (const event of recording.outline(OUTLINED_TYPES, fromSeq)) builder.add(event);
  return { builder, index: builder.take(), objects };
}
