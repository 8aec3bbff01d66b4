import { appendClockEvent, findLiveLease, loadAttempt, recordAudit, requestScore, scoreAgain } from '@plumbline/database';
import { verifyRecording } from '@plumbline/recording';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { retireRunner } from './runners.ts';
import { StrandedEnds } from './strandedEnds.ts';
import { WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

const MINUTE_MS = 60_000;

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

/** An attempt that was submitted while it was scored, and whose runner is dead and does not come back. */
async function submitted(): Promise<{ id: string; userId: string }> {
  const { id, userId, runner } = await rig.started();
  await requestScore(worker.db, id, 'participant');
  await appendClockEvent(worker.db, id, { kind: 'submitted' }, { by: userId });
  await rig.kill(runner);
  return { id, userId };
}

/** Lets its end, its lease and the last sign of its runner be older. */
async function age(id: string, ms: number): Promise<void> {
  const { pool } = worker.db;
  const older = (column: string) => `${column} = ${column} - $2 * interval '1 millisecond'`;
  await pool.query(`UPDATE attempt SET ${older('ended_at')}, ${older('link_heartbeat_at')} WHERE id = $1`, [id, ms]);
  const columns = ['requested_at', 'granted_at', 'renewed_at'].map(older).join(', ');
  await pool.query(`UPDATE lease SET ${columns} WHERE attempt_id = $1 AND state <> 'released'`, [id, ms]);
}

async function look(): Promise<void> {
  const ends = new StrandedEnds(worker);
  await ends.look();
  await ends.settled();
}

const stateOf = async (id: string) => (await loadAttempt(worker.db, id)).state;

test('an ended attempt that gets no sandbox for an hour is completed without: staff read why, its recording is sealed, its machine goes to the next', async () => {
  const { db, store, keys } = worker;
  const { id } = await submitted();
  await age(id, 59 * MINUTE_MS);
  await look();
  expect(await stateOf(id)).toBe('finalising');

  await age(id, 2 * MINUTE_MS);
  await look();
  const attempt = await db.prisma.attempt.findUniqueOrThrow({ where: { id }, include: { scores: true } });
  expect(attempt).toMatchObject({
    state: 'completed',
    progress: expect.stringContaining('The sandbox could not be started on here within an hour'),
    scores: [{ trigger: 'participant', status: 'cancelled' }],
  });
  expect(await verifyRecording({ db, store, keys, attemptId: id })).toMatchObject({ verdict: 'intact', signed: true });
  await retireRunner(worker, id);
  await rig.reconcile();
  expect(await findLiveLease(db, id)).toBeNull();
});

test('one that was completed so is scored again as any other: it has its hour anew', async () => {
  const { db } = worker;
  const { id, userId } = await submitted();
  await age(id, 61 * MINUTE_MS);
  await look();
  await retireRunner(worker, id);
  await rig.reconcile();
  await scoreAgain(db, id, { by: userId });
  expect(await findLiveLease(db, id)).toMatchObject({ state: 'queued' });
  await rig.kill(await rig.provision(id));
  await look();
  expect(await stateOf(id)).toBe('finalising');
  await age(id, 61 * MINUTE_MS);
  await look();
  expect(await stateOf(id)).toBe('completed');
});

test('one whose runners start and do not stay is completed after eight of them, and not while one is connected', async () => {
  const { id } = await submitted();
  const replace = () => recordAudit(worker.db.pool, { userId: null, act: 'runner.replace', subject: `attempt:${id}` });
  for (let n = 0; n < 7; n += 1) await replace();
  await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '6 seconds' WHERE id = $1`, [id]);
  await look();
  expect(await stateOf(id)).toBe('finalising');
  await replace();
  await worker.db.pool.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp() WHERE id = $1', [id]);
  await look();
  expect(await stateOf(id)).toBe('finalising');
  await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '6 seconds' WHERE id = $1`, [id]);
  await look();
  expect(await loadAttempt(worker.db, id)).toMatchObject({ state: 'completed' });
  expect(await worker.db.prisma.attempt.findUniqueOrThrow({ where: { id } })).toMatchObject({
    progress: expect.stringContaining('started 8 times on here'),
  });
});

test('one that no machine takes for a day is completed without; a shorter wait in the queue is none', async () => {
  const { db } = worker;
  const { id } = await submitted();
  await db.pool.query(`UPDATE lease SET state = 'queued', host_id = NULL, granted_at = NULL, renewed_at = NULL WHERE attempt_id = $1`, [
    id,
  ]);
  await age(id, 23 * 60 * MINUTE_MS);
  await look();
  expect(await stateOf(id)).toBe('finalising');
  await age(id, 61 * MINUTE_MS);
  await look();
  expect(await stateOf(id)).toBe('completed');
  expect(await findLiveLease(db, id)).toBeNull();
});
