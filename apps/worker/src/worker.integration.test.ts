import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CONSENTS, type Consents } from '@plumbline/core';
import {
  answerAgreement,
  appendClockEvent,
  createExport,
  findAgreement,
  loadAttempt,
  loadExport,
  moveAttempt,
  openJobQueue,
  prepareAttempt,
  startAttempt,
  writeAgreement,
} from '@plumbline/database';
import { destroyWrappedKey } from '@plumbline/database/recordingKeys';
import { localPlacement, type RunnerHandle } from '@plumbline/sandbox';
import type { ObjectStore } from '@plumbline/storage';
import { makeAttempt, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildDataset } from './buildDataset.ts';
import { endPauses, endReady, serveDeadlines } from './clockCare.ts';
import { startJobs } from './jobs.ts';
import { provision } from './provision.ts';
import { Sweep } from './sweep.ts';
import { SETTINGS, WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

/** An attempt that began `agoMs` ago, its gateway alive. */
async function running(study: object = {}, agoMs = 0): Promise<string> {
  const { id, userId } = await rig.scheduled(study);
  await worker.db.prisma.attempt.update({ where: { id }, data: { state: 'ready', linkHeartbeatAt: new Date(), readyAt: new Date() } });
  await startAttempt(worker.db, id, userId);
  await rig.back(id, agoMs);
  return id;
}

describe('preparing', () => {
  test('starts one runner however often the job runs, and gives it a token whose hash alone is kept', async () => {
    const { id } = await rig.scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const started = vi.spyOn(rig.placement, 'start');
    await Promise.all([provision(worker, { attemptId: id }), provision(worker, { attemptId: id }), provision(worker, { attemptId: id })]);
    expect(started).toHaveBeenCalledOnce();
    started.mockRestore();
    const config = await rig.configOf(id);
    expect(config).toMatchObject({
      attemptId: id,
      task: 'main',
      familyDir: '/opt/environments/practice',
      memoryBytes: 2 * 1024 ** 3,
      isolation: 'none',
    });
    expect((await loadAttempt(worker.db, id)).runnerTokenHash).toBe(createHash('sha256').update(config.token).digest('hex'));
    expect(await rig.lives((await rig.handleOf(id)) as RunnerHandle)).toBe(true);
  });

  test('finds the runner again that was started just before the worker died', async () => {
    const { id } = await rig.provisioned();
    await worker.db.prisma.$executeRaw`UPDATE attempt SET runner_placement = NULL WHERE id = ${id}::uuid`;
    const started = vi.spyOn(rig.placement, 'start');
    await provision(worker, { attemptId: id });
    expect(started).not.toHaveBeenCalled();
    started.mockRestore();
    expect(await rig.handleOf(id)).not.toBeNull();
  });

  test('a runner that cannot be started puts the attempt back, with words for the person who waits', async () => {
    const { id } = await rig.scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const nowhere = join(rig.folder, 'runner.mjs', 'no-folder');
    const broken: Worker = {
      ...worker,
      placementOf: () => localPlacement({ runnerEntry: nowhere, runnersDir: nowhere, imageDir: nowhere, assetsDir: nowhere }),
    };
    await provision(broken, { attemptId: id });
    expect(await loadAttempt(worker.db, id)).toMatchObject({
      state: 'scheduled',
      progress: expect.stringContaining('could not be started'),
      runnerTokenHash: null,
    });
  });

  test('runs as a job that pressing Prepare queues', async () => {
    const jobs = startJobs(worker);
    const { id } = await rig.scheduled();
    await prepareAttempt(worker.db, id);
    await expect.poll(() => rig.handleOf(id), { timeout: 60_000 }).not.toBeNull();
    await jobs.stop();
  });
});

describe('the clock', () => {
  test('a deadline that nobody served ends the attempt, five seconds after it and not before', async () => {
    const late = await running({ limitMs: 60_000 }, 66_000);
    const soon = await running({ limitMs: 60_000 }, 62_000);
    const inTime = await running({ limitMs: 60_000 }, 50_000);
    await worker.db.pool.query(`UPDATE attempt SET deadline_at = clock_timestamp() - interval '1 second' WHERE id = $1`, [soon]);
    await serveDeadlines(worker);
    expect(await loadAttempt(worker.db, late)).toMatchObject({ state: 'finalising', endReason: 'expired' });
    expect((await loadAttempt(worker.db, soon)).state).toBe('running');
    expect((await loadAttempt(worker.db, inTime)).state).toBe('running');
  });

  test('a deadline that passed while no gateway held the link is not served: that time is due back', async () => {
    const id = await running({ limitMs: 60_000 }, 70_000);
    await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '30 seconds' WHERE id = $1`, [id]);
    await serveDeadlines(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('running');
  });

  test('a pause at its cap is resumed, with the reason in the event; one for staff is not', async () => {
    const over = await running({ maxPauseMs: 60_000 });
    const staff = await running({ maxPauseMs: 60_000 });
    const within = await running({ maxPauseMs: 600_000 });
    await appendClockEvent(worker.db, over, { kind: 'paused', reason: 'break' }, { by: null });
    await appendClockEvent(worker.db, staff, { kind: 'paused', reason: 'awaiting_staff' }, { by: null });
    await appendClockEvent(worker.db, within, { kind: 'paused', reason: 'break' }, { by: null });
    for (const id of [over, staff, within]) await rig.back(id, 61_000);
    await endPauses(worker);
    expect(await rig.kinds(over)).toEqual(['started', 'paused', 'resumed']);
    expect((await loadAttempt(worker.db, over)).events.at(-1)).toMatchObject({ by: null, reason: expect.stringContaining('longest time') });
    expect(await rig.kinds(staff)).toEqual(['started', 'paused']);
    expect(await rig.kinds(within)).toEqual(['started', 'paused']);
  });

  test('a hibernation at its cap is resumed only once its machine is back', async () => {
    const id = await running({ maxPauseMs: 60_000 });
    await appendClockEvent(worker.db, id, { kind: 'paused', reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }, { by: null });
    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await rig.back(id, 61_000);
    await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '1 minute' WHERE id = $1`, [id]);
    await endPauses(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('paused');
    await worker.db.pool.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp() WHERE id = $1', [id]);
    await endPauses(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('running');
  });

  test('a sandbox that nobody starts for half an hour is given back', async () => {
    const { id, runner } = await rig.provisioned();
    await moveAttempt(worker.db, id, 'ready');
    await endReady(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('ready');
    await worker.db.pool.query(`UPDATE attempt SET ready_at = ready_at - interval '31 minutes' WHERE id = $1`, [id]);
    await endReady(worker);
    expect(await loadAttempt(worker.db, id)).toMatchObject({ state: 'scheduled', progress: expect.stringContaining('30 minutes') });
    expect(await rig.lives(runner)).toBe(false);
  });
});

test('a dataset that cannot be built tells whoever asked why, and is not tried again', async () => {
  const id = await running();
  const exportId = await createExport(worker.db, { requestedBy: null, attemptIds: [id] });
  const jobs = startJobs(worker);
  await expect.poll(async () => (await loadExport(worker.db, exportId)).state, { timeout: 60_000 }).toBe('failed');
  expect((await loadExport(worker.db, exportId)).error).toMatch(/ended/);
  await jobs.stop();
});

/** A completed attempt whose participant agrees to its release. */
async function releasable() {
  const { db } = worker;
  const { attempt, study } = await makeAttempt(db, { environmentSettings: SETTINGS });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'completed', startedAt: new Date(), endedAt: new Date() } });
  await writeAgreement(db, study.id, { text: 'A text.', contact: 'x', withdrawUntil: new Date(Date.now() + 600_000) }, { by: null });
  const versionId = (await findAgreement(db, attempt.id)).version?.id as string;
  const agree = (gatedRelease: boolean) => {
    const consents = { ...(Object.fromEntries(CONSENTS.map((consent) => [consent, true])) as Consents), gatedRelease };
    return answerAgreement(db, attempt.id, { versionId, consents });
  };
  await agree(true);
  return { id: attempt.id, agree };
}

