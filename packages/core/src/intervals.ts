/** A stretch of time, `fromMs` included and `toMs` not. */
export interface Interval {
  fromMs: number;
  toMs: number;
}

/** The stretches cut to `bounds`; what lies outside, or has no length, is dropped. */
export function clipIntervals(intervals: readonly Interval[], bounds: Interval): Interval[] {
  const clipped: Interval[] = [];
  for (const interval of intervals) {
    const fromMs = Math.max(interval.fromMs, bounds.fromMs);
    const toMs = Math.min(interval.toMs, bounds.toMs);
    if (toMs > fromMs) clipped.push({ fromMs, toMs });
  }
  return clipped;
}

/** The length in milliseconds of the union of the stretches: time that two of them share counts once. */
export function unionLengthMs(intervals: readonly Interval[]): number {
  const sorted = [...intervals].sort((a, b) => a.fromMs - b.fromMs);
  let totalMs = 0;
  let coveredToMs = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of sorted) {
    const newFromMs = Math.max(fromMs, coveredToMs);
    if (toMs > newFromMs) {
      totalMs += toMs - newFromMs;
      coveredToMs = toMs;
    }
  }
  return totalMs;
}
