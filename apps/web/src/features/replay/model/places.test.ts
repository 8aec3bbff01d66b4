import { emptyIndex } from '@plumbline/recording/indexBuilder';
import { describe, expect, it } from 'vitest';
import { awayStretches, isHere, snapshotAt } from './places.ts';

const HEAD = { attemptId: 'a', title: 'T', live: false, limitMs: 1000, direction: null, scoreScale: null };
const index = {
  ...HEAD,
  ...emptyIndex(),
  toMs: 100,
  focus: [
    { atMs: 10, tab: 'a', here: true },
    { atMs: 20, tab: 'b', here: false },
    { atMs: 30, tab: 'a', here: false },
    { atMs: 40, tab: 'b', here: true },
    { atMs: 90, tab: 'b', here: false },
  ],
  snapshots: [
    { seq: 1, atMs: 5, cause: 'start', commit: 'x', bundle: 'bx', base: null, whole: true, skipped: 0, skippedMore: false },
    { seq: 2, atMs: 50, cause: 'save', commit: 'y', bundle: 'by', base: 'x', whole: true, skipped: 0, skippedMore: false },
    { seq: 3, atMs: 60, cause: 'save', commit: 'z', bundle: 'bz', base: 'y', whole: false, skipped: 0, skippedMore: false },
  ],
};

describe('at a moment of a recording', () => {
  it('the participant is here while any of their pages is, and away while none is', () => {
    expect([5, 10, 25, 35, 45, 95].map((atMs) => isHere(index, atMs))).toEqual([null, true, true, false, true, false]);
    expect(awayStretches(index)).toEqual([
      { fromMs: 30, toMs: 40 },
      { fromMs: 90, toMs: 100 },
    ]);
  });

  it('the snapshot is the newest one that was taken by then, and can be had', () => {
    expect([1, 5, 49, 50, 60].map((atMs) => snapshotAt(index, atMs)?.commit ?? null)).toEqual([null, 'x', 'x', 'y', 'y']);
  });
});
