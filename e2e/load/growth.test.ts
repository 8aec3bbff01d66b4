import { expect, test } from 'vitest';
import type { Held } from '../support/workspaceCost.ts';
import { growthFaults, growthOf } from './growth.ts';

/** What a page held after each of 24 rounds of the benchmark, as it was measured. */
const HEAP_MB = [
  33.7, 34.7, 37, 37.7, 37.8, 38.1, 36.6, 36.8, 37.6, 38.6, 38.3, 38.4, 38.6, 38.8, 39, 39.1, 39.4, 39.8, 39.7, 39.9, 40.3, 40.2, 40.3,
  40.6,
];
const NODES = [
  1912, 2052, 1943, 1957, 1974, 1986, 2001, 1934, 2031, 2464, 2305, 2076, 2091, 2106, 2121, 2136, 2069, 2372, 2087, 2178, 2478, 2195, 2122,
  2506,
];
const LISTENERS = [
  2970, 2923, 3009, 2961, 2913, 2962, 3025, 2915, 2916, 3138, 3082, 2917, 2956, 2962, 2911, 2921, 2949, 3098, 2910, 2913, 3095, 2931, 2910,
  3099,
];

/** The measured rounds, with so much more of one figure after each. */
function rounds(more: Partial<Held> = {}): Held[] {
  return HEAP_MB.map((heapMb, round) => {
    const held = {
      heapMb,
      nodes: NODES[round] as number,
      detachedNodes: 40,
      listeners: LISTENERS[round] as number,
      models: 1,
      editors: 1,
      leftComparisons: 0,
    };
    for (const of of Object.keys(more) as (keyof Held)[]) held[of] += (round + 1) * (more[of] ?? 0);
    return held;
  });
}

test('what was measured of a page that leaks nothing is no growth, though its nodes and listeners go up and down by hundreds', () => {
  expect(growthFaults(growthOf(rounds()))).toEqual([]);
});

test.each([
  ['a text of the editor', 'models', 1],
  ['a comparison', 'leftComparisons', 1],
  ['half a megabyte of what was printed', 'heapMb', 0.5],
  ['a row of nodes that nobody sees', 'detachedNodes', 3],
  ['a panel’s nodes', 'nodes', 30],
  ['a few listeners', 'listeners', 6],
] as const)('a page that keeps %s of each round is found to grow', (_, of, more) => {
  expect(growthFaults(growthOf(rounds({ [of]: more })))).toEqual([expect.stringMatching(`^${of} grows by`)]);
});
