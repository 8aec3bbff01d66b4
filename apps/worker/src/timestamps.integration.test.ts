import { readManifest } from '@plumbline/database/recordingManifests';
import { timestampRequest, verifyRecording } from '@plumbline/recording';
import { TimestampAuthority } from '@plumbline/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishRecording } from './finishRecording.ts';
import { Timestamps } from './timestamps.ts';
import { WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

const MINUTE_MS = 60_000;

let rig: WorkerRig;
let authority: TimestampAuthority;
let worker: Worker;
let timestamps: Timestamps;
beforeAll(async () => {
  rig = await WorkerRig.open();
  authority = await TimestampAuthority.start();
  worker = { ...rig.worker, timestampUrl: authority.url };
  timestamps = new Timestamps(worker);
});
afterAll(async () => {
  await authority.close();
  await rig.close();
});

/** An attempt whose recording is signed. */
async function signed(): Promise<string> {
  const { id } = await rig.scheduled();
  await finishRecording(worker, id);
  return id;
}

const verified = (attemptId: string) => verifyRecording({ ...worker, attemptId });
const tokenOf = async (id: string) => (await readManifest(worker.db, id))?.timestampToken ?? null;

test('a recording that is signed is time-stamped once by the authority, and anew where it is signed anew', async () => {
  const id = await signed();
  expect(await verified(id)).toMatchObject({ verdict: 'intact', signed: true, timestamp: null });
  await timestamps.look();
  const { timestamp } = await verified(id);
  expect(timestamp?.authority).toBe('O=Example, CN=Time-stamps of a test');
  expect(Math.abs((timestamp?.atMs ?? 0) - Date.now())).toBeLessThan(MINUTE_MS);
  await timestamps.look();
  expect(authority.asked).toBe(1);

  await finishRecording(worker, id);
  expect(await verified(id)).toMatchObject({ verdict: 'intact', timestamp: null });
  await timestamps.look();
  expect((await verified(id)).timestamp).not.toBeNull();
  expect(authority.asked).toBe(2);
});

test('a recording that is signed anew while the authority is asked is not given the time-stamp of what was signed before', async () => {
  const id = await signed();
  authority.insteadOf = async (request) => {
    await finishRecording(worker, id);
    return authority.reply(request);
  };
  await timestamps.look();
  authority.insteadOf = null;
  expect(await verified(id)).toMatchObject({ verdict: 'intact', timestamp: null });
  await timestamps.look();
  expect((await verified(id)).timestamp).not.toBeNull();
});

test('nobody is asked where no authority is set', async () => {
  await signed();
  const { asked } = authority;
  await new Timestamps(rig.worker).look();
  expect(authority.asked).toBe(asked);
  await timestamps.look();
});

test('an authority that is away holds no signing up, is asked after growing waits, and gives what is missing once it is back', async () => {
  const ids = [await signed(), await signed()];
  authority.insteadOf = () => 503;
  const before = authority.asked;
  const askedWithin = async (ms: number) => {
    const { asked } = authority;
    rig.clock.advance(ms);
    await timestamps.look();
    return authority.asked - asked;
  };
  // One question a try, however many wait.
  expect(await askedWithin(0)).toBe(1);
  for (const waitMs of [30_000, 60_000, 120_000])
    expect([await askedWithin(waitMs - 1), await askedWithin(1)], String(waitMs)).toEqual([0, 1]);
  expect(authority.asked - before).toBe(4);
  ids.push(await signed());
  for (const id of ids) expect(await verified(id)).toMatchObject({ verdict: 'intact', signed: true, timestamp: null });
  authority.insteadOf = null;
  rig.clock.advance(240_000);
  await timestamps.look();
  for (const id of ids) expect((await verified(id)).timestamp).not.toBeNull();
});

test('an authority that takes a request and says nothing is given up, as is an address where nobody listens', async () => {
  const id = await signed();
  const { asked } = authority;
  authority.insteadOf = () => new Promise(() => {});
  const looking = timestamps.look();
  await expect.poll(() => authority.asked).toBe(asked + 1);
  rig.clock.advance(5_000);
  await looking;
  expect(await tokenOf(id)).toBeNull();
  authority.insteadOf = null;
  await new Timestamps({ ...worker, timestampUrl: 'http://127.0.0.1:9/tsr' }).look();
  expect(await tokenOf(id)).toBeNull();
  rig.clock.advance(30_000);
  await timestamps.look();
  expect(await tokenOf(id)).not.toBeNull();
});

test('a token for another manifest is not kept, and the others get theirs', async () => {
  const [first, second] = [await signed(), await signed()];
  const foreign = await authority.reply(timestampRequest('another manifest').der);
  const { asked } = authority;
  authority.insteadOf = (request) => (authority.asked === asked + 1 ? foreign : authority.reply(request));
  await timestamps.look();
  authority.insteadOf = null;
  expect([await tokenOf(first), await tokenOf(second)]).toEqual([null, expect.any(Buffer)]);
  const third = await signed();
  await timestamps.look();
  expect([await tokenOf(first), await tokenOf(third)]).toEqual([null, expect.any(Buffer)]);
  rig.clock.advance(30_000);
  await timestamps.look();
  expect(await tokenOf(first)).not.toBeNull();
});

test('a token that is not one for the manifest it is kept with is named by the verification', async () => {
  const [id, other] = [await signed(), await signed()];
  await timestamps.look();
  await worker.db.pool.query('UPDATE recording_manifest SET timestamp_token = $2 WHERE attempt_id = $1', [id, await tokenOf(other)]);
  expect(await verified(id)).toMatchObject({
    verdict: 'damaged',
    signed: false,
    timestamp: null,
    problem: { kind: 'bad_timestamp', message: 'The time-stamp does not hold. It is one for another manifest.' },
  });
});
