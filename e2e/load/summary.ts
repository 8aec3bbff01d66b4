/** What is said of a set of times, in milliseconds. */
export interface Latency {
  samples: number;
  medianMs: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Median and tail of `times` (ms), by nearest rank. Throws for an empty list. */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    if (value === undefined) throw new Error('there are no times to summarise');
    return rounded(value);
  };
  return { samples: sorted.length, medianMs: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) };
}

/** How many times the first is of the second, figure by figure. */
export function latencyRatio(of: Latency, to: Latency): { median: number; p95: number; p99: number } {
  return { median: rounded(of.medianMs / to.medianMs), p95: rounded(of.p95Ms / to.p95Ms), p99: rounded(of.p99Ms / to.p99Ms) };
}

/** Two digits behind the point: more would be noise. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
