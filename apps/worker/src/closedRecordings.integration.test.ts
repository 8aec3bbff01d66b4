import { claimEpoch, listClosedRecordings, listScores, moveAttempt, requestScore, sealLastMinutes } from '@plumbline/database';
import { closeAttempt } from '@plumbline/database/attemptMoves';
import { readManifest } from '@plumbline/database/recordingManifests';
import { AttemptRecorder, eraseRecording, openRecording, verifyRecording } from '@plumbline/recording';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClosedRecordings } from './closedRecordings.ts';
import { retireRunner } from './runners.ts';
import { WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

/** An attempt under way that showed a secret, which its participant sealed; its gateway has ended. `signed`: just after it signed. */
async function sealed({ signed = false } = {}): Promise<{ id: string; userId: string }> {
  const { db, store, keys } = worker;
  const { id, userId } = await rig.started();
  const claim = await claimEpoch(db, id, null);
  if (claim === null) throw new Error('There is no such attempt.');
  const callbacks = { onDurable: () => {}, onStalled: () => {}, onStale: () => {} };
  const recorder = await AttemptRecorder.open({ db, store, keys, attemptId: id, claim, nowMs: Date.now, ...callbacks });
  const bytes = Buffer.from('secret');
  recorder.offer('runner:a', 1, { type: 'terminal.output', stream: 1, atMs: Date.now() - 1_000, data: { offset: 0, bytes } });
  await recorder.flush();
  await sealLastMinutes(db, id, { minutes: 1, reason: 'my own password', userId });
  await recorder.takeOutbox();
  if (signed) await recorder.finish();
  recorder.close();
  return { id, userId };
}

/** Stops its runner, of which its gateway has not heard since. */
async function retired(id: string): Promise<void> {
  await retireRunner(worker, id);
  await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '6 seconds' WHERE id = $1`, [id]);
}

async function look(): Promise<void> {
  const closed = new ClosedRecordings(worker);
  await closed.look();
  await closed.settled();
}

const due = () => listClosedRecordings(worker.db, 5_000);
const verified = (id: string) => verifyRecording({ db: worker.db, store: worker.store, keys: worker.keys, attemptId: id });

describe('the recording of an attempt that is closed', () => {
  it('is signed once its runner was stopped, and what the participant sealed is taken out of it', async () => {
    const { db } = worker;
    const { id, userId } = await sealed();
    const { id: left, userId: leaver } = await sealed();
    expect(await due()).toEqual([]);
    await closeAttempt(db, id, 'void', { by: userId, reason: 'a fault of ours' });
    await closeAttempt(db, left, 'withdrawn', { by: leaver, reason: 'I was ill' });
    // Until then its last events may come.
    await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = NULL WHERE id = $1`, [id]);
    await look();
    expect(await verified(id)).toMatchObject({ signed: false });
    await retired(id);
    await retired(left);
    await look();
    for (const one of [id, left]) {
      expect(await verified(one)).toMatchObject({ verdict: 'redacted', signed: true });
      const events = [];
      for await (const event of (await openRecording({ ...worker, attemptId: one })).events()) events.push(event.type);
      expect(events).toContain('recording.sealed');
    }
    const manifest = await readManifest(db, id);
    expect(await due()).toEqual([]);
    await look();
    expect(await readManifest(db, id)).toEqual(manifest);
  });

  it('has nothing sealed left where a process ended between signing it and taking that out', async () => {
    const { id, userId } = await sealed({ signed: true });
    await closeAttempt(worker.db, id, 'void', { by: userId, reason: 'a fault of ours' });
    await retired(id);
    expect(await verified(id)).toMatchObject({ verdict: 'intact', signed: true });
    await look();
    expect(await verified(id)).toMatchObject({ verdict: 'redacted', signed: true });
  });

  it('stays as it is where there is none, where it was erased, and while its runner is connected', async () => {
    const { db, store } = worker;
    const { id: unrecorded, userId } = await rig.started();
    await closeAttempt(db, unrecorded, 'void', { by: userId, reason: 'a fault of ours' });
    await retired(unrecorded);
    const { id: erased } = await sealed();
    await closeAttempt(db, erased, 'void', { by: userId, reason: 'a fault of ours' });
    await retired(erased);
    await eraseRecording({ db, store, attemptId: erased });
    const { id: connected } = await sealed();
    await closeAttempt(db, connected, 'void', { by: userId, reason: 'a fault of ours' });
    await retired(connected);
    await db.pool.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp() WHERE id = $1', [connected]);
    expect(await due()).toEqual([]);
  });
});

it('the score of an attempt is cancelled by what stops its runner, where the process that closed it ended before', async () => {
  const { db } = worker;
  const { id } = await rig.started();
  await requestScore(db, id, 'participant');
  await moveAttempt(db, id, 'void', { progress: 'a fault of ours' });
  expect(await listScores(db, id)).toMatchObject([{ status: 'running' }]);
  await retireRunner(worker, id);
  expect(await listScores(db, id)).toMatchObject([{ status: 'cancelled' }]);
});
