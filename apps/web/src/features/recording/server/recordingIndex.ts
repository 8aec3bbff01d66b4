import { normalise, scaleEnds } from '@plumbline/core';
import type { AttemptView } from '@plumbline/database/attempts';
import { emptyIndex, IndexBuilder, OUTLINED_TYPES } from '@plumbline/recording/indexBuilder';
import type { Recording } from '@plumbline/recording/reader';
import type { IndexedEvents, RecordingIndex } from '@plumbline/recording/recordingIndex';

/** Indexes of this many recordings are kept: a reviewer comes back to the same one again and again. */
const INDEXES_KEPT = 8;

interface Kept {
  /** Goes on where there are more events; null for an index that was found beside a finished recording. */
  builder: IndexBuilder | null;
  index: RecordingIndex;
  /** Which objects it was made of: a redacted segment is another. */
  objects: string[];
}

const kept = new Map<string, Promise<Kept>>();

/** A chart has no more points than this across. */
const SAMPLES_SENT = 1_000;

type Sample = RecordingIndex['resources'][number];

/** The most of each figure, at the time of the most processors. */
function mostOf(samples: Sample[]): Sample {
  const most = (figure: (sample: Sample) => number | null) =>
    samples.reduce<number | null>((max, sample) => {
      const is = figure(sample);
      return is === null ? max : Math.max(max ?? is, is);
    }, null);
  const busiest = samples.reduce((max, sample) => ((sample.cpus ?? 0) > (max.cpus ?? 0) ? sample : max));
  return {
    ...busiest,
    memoryBytes: most((sample) => sample.memoryBytes),
    diskBytes: most((sample) => sample.diskBytes),
    gpus: most((sample) => sample.gpus),
    gpuMemoryBytes: most((sample) => sample.gpuMemoryBytes),
  };
}

/** What a replay needs of an index: not where screens are, and of a finished attempt's samples, stretch by stretch, the most. */
export function sentIndex(index: RecordingIndex): RecordingIndex {
  const { resources, live } = index;
  const per = live ? 1 : Math.ceil(resources.length / SAMPLES_SENT);
  const thinned: Sample[] = [];
  for (let at = 0; at < resources.length; at += per) thinned.push(mostOf(resources.slice(at, at + per)));
  return { ...index, screens: [], resources: thinned };
}

/** The index of a recording as far as it goes now: the one that is kept beside it, or made in one pass and gone on with as there are more. */
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

async function goOn(attempt: AttemptView, recording: Recording, before: Kept | null): Promise<Kept> {
  const live = attempt.completedAtMs === null;
  const [segments, lastSeq] = await Promise.all([recording.segments(), recording.lastSeq()]);
  const objects = segments.map(({ objectHash }) => objectHash);
  const known = before?.objects.every((hash, i) => hash === objects[i]) === true ? before : null;
  if (known !== null && known.index.live === live && known.index.lastSeq === lastSeq) return known;
  if (known === null && !live) {
    const found = await recording.keptIndex();
    if (found?.lastSeq === lastSeq) return { builder: null, index: ofAttempt(attempt, live, found), objects };
  }
  const builder = known === null ? new IndexBuilder(emptyIndex()) : (known.builder ?? new IndexBuilder<IndexedEvents>(known.index));
  for await (const event of recording.outline(OUTLINED_TYPES, (known?.index.lastSeq ?? 0) + 1)) builder.add(event);
  const indexed = builder.take();
  if (!live) {
    await recording.keepIndex(indexed).catch((error: unknown) => {
      // It is here all the same; whoever opens the recording next makes it again.
      console.error(`Attempt ${attempt.id}: the index of the recording cannot be kept.`, error);
    });
  }
  return { builder, index: ofAttempt(attempt, live, indexed), objects };
}

function ofAttempt({ id, title, limits, settings }: AttemptView, live: boolean, indexed: IndexedEvents): RecordingIndex {
  const scores = indexed.scores.map((row) => ({ ...row, normalised: row.score === null ? null : normalise(row.score, settings).value }));
  return {
    ...indexed,
    scores,
    attemptId: id,
    title,
    live,
    limitMs: limits.limitMs,
    direction: settings.direction,
    scoreScale: scaleEnds(settings),
  };
}
