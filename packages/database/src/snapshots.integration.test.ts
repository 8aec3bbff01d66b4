import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertBlob } from './blobs.ts';
import { SETTINGS } from './settings.fixture.ts';
import { findRestorePoint, listLeftOut, noteSnapshot } from './snapshots.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing.drop());

/** An attempt with snapshots `[commit, base, stored]`, in this order; each one's bundle is called as the commit. */
async function withSnapshots(...taken: readonly (readonly [string, string | null | undefined, boolean])[]): Promise<string> {
  const { db } = testing;
  const { attempt } = await makeAttempt(db, { environmentSettings: SETTINGS });
  for (const [n, [commit, base, stored]] of taken.entries()) {
    await noteSnapshot(db, attempt.id, { commit, bundle: commit, base, atMs: n * 1000, skipped: [] });
    if (stored) await insertBlob(db, { attemptId: attempt.id, hash: commit, objectHash: commit, bytes: 1 });
  }
  return attempt.id;
}

const restored = async (id: string) => {
  const point = await findRestorePoint(testing.db, id);
  return point === null ? null : [point.bundles.join(' '), point.atMs];
};

describe('a lost workspace is taken from', () => {
  it('nothing where nothing was stored', async () => {
    expect(await restored(await withSnapshots())).toBeNull();
    expect(await restored(await withSnapshots(['a', null, false], ['b', 'a', true]))).toBeNull();
  });

  it('the newest whose every part is stored, and what that rests on alone', async () => {
    expect(await restored(await withSnapshots(['a', null, true], ['b', 'a', true], ['c', 'b', false]))).toEqual(['a b', 1000]);
    // One that was refused, one on top of it, and one that was made to stand alone.
    const healed = [
      ['a', null, true],
      ['b', 'a', false],
      ['c', 'b', true],
      ['d', null, true],
      ['e', 'd', true],
    ] as const;
    expect(await restored(await withSnapshots(...healed))).toEqual(['d e', 4000]);
    // Or that went on from the last that was recorded.
    expect(await restored(await withSnapshots(['a', null, true], ['b', 'a', false], ['c', 'a', true]))).toEqual(['a c', 2000]);
  });

  it('one behind which others stand alone and are not stored yet', async () => {
    expect(await restored(await withSnapshots(['a', null, true], ['b', null, false], ['c', 'b', false]))).toEqual(['a', 0]);
  });

  it('a chain of one before the other, where a runner does not say what it builds on', async () => {
    expect(await restored(await withSnapshots(['a', undefined, true], ['b', undefined, true]))).toEqual(['a b', 1000]);
    expect(await restored(await withSnapshots(['a', undefined, true], ['b', undefined, false], ['c', undefined, true]))).toEqual(['a', 0]);
  });
});

it('what a copy lacks is told of the newest alone, stored or not, and as it was last seen', async () => {
  const { db } = testing;
  const id = await withSnapshots(['a', null, true], ['b', 'a', false]);
  expect(await listLeftOut(db, id)).toEqual([]);
  const large = { path: 'weights.bin', reason: 'too large' };
  await noteSnapshot(db, id, { commit: 'b', bundle: undefined, atMs: 5000, skipped: [large] });
  expect(await listLeftOut(db, id)).toEqual([large]);
  await noteSnapshot(db, id, { commit: 'c', bundle: 'c', base: 'b', atMs: 6000, skipped: [] });
  expect(await listLeftOut(db, id)).toEqual([]);
});
