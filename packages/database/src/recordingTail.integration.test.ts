import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { destroyWrappedKey, insertWrappedKey, readWrappedKey } from './recordingKeys.ts';
import { readManifest, storeManifest } from './recordingManifests.ts';
import { insertSegment, lastSegment, listSegments, type SegmentRow } from './recordingSegments.ts';
import { appendBatch, claimEpoch, type EpochClaim, readRecordingState, readSources, readTail, type TailAppend } from './recordingTail.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

async function claimed(): Promise<{ attemptId: string; claim: EpochClaim }> {
  const attemptId = (await makeAttempt(database.db)).attempt.id;
  return { attemptId, claim: (await claimEpoch(database.db, attemptId, null)) as EpochClaim };
}

function batchOf(attemptId: string, epoch: number, firstSeq: number, changes: Partial<TailAppend> = {}): TailAppend {
  const marks = new Map([['runner:a', firstSeq + 4]]);
  return {
    attemptId,
    epoch,
    firstSeq,
    count: 5,
    rawBytes: 100,
    batch: Buffer.from(`batch ${firstSeq}`),
    marks,
    times: new Map(),
    ...changes,
  };
}

function segmentOf(n: number, firstSeq: number, lastSeq: number): SegmentRow {
  const hash = String(n).repeat(64).slice(0, 64);
  const keyframes = [{ terminal: 1, seq: firstSeq, atMs: 1_790_000_000_000.125, offset: 3, line: 0 }];
  return {
    n,
    firstSeq,
    lastSeq,
    minAtMs: 1.5,
    maxAtMs: 9.5,
    objectHash: hash,
    objectBytes: 10,
    rawBytes: 100,
    root: hash,
    previousRoot: hash,
    keyframes,
  };
}

