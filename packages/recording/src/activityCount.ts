import type { IndexedEvents } from './recordingIndex.ts';

/** How much happened in each ten seconds of a recording: what skipping idle time looks for. */

const BUCKET_MS = 10_000;
/** Over a hundred days. Beyond that something was dated decades from the rest, and is not worth a bucket for each ten seconds. */
const BUCKETS_MAX = 1_000_000;
/** Events that are no sign of anybody doing anything, or that a replay does not show. */
const SILENT = new Set<string>([
  'resource.sample',
  'network.sample',
  'terminal.keyframe',
  'connection.latency',
  'connection.resumed',
  'focus.page',
  'file.omitted',
]);

/** True for the events that count as activity. */
export function isActivity(type: string): boolean {
  return !SILENT.has(type);
}

export function noActivity(): IndexedEvents['activity'] {
  return { bucketMs: BUCKET_MS, counts: [] };
}

export class ActivityCount {
  /** Times that are not counted yet: the earliest of all is known only when the index is taken. */
  private times: number[] = [];

  add({ type, atMs }: { type: string; atMs: number }): void {
    if (isActivity(type)) this.times.push(atMs);
  }

  /** Counts what was added since the last call, from the index's own beginning. */
  countInto({ fromMs, activity: { counts } }: IndexedEvents): void {
    for (const atMs of this.times) {
      const bucket = Math.max(0, Math.floor((atMs - fromMs) / BUCKET_MS));
      if (bucket >= BUCKETS_MAX) continue;
      while (counts.length <= bucket) counts.push(0);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    this.times = [];
  }
}
