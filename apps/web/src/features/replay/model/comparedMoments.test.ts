import { emptyIndex } from '@plumbline/recording/indexBuilder';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { expect, it } from 'vitest';
import { comparedMoment } from './comparedMoments.ts';

const snapshot = (atMs: number, whole = true) => {
  return { seq: atMs, atMs, cause: 'save', commit: `c${atMs}`, bundle: null, base: null, whole, skipped: 0 };
};
const file = (atMs: number, path: string, to: string | null = null) => {
  return { seq: atMs, atMs, op: to === null ? ('saved' as const) : ('renamed' as const), path, to, size: 1 };
};
const index = {
  ...emptyIndex(),
  snapshots: [snapshot(10), snapshot(50), snapshot(70, false)],
  files: [file(5, 'early'), file(50, 'in-it'), file(60, 'a.py'), file(65, 'a.py'), file(80, 'b.py', 'c.py'), file(95, 'late')],
  filesOmitted: [
    { atMs: 40, count: 7 },
    { atMs: 85, count: 3 },
  ],
} as unknown as RecordingIndex;

it('the newest snapshot up to a moment that can be had stands for it, and what changed between them is named, each path once', () => {
  const at = comparedMoment(index, 90);
  expect([at.snapshot?.commit, at.changedSince, at.untold]).toEqual(['c50', ['a.py', 'c.py'], 3]);
});

it('nothing lies between a snapshot and its own moment, and before the first there is nothing to compare', () => {
  expect(comparedMoment(index, 50)).toMatchObject({ snapshot: { commit: 'c50' }, changedSince: [], untold: 0 });
  expect(comparedMoment(index, 9)).toMatchObject({ snapshot: null, changedSince: [], untold: 0 });
});