describe('the recording of an attempt', () => {
  it('is taken over with the token of the live runner, or by the platform, and by nobody else', async () => {
    const { attemptId, claim } = await claimed();
    expect(claim).toEqual({ epoch: 1, lastSeq: 0, lastTerminal: 0, rawBytes: 0, sources: new Map(), times: new Map() });
    await database.db.prisma.attempt.update({ where: { id: attemptId }, data: { runnerTokenHash: 'the live one' } });
    expect(await claimEpoch(database.db, attemptId, 'a replaced one')).toBeNull();
    expect(await claimEpoch(database.db, attemptId, 'the live one')).toMatchObject({ epoch: 2 });
    expect((await readRecordingState(database.db, attemptId)).epoch).toBe(2);
  });

  it('grows by one batch with its marks, and takes the same batch once however often it is sent', async () => {
    const { attemptId, claim } = await claimed();
    const batch = batchOf(attemptId, claim.epoch, 1);
    expect(await appendBatch(database.db, batch)).toEqual({ firstSeq: 1 });
    expect(await appendBatch(database.db, batch)).toEqual({ firstSeq: 1 });
    expect(await appendBatch(database.db, batchOf(attemptId, claim.epoch, 6))).toEqual({ firstSeq: 6 });
    expect(await readRecordingState(database.db, attemptId)).toMatchObject({ lastSeq: 10, rawBytes: 200 });
    expect((await readTail(database.db, attemptId, 1, 10)).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 5],
      [6, 10],
    ]);
    expect((await readTail(database.db, attemptId, 7, 10)).map(({ firstSeq }) => firstSeq)).toEqual([6]);
    expect(await readSources(database.db, attemptId)).toEqual(new Map([['runner:a', 10]]));
    const again = await claimEpoch(database.db, attemptId, null);
    expect(again).toMatchObject({ epoch: 2, lastSeq: 10, sources: new Map([['runner:a', 10]]) });
  });

  it('keeps when the last event of a tab was, also where a later batch does not say', async () => {
    const { attemptId, claim } = await claimed();
    const marks = (n: number) => new Map([['tab:a', n]]);
    await appendBatch(database.db, batchOf(attemptId, claim.epoch, 1, { marks: marks(5), times: new Map([['tab:a', 6_000.5]]) }));
    await appendBatch(database.db, batchOf(attemptId, claim.epoch, 6, { marks: marks(10) }));
    expect(await claimEpoch(database.db, attemptId, null)).toMatchObject({ times: new Map([['tab:a', 6_000.5]]) });
  });

  it('refuses a batch that does not follow, or another one in the place of one it has', async () => {
    const { attemptId, claim } = await claimed();
    await expect(appendBatch(database.db, batchOf(attemptId, claim.epoch, 2))).rejects.toMatchObject({ code: 'internal' });
    await appendBatch(database.db, batchOf(attemptId, claim.epoch, 1));
    await expect(appendBatch(database.db, batchOf(attemptId, claim.epoch, 1, { batch: Buffer.from('another') }))).rejects.toMatchObject({
      code: 'internal',
    });
    expect((await readRecordingState(database.db, attemptId)).lastSeq).toBe(5);
  });

  it('takes nothing from an owner that was overtaken: no batch, no mark, no segment, no manifest', async () => {
    const { attemptId, claim } = await claimed();
    await appendBatch(database.db, batchOf(attemptId, claim.epoch, 1));
    await claimEpoch(database.db, attemptId, null);
    const late = batchOf(attemptId, claim.epoch, 6, { marks: new Map([['tab:b', 1]]) });
    expect(await appendBatch(database.db, late)).toBe('stale');
    expect(await insertSegment(database.db, attemptId, claim.epoch, segmentOf(1, 1, 5))).toBe('stale');
    expect(await storeManifest(database.db, attemptId, claim.epoch, { manifest: '{}', signature: '' })).toBe('stale');
    expect(await readRecordingState(database.db, attemptId)).toMatchObject({ lastSeq: 5, sealedSeq: 0 });
    expect(await readSources(database.db, attemptId)).toEqual(new Map([['runner:a', 5]]));
    expect(await listSegments(database.db, attemptId)).toEqual([]);
    expect(await readManifest(database.db, attemptId)).toBeNull();
    expect(await readTail(database.db, attemptId, 1, 10)).toHaveLength(1);
  });

  it('moves what is sealed from the tail to the index in one step, in order, once', async () => {
    const { attemptId, claim } = await claimed();
    for (const firstSeq of [1, 6, 11]) await appendBatch(database.db, batchOf(attemptId, claim.epoch, firstSeq));
    const [first, second] = [segmentOf(1, 1, 10), segmentOf(2, 11, 15)];
    await expect(insertSegment(database.db, attemptId, claim.epoch, second)).rejects.toMatchObject({ code: 'internal' });
    expect(await insertSegment(database.db, attemptId, claim.epoch, first)).toBe('sealed');
    expect(await insertSegment(database.db, attemptId, claim.epoch, first)).toBe('sealed');
    expect((await readTail(database.db, attemptId, 1, 10)).map(({ firstSeq }) => firstSeq)).toEqual([11]);
    expect(await insertSegment(database.db, attemptId, claim.epoch, second)).toBe('sealed');
    expect(await listSegments(database.db, attemptId)).toEqual([first, second]);
    expect(await listSegments(database.db, attemptId, 1)).toEqual([second]);
    expect(await lastSegment(database.db, attemptId)).toEqual(second);
    expect(await readTail(database.db, attemptId, 1, 10)).toEqual([]);
    expect((await readRecordingState(database.db, attemptId)).sealedSeq).toBe(15);
  });

  it('has one key, which is gone for good when it is destroyed', async () => {
    const { attemptId } = await claimed();
    expect(await readWrappedKey(database.db, attemptId)).toBe('absent');
    await insertWrappedKey(database.db, attemptId, Buffer.from('first'));
    await insertWrappedKey(database.db, attemptId, Buffer.from('second'));
    expect(await readWrappedKey(database.db, attemptId)).toEqual(Buffer.from('first'));
    await destroyWrappedKey(database.db, attemptId);
    await insertWrappedKey(database.db, attemptId, Buffer.from('third'));
    expect(await readWrappedKey(database.db, attemptId)).toBe('destroyed');
  });
});
