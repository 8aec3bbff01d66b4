import { randomUUID } from 'node:crypto';
import { AppError } from '@plumbline/core';
import {
  appendClockEvent,
  findLiveLease,
  getHost,
  LOCAL_HOST_NAME,
  loadAttempt,
  moveAttempt,
  saveInventory,
  startAttempt,
} from '@plumbline/database';
import type { Placement, RunnerHandle, RunnerRequest } from '@plumbline/sandbox';
import { makeAttempt } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machines } from './machines.ts';
import { provision } from './provision.ts';
import { reconcile } from './reconcile.ts';
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
  resources: { gpuCount: 0, gpuModel: null, cpus: null, memoryBytes: null, exclusive: false, maxDurationMs: 600_000 },
} satisfies Partial<RunnerRequest>;

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
    await reconcile(worker);
    expect([await rig.lives(known), await rig.lives(unknown)]).toEqual([false, false]);
  });

  test('a lease that no attempt needs and no runner uses is released, and its machine free', async () => {
    const { id } = await rig.scheduled();
    const lease = await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'held', grantedAt: new Date(), endsAt: new Date(Date.now() + 3_600_000) },
    });
    await reconcile(worker);
    await reconcile(worker);
    expect(await worker.db.prisma.lease.findUnique({ where: { id: lease.id } })).toMatchObject({
      state: 'released',
      releasedAt: expect.any(Date),
      releaseCause: 'The attempt is scheduled and needs no machine.',
    });
  });

  test('what should run and runs is left alone, and its lease is renewed by the listing', async () => {
    const { id } = await rig.provisioned();
    await worker.db.pool.query(`UPDATE lease SET renewed_at = clock_timestamp() - interval '1 hour' WHERE attempt_id = $1`, [id]);
    await reconcile(worker);
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
    await expect(reconcile({ ...worker, placementOf: () => away })).rejects.toThrow('does not answer');
    expect((await findLiveLease(worker.db, id))?.state).toBe('releasing');
    await reconcile(worker);
    expect(await findLiveLease(worker.db, id)).toBeNull();
  });

  test('a runner from before there were leases is given one, and goes on', async () => {
    const { id } = await rig.provisioned();
    await worker.db.prisma.lease.deleteMany({ where: { attemptId: id } });
    await reconcile(worker);
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
    await machines.run();
    await machines.run();
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
    await new Machines({ ...withGpus, placementOf: () => ({ ...rig.placement, stop: dies, list: isDead }) }).run();
    expect(await rig.lives(first)).toBe(false);
    expect([await findLiveLease(worker.db, id), (await loadAttempt(worker.db, id)).state]).toMatchObject([
      { state: 'releasing' },
      'paused',
    ]);
    expect((await findLiveLease(worker.db, next.attempt.id))?.state).not.toBe('held');
    await machines.run();
    await machines.run();
    expect([await findLiveLease(worker.db, id), (await loadAttempt(worker.db, id)).state]).toEqual([null, 'paused']);
    expect(await findLiveLease(worker.db, next.attempt.id)).toMatchObject({ state: 'held', gpuIds: ['GPU-only'] });

    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await machines.run();
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'queued', waitReason: 'Waiting for 1 × H100: you are next.' });
    await moveAttempt(worker.db, next.attempt.id, 'void');
    await machines.run();
    await machines.run();
    const second = await rig.provision(id);
    expect(await rig.lives(second)).toBe(true);
    expect([second.pid === first.pid, second.stateDir]).toEqual([false, first.stateDir]);
    expect(await rig.kinds(id)).toEqual(['started', 'paused', 'woken']);
    await moveAttempt(worker.db, id, 'void');
    await machines.run();
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
});
