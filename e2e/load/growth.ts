import type { Held } from '../support/workspaceCost.ts';

/** So many rounds are left out: code is compiled, lists and tips are made, and terminals fill up to the lines that they keep. */
export const WARM_UP_ROUNDS = 8;

/**
 * How much more a page may hold after a round than before it: of its heap what the browser goes on to compile, of its nodes the note that
 * was written, and of what is counted one by one next to nothing.
 */
const GROWTH_MAX: Readonly<Record<keyof Held, number>> = {
  heapMb: 0.5,
  nodes: 20,
  detachedNodes: 2,
  listeners: 2,
  models: 0,
  editors: 0,
  leftComparisons: 0,
};

/** How much of each a round adds, after the first ones. */
export function growthOf(held: readonly Held[]): Held {
  const after = held.slice(WARM_UP_ROUNDS);
  const slope = (of: keyof Held) => slopeOf(after.map((look) => look[of]));
  return {
    heapMb: slope('heapMb'),
    nodes: slope('nodes'),
    detachedNodes: slope('detachedNodes'),
    listeners: slope('listeners'),
    models: slope('models'),
    editors: slope('editors'),
    leftComparisons: slope('leftComparisons'),
  };
}

/** What grows more than it may. */
export function growthFaults(growth: Held): string[] {
  return (Object.keys(GROWTH_MAX) as (keyof Held)[])
    .filter((of) => growth[of] > GROWTH_MAX[of])
    .map((of) => `${of} grows by ${growth[of].toFixed(3)} a round; at most ${GROWTH_MAX[of]}`);
}

/**
 * How much a row of values rises from one to the next: the median of the slopes between any two (Theil and Sen), on which a few looks in a
 * bad moment have no influence. Throws for fewer than two.
 */
function slopeOf(values: readonly number[]): number {
  const slopes = values.flatMap((value, at) => values.slice(0, at).map((earlier, before) => (value - earlier) / (at - before)));
  slopes.sort((a, b) => a - b);
  const middle = slopes[Math.floor(slopes.length / 2)];
  if (middle === undefined) throw new Error('a slope takes two values');
  return middle;
}
