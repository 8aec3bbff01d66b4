import { randomUUID } from 'node:crypto';
import { AppError } from '@plumbline/core';
import {
  addHost,
  appendClockEvent,
  findLiveLease,
  getHost,
  LOCAL_HOST_NAME,
  loadAttempt,
  moveAttempt,
  removeHost,
  saveInventory,
  setRunnerPlacement,
  startAttempt,
  withAdvisoryLock,
} from '@plumbline/database';
import { SshHostSettings } from '@plumbline/protocol';
import type { Placement, RunnerHandle, RunnerRequest } from '@plumbline/sandbox';
import { makeAttempt } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HostReach } from './hostReach.ts';
import { Machines } from './machines.ts';
import { provision } from './provision.ts';
import { UnusedGrants } from './unusedGrants.ts';
import { INVENTORY, SETTINGS, WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';

/** What every runner that is started by hand here is asked for. */
const RUNNER_REQUEST = {
  familyDir: '/opt/environments/practice',
  familyHash: 'hash',
  task: 'main',
  isolation: 'none',
  docker: null,
  memoryBytes: null,
  diskBytes: null,
  maxProcesses: null,
  cpus: null,
  gpuIds: [],
  restore: null,
  setup: null,
  model: null,
  secrets: {},
  resources: { gpuCount: 0, gpuModel: null, cpus: null, memoryBytes: null, exclusive: false, avoidNodes: [], maxDurationMs: 600_000 },
} satisfies Partial<RunnerRequest>;

/** A round, and all that it has begun. */
async function round(machines: Machines): Promise<void> {
  await machines.run();
  await machines.settled();
}

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

describe('leases', () => {
  const here = async () => (await getHost(worker.db, LOCAL_HOST_NAME)).id;
  const plant = (attemptId: string) =>
    rig.placement.start({
      ...RUNNER_REQUEST,
      attemptId,
      token: 'planted',
      gatewayUrl: worker.host.gatewayUrl,
    });

  test('a runner that no lease stands for is stopped: of an attempt that ended, and of one that nobody knows', async () => {
    const { id } = await rig.scheduled();
    const known = await plant(id);
    const unknown = await plant(randomUUID());
    await rig.reconcile();
    expect([await rig.lives(known), await rig.lives(unknown)]).toEqual([false, false]);
  });

  test('a lease that no attempt needs and no runner uses is released, and its machine free', async () => {
    const { id } = await rig.scheduled();
    const lease = await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'held', grantedAt: new Date(), endsAt: new Date(Date.now() + 3_600_000) },
    });
    await rig.reconcile();
    await rig.reconcile();
    expect(await worker.db.prisma.lease.findUnique({ where: { id: lease.id } })).toMatchObject({
      state: 'released',
      releasedAt: expect.any(Date),
      releaseCause: 'The attempt is scheduled and needs no machine.',
    });
  });

  test('what should run and runs is left alone, and its lease is renewed by the listing', async () => {
    const { id } = await rig.provisioned();
    await worker.db.pool.query(`UPDATE lease SET renewed_at = clock_timestamp() - interval '1 hour' WHERE attempt_id = $1`, [id]);
    await rig.reconcile();
    expect(await rig.lives((await rig.handleOf(id)) as RunnerHandle)).toBe(true);
    const lease = await findLiveLease(worker.db, id);
    expect(lease?.state).toBe('held');
    expect(Date.now() - (lease?.renewedAt?.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test('a host that cannot be asked frees nothing', async () => {
    const { id } = await rig.scheduled();
    await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'releasing', grantedAt: new Date(), endsAt: new Date() },
    });
    const away: Placement = { ...rig.placement, list: () => Promise.reject(new AppError('unavailable', 'The host does not answer.')) };
    await rig.reconcile({ worker: { ...worker, placementOf: () => away } });
    expect(await getHost(worker.db, LOCAL_HOST_NAME)).toMatchObject({ silentSince: expect.any(Date) });
    expect((await findLiveLease(worker.db, id))?.state).toBe('releasing');
    await rig.reconcile();
    expect(await findLiveLease(worker.db, id)).toBeNull();
  });

  test('a host with a runner that cannot be ended answers all the same, and takes attempts', async () => {
    const orphan = await plant(randomUUID());
    const stubborn: Placement = { ...rig.placement, stop: () => Promise.reject(new AppError('unavailable', 'It could not be ended.')) };
    await expect(rig.reconcile({ worker: { ...worker, placementOf: () => stubborn } })).rejects.toThrow('could not be ended');
    expect((await getHost(worker.db, LOCAL_HOST_NAME)).silentSince).toBeNull();
    await rig.reconcile();
    expect(await rig.lives(orphan)).toBe(false);
  });

  test('a runner from before there were leases is given one, and goes on', async () => {
    const { id } = await rig.provisioned();
    await worker.db.prisma.lease.deleteMany({ where: { attemptId: id } });
    await rig.reconcile();
    expect(await rig.lives((await rig.handleOf(id)) as RunnerHandle)).toBe(true);
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'held', hostId: await here() });
  });

  test('an attempt that is prepared again while its first machine is still being given back gets one all the same', async () => {
    const { id } = await rig.scheduled();
    const machines = new Machines(worker);
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    const first = (await rig.handleOf(id)) as RunnerHandle;
    await moveAttempt(worker.db, id, 'scheduled');
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    // One round stops what still runs; the next one's listing proves it.
    await round(machines);
    await round(machines);
    const second = await rig.provision(id);
    expect(await rig.lives(first)).toBe(false);
    expect(await rig.lives(second)).toBe(true);
    expect(await worker.db.prisma.lease.count({ where: { attemptId: id, state: 'released' } })).toBe(1);
  });

  test('an attempt that hibernates gives its GPUs to the next, though a worker dies meanwhile, and comes back on the same folder when it is woken', async () => {
    const gpus = [{ id: 'GPU-only', model: 'NVIDIA H100 80GB HBM3', memoryBytes: 8e10, driver: '535' }];
    await saveInventory(worker.db, await here(), { ...INVENTORY, gpus });
    const environmentSettings = { ...SETTINGS, resources: { gpu: { count_range: [1, 1], model: 'h100' } } };
    const withGpus = { ...worker, inspectThisHost: async () => ({ ...INVENTORY, gpus }) };
    const machines = new Machines(withGpus);
    const [sleeper, next] = [await makeAttempt(worker.db, { environmentSettings }), await makeAttempt(worker.db, { environmentSettings })];
    const { id } = sleeper.attempt;
    for (const { attempt } of [sleeper, next]) await moveAttempt(worker.db, attempt.id, 'provisioning');
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, sleeper.expert.id);
    const first = (await rig.handleOf(id)) as RunnerHandle;

    const resumeAtMs = Date.now() + 3_600_000;
    await appendClockEvent(worker.db, id, { kind: 'paused', reason: 'hibernate', resumeAtMs }, { by: null });
    // The worker that ends the runner dies before it has written that down.
    const isDead = () => Promise.reject(new Error('the worker died'));
    const dies = (handle: RunnerHandle) => rig.placement.stop(handle).then(isDead);
    await round(new Machines({ ...withGpus, placementOf: () => ({ ...rig.placement, stop: dies, list: isDead }) }));
    expect(await rig.lives(first)).toBe(false);
    expect([await findLiveLease(worker.db, id), (await loadAttempt(worker.db, id)).state]).toMatchObject([
      { state: 'releasing' },
      'paused',
    ]);
    expect((await findLiveLease(worker.db, next.attempt.id))?.state).not.toBe('held');
    await round(machines);
    await round(machines);
    expect([await findLiveLease(worker.db, id), (await loadAttempt(worker.db, id)).state]).toEqual([null, 'paused']);
    expect(await findLiveLease(worker.db, next.attempt.id)).toMatchObject({ state: 'held', gpuIds: ['GPU-only'] });

    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await round(machines);
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'queued', waitReason: 'Waiting for 1 × H100: you are next.' });
    await moveAttempt(worker.db, next.attempt.id, 'void');
    await round(machines);
    await round(machines);
    const second = await rig.provision(id);
    expect(await rig.lives(second)).toBe(true);
    expect([second.pid === first.pid, second.stateDir]).toEqual([false, first.stateDir]);
    expect(await rig.kinds(id)).toEqual(['started', 'paused', 'woken']);
    await moveAttempt(worker.db, id, 'void');
    await round(machines);
  });

  test('an attempt that hibernated comes back on another GPU where its own is held by somebody else, and its runner is told which', async () => {
    const gpus = ['GPU-a', 'GPU-b'].map((id) => ({ id, model: 'NVIDIA A40', memoryBytes: 4e10, driver: '535' }));
    await saveInventory(worker.db, await here(), { ...INVENTORY, gpus });
    const environmentSettings = { ...SETTINGS, resources: { gpu: { count_range: [1, 1], model: 'a40' } } };
    const machines = new Machines({ ...worker, inspectThisHost: async () => ({ ...INVENTORY, gpus }) });
    const [sleeper, other] = [await makeAttempt(worker.db, { environmentSettings }), await makeAttempt(worker.db, { environmentSettings })];
    const { id } = sleeper.attempt;
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    expect(await rig.configOf(id)).toMatchObject({ gpuIds: ['GPU-a'] });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, sleeper.expert.id);
    await appendClockEvent(worker.db, id, { kind: 'paused', reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }, { by: null });
    await round(machines);
    await round(machines);
    await moveAttempt(worker.db, other.attempt.id, 'provisioning');
    await round(machines);
    expect(await findLiveLease(worker.db, other.attempt.id)).toMatchObject({ state: 'held', gpuIds: ['GPU-a'] });
    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await round(machines);
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'held', gpuIds: ['GPU-b'] });
    await rig.provision(id);
    await expect.poll(async () => (await rig.configOf(id)).gpuIds).toEqual(['GPU-b']);
    for (const attemptId of [id, other.attempt.id]) await moveAttempt(worker.db, attemptId, 'void');
    await round(machines);
    await round(machines);
  });

  test('the GPUs of a lease, and they alone, are what its runner is given, with the processors that its task names', async () => {
    const gpus = ['GPU-a', 'GPU-b'].map((id) => ({ id, model: 'NVIDIA H100 80GB HBM3', memoryBytes: 8e10, driver: '535' }));
    await saveInventory(worker.db, await here(), { ...INVENTORY, gpus });
    const settings = { ...SETTINGS, resources: { gpu: { count_range: [1, 1], model: 'h100' }, cpus: 1.5 } };
    const { attempt } = await makeAttempt(worker.db, { environmentSettings: settings });
    await moveAttempt(worker.db, attempt.id, 'provisioning');
    await provision(worker, { attemptId: attempt.id });
    expect(await rig.configOf(attempt.id)).toMatchObject({ gpuIds: ['GPU-a'], cpus: 1.5 });
  });

  /** A remote host with one GPU of its own model, which answers while `answers` is true. */
  async function remote(name: string, model: string) {
    const settings = SshHostSettings.parse({ address: '198.18.0.1', user: 'lab', keyFile: '/none', hostKey: 'ssh-ed25519 AAAA' });
    const host = await addHost(worker.db, { name, reach: { placement: 'ssh', settings }, isolation: 'none' }, { by: null });
    const gpus = [{ id: `GPU-of-${name}`, model, memoryBytes: 8e10, driver: '535' }];
    await saveInventory(worker.db, host.id, { ...INVENTORY, gpus });
    const state = { answers: true };
    const ask = <T>(act: () => Promise<T>) => (state.answers ? act() : Promise.reject(new AppError('unavailable', 'No route to it.')));
    const placement: Placement = {
      ...rig.placement,
      find: (id) => ask(() => rig.placement.find(id)),
      list: () => ask(async () => []),
    };
    const reaching: Worker = { ...worker, placementOf: (one) => (one.id === host.id ? placement : rig.placement) };
    return { hostId: host.id, state, reaching };
  }
  const wanting = (model: string) => ({ ...SETTINGS, resources: { gpu: { count_range: [1, 1], model } } });
  const hostNamed = (name: string) => getHost(worker.db, name);

  test('a host that does not answer takes nothing until it does, and an attempt that had not begun there keeps its place in the queue', async () => {
    const { hostId, state, reaching } = await remote('off', 'A100');
    const machines = new Machines(reaching);
    const { attempt } = await makeAttempt(worker.db, { environmentSettings: wanting('a100') });
    await moveAttempt(worker.db, attempt.id, 'provisioning');
    state.answers = false;
    await expect(provision(reaching, { attemptId: attempt.id })).rejects.toThrow('No route');
    const granted = await findLiveLease(worker.db, attempt.id);
    expect(granted).toMatchObject({ state: 'held', hostId });
    await round(machines);
    await round(machines);
    expect(await findLiveLease(worker.db, attempt.id)).toMatchObject({
      state: 'queued',
      hostId: null,
      gpuIds: [],
      requestedAt: granted?.requestedAt,
      waitReason: 'Waiting for 1 × A100: no such machine takes attempts at the moment. The staff see why.',
    });
    expect((await loadAttempt(worker.db, attempt.id)).progress).toContain('no such machine takes attempts at the moment');
    expect((await hostNamed('off')).silentSince).not.toBeNull();
    state.answers = true;
    await round(machines);
    await round(machines);
    expect((await hostNamed('off')).silentSince).toBeNull();
    expect(await findLiveLease(worker.db, attempt.id)).toMatchObject({ state: 'held', hostId, gpuIds: ['GPU-of-off'] });
    await moveAttempt(worker.db, attempt.id, 'void');
    await round(machines);
    await round(machines);
    await removeHost(worker.db, 'off', { by: null });
  });

  test('a host whose listing fails for a quarter of an hour is given up, though no runner is noted on it', async () => {
    const { hostId, state, reaching } = await remote('gone', 'L40');
    const { id, runner } = await rig.started();
    await rig.placement.stop(runner);
    // Its workspace lies there, and it is being started there again.
    await worker.db.prisma.lease.updateMany({ where: { attemptId: id }, data: { hostId, state: 'released', releasedAt: new Date() } });
    await setRunnerPlacement(worker.db, id, null);
    const times = { grantedAt: new Date(), endsAt: new Date(Date.now() + 3_600_000) };
    await worker.db.prisma.lease.create({ data: { attemptId: id, hostId, state: 'held', ...times } });
    state.answers = false;
    const reach = new HostReach(reaching);
    const minutes = async (count: number) => {
      rig.clock.advance(count * 60_000);
      await rig.reconcile({ worker: reaching, name: 'gone', reach });
      return findLiveLease(worker.db, id);
    };
    expect(await minutes(0)).toMatchObject({ state: 'held', hostId });
    expect(await minutes(14)).toMatchObject({ state: 'held', hostId });
    expect(await minutes(2)).toBeNull();
    await moveAttempt(worker.db, id, 'void');
    await removeHost(worker.db, 'gone', { by: null });
  });

  test('a host that takes long to answer holds up neither the queue nor another host', async () => {
    const { hostId, reaching } = await remote('slow', 'V100');
    const answer = Promise.withResolvers<RunnerHandle[]>();
    const slow: Placement = { ...rig.placement, list: () => answer.promise };
    const machines = new Machines({ ...reaching, placementOf: (host) => (host.id === hostId ? slow : rig.placement) });
    const { id } = await rig.scheduled();
    await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'releasing', grantedAt: new Date(), endsAt: new Date() },
    });
    await machines.run();
    await expect.poll(() => findLiveLease(worker.db, id)).toBeNull();
    await moveAttempt(worker.db, id, 'provisioning');
    await machines.run();
    expect((await findLiveLease(worker.db, id))?.state).toBe('held');
    answer.resolve([]);
    await machines.settled();
    await moveAttempt(worker.db, id, 'void');
    await round(machines);
  });

  test('a machine that was granted and never used has its job queued once more, and none while it is being started', async () => {
    const { id } = await rig.scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const minutesAgo = new Date(Date.now() - 120_000);
    await worker.db.prisma.lease.updateMany({ where: { attemptId: id }, data: { state: 'released' } });
    await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'held', grantedAt: minutesAgo, endsAt: new Date(Date.now() + 3_600_000) },
    });
    const jobs = async () => {
      const { rows } = await worker.db.pool.query(`SELECT 1 FROM pgboss.job WHERE name = 'provision' AND data->>'attemptId' = $1`, [id]);
      return rows.length;
    };
    await worker.db.pool.query(`DELETE FROM pgboss.job WHERE name = 'provision' AND data->>'attemptId' = $1`, [id]);
    await withAdvisoryLock(worker.db, 'runner', id, () => rig.reconcile());
    expect(await jobs()).toBe(0);
    for (let n = 0; n < 3; n += 1) await rig.reconcile();
    expect(await jobs()).toBe(1);
  });

  test('a scheduler that refuses a job of an attempt under way is asked ever more rarely, and the expert and staff read why', async () => {
    const { id, runner } = await rig.started();
    await rig.placement.stop(runner);
    await setRunnerPlacement(worker.db, id, null);
    await worker.db.pool.query(`UPDATE lease SET granted_at = granted_at - interval '2 minutes' WHERE attempt_id = $1`, [id]);
    const refused = new AppError('sandbox_unavailable', 'Slurm did not take the job: Requested node configuration is not available.');
    const refusing: Worker = { ...worker, placementOf: () => ({ ...rig.placement, start: () => Promise.reject(refused) }) };
    const unused = new UnusedGrants();
    let asked = 0;
    for (let round = 0; round < 120; round += 1) {
      await rig.reconcile({ worker: refusing, unused });
      const { rowCount } = await worker.db.pool.query(`DELETE FROM pgboss.job WHERE name = 'provision' AND data->>'attemptId' = $1`, [id]);
      if (rowCount) {
        asked += 1;
        await expect(provision(refusing, { attemptId: id })).rejects.toBe(refused);
      }
      rig.clock.advance(30_000);
    }
    // At once, and after 1, 2, 4, 8 and then 10 minutes each.
    expect(asked).toBe(9);
    const { state, progress } = await loadAttempt(worker.db, id);
    expect([state, progress]).toEqual([
      'running',
      expect.stringMatching(/^Slurm did not take the job: Requested node.*tried again by itself/),
    ]);
    await moveAttempt(worker.db, id, 'void');
  });
});