/** Builds a dataset, with something that happens once its first archive is made and before it is stored. */
async function buildAround(attemptIds: string[], meanwhile: () => Promise<unknown>) {
  const { db, store } = worker;
  const put: string[] = [];
  const whileBuilt: ObjectStore = {
    ...store,
    put: async (name, body) => {
      if (put.push(name) === 1) await meanwhile();
      await store.put(name, body);
    },
  };
  const exportId = await createExport(db, { requestedBy: null, attemptIds });
  await buildDataset({ ...worker, store: whileBuilt }, { exportId });
  return { put, built: await loadExport(db, exportId) };
}

test('consent that is taken back while a dataset is built keeps the attempt out of it, and nothing of it in the store', async () => {
  const [kept, withdrawn] = [await releasable(), await releasable()];
  const { put, built } = await buildAround([kept.id, withdrawn.id], () => withdrawn.agree(false));
  expect(built).toMatchObject({ state: 'done', leftOut: 1 });
  expect(put).toEqual([expect.not.stringContaining(built.objectHash as string), built.objectHash]);
  expect(await worker.store.has(put[0] as string)).toBe(false);
  expect((await worker.store.get(built.objectHash as string)).includes(withdrawn.id)).toBe(false);
});

test.each([
  ['redacted', (id: string) => worker.db.pool.query(`UPDATE recording_segment SET object_hash = 'without it' WHERE attempt_id = $1`, [id])],
  ['erased', (id: string) => destroyWrappedKey(worker.db, id)],
])('a recording that is %s while a dataset is built has it built anew', async (_, takeOut) => {
  const { id } = await releasable();
  await worker.db.pool.query(
    `INSERT INTO recording_segment
       (attempt_id, n, first_seq, last_seq, min_at_ms, max_at_ms, object_hash, object_bytes, raw_bytes, root, previous_root, keyframes)
     VALUES ($1, 1, 1, 1, 0, 0, 'with all', 1, 1, '', '', '[]')`,
    [id],
  );
  const { put, built } = await buildAround([id], () => takeOut(id));
  expect(put).toHaveLength(2);
  expect(built).toMatchObject({ state: 'done', objectHash: put[1] });
});

test('a sweep without its database fails quietly, and works again when it is back', async () => {
  const away = await testDatabase();
  const sweep = new Sweep({ ...worker, db: away.db });
  expect(await sweep.run()).toBe(true);
  await away.db.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await expect.poll(() => sweep.run()).toBe(true);
  await away.drop();
  expect(await sweep.run()).toBe(false);
});

test('the queue can be opened by several processes at once on a fresh database', async () => {
  const fresh = await testDatabase();
  const queues = await Promise.all([openJobQueue(fresh.db), openJobQueue(fresh.db), openJobQueue(fresh.db)]);
  for (const queue of queues) await queue.stop({ graceful: false, close: false });
  await fresh.drop();
});
