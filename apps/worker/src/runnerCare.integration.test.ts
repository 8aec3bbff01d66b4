import { AppError, elapsedMs } from '@plumbline/core';
import {
  addHost,
  appendClockEvent,
  databaseNowMs,
  findLiveLease,
  getHost,
  insertBlob,
  LOCAL_HOST_NAME,
  loadAttempt,
  moveAttempt,
  noteOutage,
  noteSnapshot,
  noteTerminal,
  queueForMachines,
  removeHost,
  scoreAgain,
  startAttempt,
} from '@plumbline/database';
import { SshHostSettings } from '@plumbline/protocol';
import type { Placement, RunnerHandle } from '@plumbline/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HostReach } from './hostReach.ts';
import { provision } from './provision.ts';
import { recover } from './recovery.ts';
import { RunnerCare } from './runnerCare.ts';
import { retireRunner } from './runners.ts';
import { WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

/** The care of runners on this machine, unless another is named. */
function careWith(given: Worker): { look(name?: string): Promise<void> } {
  const care = new RunnerCare(given, new HostReach(given));
  return { look: async (name = LOCAL_HOST_NAME) => care.look(await getHost(given.db, name)) };
}

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

describe('runners', () => {
  test('one that died is started again on its folder with a new token, and that is written down', async () => {
    const { id, runner: first } = await rig.started();
    const tokenHash = (await loadAttempt(worker.db, id)).runnerTokenHash;
    await rig.kill(first);
    const care = careWith(worker);
    await care.look();
    expect((await rig.handleOf(id))?.pid).toBe(first.pid);
    rig.clock.advance(5_001);
    await care.look();
    const second = (await rig.handleOf(id)) as RunnerHandle;
    expect(second.pid).not.toBe(first.pid);
    expect(second.stateDir).toBe(first.stateDir);
    expect(await rig.lives(second)).toBe(true);
    expect((await loadAttempt(worker.db, id)).runnerTokenHash).not.toBe(tokenHash);
    expect(await worker.db.prisma.auditEntry.count({ where: { act: 'runner.replace', subject: `attempt:${id}` } })).toBe(1);
    expect((await loadAttempt(worker.db, id)).state).toBe('running');
  });

  test('one that dies as soon as it is started is started ever more rarely, and the expert and staff read why', async () => {
    const { id, runner } = await rig.started();
    await rig.kill(runner);
    let started = 0;
    const broken: Placement = {
      ...rig.placement,
      start: async ({ attemptId }) => {
        if (attemptId === id) started += 1;
        return { ...runner, attemptId };
      },
      status: async () => ({ state: 'gone', cause: 'Slurm’s job 7 on gpu1 failed.', folderKept: true, failedNode: 'gpu1' }),
    };
    const care = careWith({ ...worker, placementOf: () => broken });
    for (let round = 0; round < 120; round += 1) {
      await care.look();
      rig.clock.advance(5_000);
    }
    // Ten minutes: after 5, 10, 20, 40, 80 s, and then every two minutes.
    expect(started).toBe(8);
    const { state, progress } = await loadAttempt(worker.db, id);
    expect([state, progress]).toEqual(['running', expect.stringMatching(/^Slurm’s job 7 on gpu1 failed\. .*tried again by itself/)]);
    await moveAttempt(worker.db, id, 'void');
    await retireRunner(worker, id);
  });

  test('one that died before its sandbox was ready puts the attempt back', async () => {
    const { id, runner } = await rig.provisioned();
    await rig.kill(runner);
    const care = careWith(worker);
    await care.look();
    rig.clock.advance(5_001);
    await care.look();
    expect(await loadAttempt(worker.db, id)).toMatchObject({
      state: 'scheduled',
      progress: expect.stringContaining('before it was ready'),
    });
  });

  test('one whose folder was lost with its machine goes on from the last stored snapshot: the clock rolls back, later scores are marked, lost files are named', async () => {
    const minute = 60_000;
    const { id, runner } = await rig.started();
    await rig.back(id, 10 * minute);
    const startMs = (await loadAttempt(worker.db, id)).events[0]?.atMs as number;
    const [first, second, unstored] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
    for (const [bundle, at] of [
      [first, 1],
      [second, 5],
      [unstored, 8],
    ] as const) {
      const skipped = [{ path: 'data/model.bin', reason: 'too large', size: 1e9 }];
      await noteSnapshot(worker.db, id, { commit: bundle.slice(0, 40), bundle, atMs: startMs + at * minute, skipped });
      if (bundle !== unstored) await insertBlob(worker.db, { attemptId: id, hash: bundle, objectHash: bundle, bytes: 1 });
    }
    await noteTerminal(worker.db, id, 3);
    for (const [n, at] of [
      [1, 3],
      [2, 7],
    ] as const) {
      const times = { requestedAt: new Date(startMs + at * minute), elapsedMs: at * minute };
      await worker.db.prisma.score.create({ data: { attemptId: id, n, trigger: 'participant', status: 'scored', score: 1, ...times } });
    }
    await rig.kill(runner);
    const forgetful: Placement = {
      ...rig.placement,
      status: async (one) => {
        const status = await rig.placement.status(one);
        return status.state === 'gone' ? { ...status, cause: 'Slurm’s job 7 had to make room.', folderKept: false } : status;
      },
    };
    const care = careWith({ ...worker, placementOf: () => forgetful });
    await care.look();
    rig.clock.advance(5_001);
    await care.look();
    await expect.poll(async () => (await rig.configOf(id)).restore).toEqual({ bundles: [first, second], lastTerminal: 3 });
    const view = await loadAttempt(worker.db, id);
    expect(view.events.at(-1)).toMatchObject({
      kind: 'rollback',
      toElapsedMs: 5 * minute,
      reason: expect.stringMatching(/had to make room.*data\/model\.bin \(too large\)/),
    });
    expect(view.state).toBe('running');
    const scores = await worker.db.prisma.score.findMany({ where: { attemptId: id }, orderBy: { n: 'asc' } });
    expect(scores.map((score) => score.rolledBack)).toEqual([false, true]);

    const rollbacks = async () => (await loadAttempt(worker.db, id)).events.filter((event) => event.kind === 'rollback').length;
    await recover(worker, await loadAttempt(worker.db, id), 'asked for again');
    // Pages that were away meanwhile are an outage too, and say nothing of the sandbox.
    const { rows } = await worker.db.pool.query('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms');
    const pagesAway = { kind: 'outage', fromMs: rows[0].ms - 1, toMs: rows[0].ms, cause: 'the pages could not be reached' } as const;
    await appendClockEvent(worker.db, id, pagesAway, { by: null });
    await recover(worker, await loadAttempt(worker.db, id), 'asked for again');
    expect(await rollbacks()).toBe(1);
    // The sandbox comes back; two hours later, with nothing stored meanwhile, its machine is lost too.
    const comesBack = async () => {
      // The link was last alive before the loss was noticed.
      await worker.db.pool.query(
        `UPDATE attempt SET link_heartbeat_at = (SELECT max(at) FROM clock_event WHERE attempt_id = $1 AND kind = 'rollback') - interval '10 seconds'
         WHERE id = $1`,
        [id],
      );
      return noteOutage(worker.db, id);
    };
    expect((await comesBack())?.event.kind).toBe('outage');
    await rig.back(id, 120 * minute);
    const elapsed = async () => {
      const { events, limits } = await loadAttempt(worker.db, id);
      return elapsedMs(events, await databaseNowMs(worker.db.pool), limits.limitMs);
    };
    expect(await elapsed()).toBeGreaterThan(120 * minute);
    await rig.kill((await rig.handleOf(id)) as RunnerHandle);
    await care.look();
    rig.clock.advance(60_001);
    await care.look();
    await expect.poll(rollbacks).toBe(2);
    expect(await elapsed()).toBeLessThan(6 * minute);

    // What staff give back meanwhile a further loss does not take away, and it is no time that the clock has not shown.
    await appendClockEvent(worker.db, id, { kind: 'adjusted', creditMs: 3 * minute, reason: 'the machine was slow' }, { by: null });
    await comesBack();
    for (let n = 0; n < 2; n++) await recover(worker, await loadAttempt(worker.db, id), 'lost again');
    expect(await rollbacks()).toBe(3);
    expect(await elapsed()).toBeLessThan(3 * minute);
  });

  test.each([30, -30])(
    'a loss gives back what was lost, and scores of what is kept count, also after staff corrected the clock by %i minutes',
    async (minutes) => {
      const minute = 60_000;
      const { id } = await rig.started();
      await rig.back(id, 100 * minute);
      const startMs = (await loadAttempt(worker.db, id)).startedAtMs as number;
      const at = (afterMinutes: number) => startMs - 100 * minute + afterMinutes * minute;
      const bundle = 'd'.repeat(64);
      await noteSnapshot(worker.db, id, { commit: bundle.slice(0, 40), bundle, atMs: at(90), skipped: [] });
      await insertBlob(worker.db, { attemptId: id, hash: bundle, objectHash: bundle, bytes: 1 });
      for (const [n, asked] of [
        [1, 80],
        [2, 95],
      ] as const) {
        const times = { requestedAt: new Date(at(asked)), elapsedMs: asked * minute };
        await worker.db.prisma.score.create({ data: { attemptId: id, n, trigger: 'participant', status: 'scored', score: 1, ...times } });
      }
      await appendClockEvent(worker.db, id, { kind: 'adjusted', creditMs: minutes * minute, reason: 'by agreement' }, { by: null });
      await recover(worker, await loadAttempt(worker.db, id), 'lost');
      const { events } = await loadAttempt(worker.db, id);
      expect(events.at(-1)).toMatchObject({ kind: 'rollback', toElapsedMs: (90 - minutes) * minute });
      const scores = await worker.db.prisma.score.findMany({ where: { attemptId: id }, orderBy: { n: 'asc' } });
      expect(scores.map((score) => score.rolledBack)).toEqual([false, true]);
    },
  );

  test('a machine that stays away is given up: its attempts queue for another, and its runners may not come back', async () => {
    const { id, userId } = await rig.scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const away = await addHost(
      worker.db,
      {
        name: 'away',
        reach: {
          placement: 'ssh',
          settings: SshHostSettings.parse({ address: '198.18.0.1', user: 'lab', keyFile: '/none', hostKey: 'ssh-ed25519 AAAA' }),
        },
        isolation: 'none',
      },
      { by: null },
    );
    await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: away.id, state: 'held', grantedAt: new Date(), endsAt: new Date(Date.now() + 3_600_000) },
    });
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, userId);
    const unreachable: Placement = { ...rig.placement, status: () => Promise.reject(new AppError('unavailable', 'no route')) };
    const care = careWith({ ...worker, placementOf: (host) => (host.id === away.id ? unreachable : rig.placement) });
    await care.look('away');
    rig.clock.advance(14 * 60_000);
    await care.look('away');
    expect((await findLiveLease(worker.db, id))?.hostId).toBe(away.id);
    rig.clock.advance(2 * 60_000);
    await care.look('away');
    expect(await findLiveLease(worker.db, id)).toBeNull();
    expect(await loadAttempt(worker.db, id)).toMatchObject({ state: 'running', runnerPlacement: null, runnerTokenHash: null });
    expect(await queueForMachines(worker.db)).toBeGreaterThan(0);
    await removeHost(worker.db, 'away', { by: null });
  });

  test('an attempt that is scored again the moment it was completed is given a machine anew, and a runner on the folder that it left', async () => {
    const { db } = worker;
    const { id, runner: first, userId } = await rig.started();
    await appendClockEvent(db, id, { kind: 'submitted' }, { by: userId });
    await moveAttempt(db, id, 'completed');
    await scoreAgain(db, id, { by: userId });
    const care = careWith(worker);
    for (let round = 0; round < 4; round += 1) {
      await care.look();
      await rig.reconcile();
      rig.clock.advance(5_001);
    }
    expect(await rig.lives(first)).toBe(false);
    await queueForMachines(db);
    await provision(worker, { attemptId: id });
    const second = (await rig.handleOf(id)) as RunnerHandle;
    expect([second.pid === first.pid, second.stateDir, await rig.lives(second)]).toEqual([false, first.stateDir, true]);
    expect(await findLiveLease(db, id)).toMatchObject({ state: 'held' });
  });

  test('one that no attempt needs any more is stopped', async () => {
    const { id, runner } = await rig.provisioned();
    await retireRunner(worker, id);
    expect(await rig.lives(runner)).toBe(true);
    await moveAttempt(worker.db, id, 'void');
    await careWith(worker).look();
    expect(await rig.lives(runner)).toBe(false);
    expect(await rig.handleOf(id)).toBeNull();
  });
});
