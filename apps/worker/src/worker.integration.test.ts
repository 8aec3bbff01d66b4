import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import {
  addHost,
  appendClockEvent,
  createExport,
  ensureLocalHost,
  findLiveLease,
  getHost,
  insertBlob,
  LOCAL_HOST_NAME,
  loadAttempt,
  loadExport,
  moveAttempt,
  noteSnapshot,
  noteTerminal,
  openJobQueue,
  prepareAttempt,
  queueForMachines,
  removeHost,
  saveInventory,
  startAttempt,
} from '@plumbline/database';
import { type HostInventory, RunnerConfig, SshHostSettings } from '@plumbline/protocol';
import { loadRecordingKeys } from '@plumbline/recording';
import { localPlacement, type Placement, type RunnerHandle, type RunnerRequest } from '@plumbline/sandbox';
import { folderStore } from '@plumbline/storage';
import { FakeClock, makeAttempt, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endPauses, endReady, serveDeadlines } from './clockCare.ts';
import { startJobs } from './jobs.ts';
import { Machines } from './machines.ts';
import { provision } from './provision.ts';
import { reconcile } from './reconcile.ts';
import { RunnerCare } from './runnerCare.ts';
import { notedRunner, retireRunner } from './runners.ts';
import { Sweep } from './sweep.ts';
import type { Worker } from './worker.ts';

/** A program with the life of a runner and none of its work: takes its config, notes it, and lives until it is told to end. */
const RUNNER = `
import { writeFileSync } from 'node:fs';
let text = '';
for await (const chunk of process.stdin) text += chunk;
writeFileSync('config.json', text);
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1000);
`;

const SETTINGS = {
  title: 'Practice',
  startingScore: 1,
  referenceScore: 2,
  direction: 'higher',
  aggregation: 'best',
  scoreUnit: '',
  whileScoring: { participant: 'continues', clock: 'runs' },
  submission: { paths: ['.'], maxGb: 1 },
  cleanRescores: 1,
  scoreTimeoutSeconds: 60,
  scoreVisible: true,
  review: [],
  resources: { memory_gb: 2 },
  scoring: {},
};

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
  model: null,
  secrets: {},
  resources: { gpuCount: 0, gpuModel: null, cpus: null, memoryBytes: null, maxDurationMs: 600_000 },
} satisfies Partial<RunnerRequest>;

const INVENTORY: HostInventory = {
  gpus: [],
  cpus: 2,
  memoryBytes: 8 * 1024 ** 3,
  diskFreeBytes: null,
  diskWriteBytesPerSecond: null,
  clockOffsetMs: null,
  clockUncertaintyMs: null,
  kernel: '6.1.0',
  isolation: { name: 'none', capabilities: { gpus: true } },
  problems: [],
};

let testing: TestDatabase;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let worker: Worker;
let clock: FakeClock;
let placement: Placement;
let starts = 0;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 20 });
  folder = await temporaryFolder();
  const runnerEntry = join(folder.path, 'runner.mjs');
  await writeFile(runnerEntry, RUNNER);
  clock = new FakeClock();
  placement = localPlacement({
    runnerEntry,
    runnersDir: join(folder.path, 'runners'),
    imageDir: join(folder.path, 'images'),
    assetsDir: join(folder.path, 'assets'),
  });
  const local = placement;
  placement = {
    name: 'local',
    start: (request) => {
      starts += 1;
      return local.start(request);
    },
    status: (handle) => local.status(handle),
    stop: (handle) => local.stop(handle),
    find: (id) => local.find(id),
    list: () => local.list(),
  };
  worker = {
    db: testing.db,
    placementOf: () => placement,
    inspectThisHost: async () => INVENTORY,
    store: folderStore(join(folder.path, 'store')),
    keys: await loadRecordingKeys(join(folder.path, 'keys')),
    clock,
    log: pino({ level: 'silent' }),
    host: {
      gatewayUrl: 'ws://127.0.0.1:4801/realtime/runner',
      publicGatewayUrl: 'wss://plumbline.example.org/realtime/runner',
      environmentsDir: '/opt/environments',
      isolation: 'none',
      docker: { baseImage: 'python:3.11', socketPath: '/var/run/docker.sock' },
      secretsFile: null,
      model: null,
    },
  };
  await ensureLocalHost(testing.db, 'none');
});
afterAll(async () => {
  for (const handle of await placement.list()) await placement.stop(handle);
  await testing.drop();
  await folder.remove();
});

const lives = async (handle: RunnerHandle) => (await placement.status(handle)).state === 'running';

async function scheduled(study: object = {}) {
  const { attempt, expert } = await makeAttempt(worker.db, { study, environmentSettings: SETTINGS });
  return { id: attempt.id, userId: expert.id };
}

/** An attempt that began `agoMs` ago, its gateway alive. */
async function running(study: object = {}, agoMs = 0): Promise<string> {
  const { id, userId } = await scheduled(study);
  await worker.db.prisma.attempt.update({ where: { id }, data: { state: 'ready', linkHeartbeatAt: new Date(), readyAt: new Date() } });
  await startAttempt(worker.db, id, userId);
  await back(id, agoMs);
  return id;
}

async function back(id: string, ms: number): Promise<void> {
  await worker.db.pool.query(`UPDATE clock_event SET at = at - $2 * interval '1 millisecond' WHERE attempt_id = $1`, [id, ms]);
  await worker.db.pool.query(
    `UPDATE attempt SET deadline_at = deadline_at - $2 * interval '1 millisecond', link_heartbeat_at = clock_timestamp() WHERE id = $1`,
    [id, ms],
  );
}

const kinds = async (id: string): Promise<string[]> => (await loadAttempt(worker.db, id)).events.map((event) => event.kind);
const handleOf = async (id: string): Promise<RunnerHandle | null> =>
  (await notedRunner(worker, (await loadAttempt(worker.db, id)).runnerPlacement))?.handle ?? null;
const configOf = async (id: string) => {
  const path = join(folder.path, 'runners', id, 'config.json');
  await expect.poll(() => existsSync(path)).toBe(true);
  await expect.poll(async () => (await readFile(path, 'utf8')).length).toBeGreaterThan(10);
  return RunnerConfig.parse(JSON.parse(await readFile(path, 'utf8')));
};

describe('preparing', () => {
  test('starts one runner however often the job runs, and gives it a token whose hash alone is kept', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const before = starts;
    await Promise.all([provision(worker, { attemptId: id }), provision(worker, { attemptId: id }), provision(worker, { attemptId: id })]);
    expect(starts - before).toBe(1);
    const config = await configOf(id);
    expect(config).toMatchObject({
      attemptId: id,
      task: 'main',
      familyDir: '/opt/environments/practice',
      memoryBytes: 2 * 1024 ** 3,
      isolation: 'none',
    });
    expect((await loadAttempt(worker.db, id)).runnerTokenHash).toBe(createHash('sha256').update(config.token).digest('hex'));
    expect(await lives((await handleOf(id)) as RunnerHandle)).toBe(true);
  });

  test('finds the runner again that was started just before the worker died', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await worker.db.prisma.$executeRaw`UPDATE attempt SET runner_placement = NULL WHERE id = ${id}::uuid`;
    const before = starts;
    await provision(worker, { attemptId: id });
    expect(starts).toBe(before);
    expect(await handleOf(id)).not.toBeNull();
  });

  test('a runner that cannot be started puts the attempt back, with words for the person who waits', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    const nowhere = join(folder.path, 'runner.mjs', 'no-folder');
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
    const { id } = await scheduled();
    await prepareAttempt(worker.db, id);
    await expect.poll(() => handleOf(id), { timeout: 15_000 }).not.toBeNull();
    await jobs.stop();
  });
});

describe('runners', () => {
  test('one that died is started again on its folder with a new token, and that is written down', async () => {
    const { id, userId } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, userId);
    const first = (await handleOf(id)) as RunnerHandle;
    const tokenHash = (await loadAttempt(worker.db, id)).runnerTokenHash;
    process.kill(Number(first.pid), 'SIGKILL');
    await expect.poll(() => lives(first)).toBe(false);
    const care = new RunnerCare(worker);
    await care.look();
    expect((await handleOf(id))?.pid).toBe(first.pid);
    clock.advance(5_001);
    await care.look();
    const second = (await handleOf(id)) as RunnerHandle;
    expect(second.pid).not.toBe(first.pid);
    expect(second.stateDir).toBe(first.stateDir);
    expect(await lives(second)).toBe(true);
    expect((await loadAttempt(worker.db, id)).runnerTokenHash).not.toBe(tokenHash);
    expect(await worker.db.prisma.auditEntry.count({ where: { act: 'runner.replace', subject: `attempt:${id}` } })).toBe(1);
    expect((await loadAttempt(worker.db, id)).state).toBe('running');
  });

  test('one that died before its sandbox was ready puts the attempt back', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    const handle = (await handleOf(id)) as RunnerHandle;
    process.kill(Number(handle.pid), 'SIGKILL');
    await expect.poll(() => lives(handle)).toBe(false);
    const care = new RunnerCare(worker);
    await care.look();
    clock.advance(5_001);
    await care.look();
    expect(await loadAttempt(worker.db, id)).toMatchObject({
      state: 'scheduled',
      progress: expect.stringContaining('before it was ready'),
    });
  });

  test('one whose folder was lost with its machine goes on from the last stored snapshot: the clock rolls back, later scores are marked, lost files are named', async () => {
    const minute = 60_000;
    const { id, userId } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, userId);
    await back(id, 10 * minute);
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
    const handle = (await handleOf(id)) as RunnerHandle;
    process.kill(Number(handle.pid), 'SIGKILL');
    await expect.poll(() => lives(handle)).toBe(false);
    const forgetful: Placement = {
      ...placement,
      status: async (one) => {
        const status = await placement.status(one);
        return status.state === 'gone' ? { ...status, cause: 'Slurm’s job 7 had to make room.', folderKept: false } : status;
      },
    };
    const care = new RunnerCare({ ...worker, placementOf: () => forgetful });
    await care.look();
    clock.advance(5_001);
    await care.look();
    await expect.poll(async () => (await configOf(id)).restore).toEqual({ bundles: [first, second], lastTerminal: 3 });
    const view = await loadAttempt(worker.db, id);
    expect(view.events.at(-1)).toMatchObject({
      kind: 'rollback',
      toElapsedMs: 5 * minute,
      reason: expect.stringMatching(/had to make room.*data\/model\.bin \(too large\)/),
    });
    expect(view.state).toBe('running');
    const scores = await worker.db.prisma.score.findMany({ where: { attemptId: id }, orderBy: { n: 'asc' } });
    expect(scores.map((score) => score.rolledBack)).toEqual([false, true]);
  });

  test('a machine that stays away is given up: its attempts queue for another, and its runners may not come back', async () => {
    const { id, userId } = await scheduled();
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
    const unreachable: Placement = { ...placement, status: () => Promise.reject(new AppError('unavailable', 'no route')) };
    const care = new RunnerCare({ ...worker, placementOf: (host) => (host.id === away.id ? unreachable : placement) });
    await care.look();
    clock.advance(14 * 60_000);
    await care.look();
    expect((await findLiveLease(worker.db, id))?.hostId).toBe(away.id);
    clock.advance(2 * 60_000);
    await care.look();
    expect(await findLiveLease(worker.db, id)).toBeNull();
    expect(await loadAttempt(worker.db, id)).toMatchObject({ state: 'running', runnerPlacement: null, runnerTokenHash: null });
    expect(await queueForMachines(worker.db)).toBeGreaterThan(0);
    await removeHost(worker.db, 'away', { by: null });
  });

  test('one that no attempt needs any more is stopped', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    const handle = (await handleOf(id)) as RunnerHandle;
    await retireRunner(worker, id);
    expect(await lives(handle)).toBe(true);
    await moveAttempt(worker.db, id, 'void');
    await new RunnerCare(worker).look();
    expect(await lives(handle)).toBe(false);
    expect(await handleOf(id)).toBeNull();
  });
});

describe('leases', () => {
  const here = async () => (await getHost(worker.db, LOCAL_HOST_NAME)).id;
  const plant = (attemptId: string) =>
    placement.start({
      ...RUNNER_REQUEST,
      attemptId,
      token: 'planted',
      gatewayUrl: worker.host.gatewayUrl,
    });

  test('a runner that no lease stands for is stopped: of an attempt that ended, and of one that nobody knows', async () => {
    const { id } = await scheduled();
    const known = await plant(id);
    const unknown = await plant(randomUUID());
    await reconcile(worker);
    expect([await lives(known), await lives(unknown)]).toEqual([false, false]);
  });

  test('a lease that no attempt needs and no runner uses is released, and its machine free', async () => {
    const { id } = await scheduled();
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
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await worker.db.pool.query(`UPDATE lease SET renewed_at = clock_timestamp() - interval '1 hour' WHERE attempt_id = $1`, [id]);
    await reconcile(worker);
    expect(await lives((await handleOf(id)) as RunnerHandle)).toBe(true);
    const lease = await findLiveLease(worker.db, id);
    expect(lease?.state).toBe('held');
    expect(Date.now() - (lease?.renewedAt?.getTime() ?? 0)).toBeLessThan(60_000);
  });

  test('a host that cannot be asked frees nothing', async () => {
    const { id } = await scheduled();
    await worker.db.prisma.lease.create({
      data: { attemptId: id, hostId: await here(), state: 'releasing', grantedAt: new Date(), endsAt: new Date() },
    });
    const away: Placement = { ...placement, list: () => Promise.reject(new AppError('unavailable', 'The host does not answer.')) };
    await expect(reconcile({ ...worker, placementOf: () => away })).rejects.toThrow('does not answer');
    expect((await findLiveLease(worker.db, id))?.state).toBe('releasing');
    await reconcile(worker);
    expect(await findLiveLease(worker.db, id)).toBeNull();
  });

  test('a runner from before there were leases is given one, and goes on', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await worker.db.prisma.lease.deleteMany({ where: { attemptId: id } });
    await reconcile(worker);
    expect(await lives((await handleOf(id)) as RunnerHandle)).toBe(true);
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'held', hostId: await here() });
  });

  test('an attempt that is prepared again while its first machine is still being given back gets one all the same', async () => {
    const { id } = await scheduled();
    const machines = new Machines(worker);
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    const first = (await handleOf(id)) as RunnerHandle;
    await moveAttempt(worker.db, id, 'scheduled');
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    // One round stops what still runs; the next one's listing proves it.
    await machines.run();
    await machines.run();
    await provision(worker, { attemptId: id });
    const second = (await handleOf(id)) as RunnerHandle;
    expect(await lives(first)).toBe(false);
    expect(await lives(second)).toBe(true);
    expect(await worker.db.prisma.lease.count({ where: { attemptId: id, state: 'released' } })).toBe(1);
  });

  test('an attempt that hibernates gives its GPUs to the next, and comes back on the same folder when it is woken', async () => {
    const gpus = [{ id: 'GPU-only', model: 'NVIDIA H100 80GB HBM3', memoryBytes: 8e10, driver: '535' }];
    await saveInventory(worker.db, await here(), { ...INVENTORY, gpus });
    const environmentSettings = { ...SETTINGS, resources: { gpu: { count_range: [1, 1], model: 'h100' } } };
    const machines = new Machines({ ...worker, inspectThisHost: async () => ({ ...INVENTORY, gpus }) });
    const [sleeper, next] = [await makeAttempt(worker.db, { environmentSettings }), await makeAttempt(worker.db, { environmentSettings })];
    const { id } = sleeper.attempt;
    for (const { attempt } of [sleeper, next]) await moveAttempt(worker.db, attempt.id, 'provisioning');
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    await startAttempt(worker.db, id, sleeper.expert.id);
    const first = (await handleOf(id)) as RunnerHandle;

    const resumeAtMs = Date.now() + 3_600_000;
    await appendClockEvent(worker.db, id, { kind: 'paused', reason: 'hibernate', resumeAtMs }, { by: null });
    await machines.run();
    await machines.run();
    expect(await lives(first)).toBe(false);
    expect([await findLiveLease(worker.db, id), (await loadAttempt(worker.db, id)).state]).toEqual([null, 'paused']);
    expect(await findLiveLease(worker.db, next.attempt.id)).toMatchObject({ state: 'held', gpuIds: ['GPU-only'] });

    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await machines.run();
    expect(await findLiveLease(worker.db, id)).toMatchObject({ state: 'queued', waitReason: 'Waiting for 1 × H100: you are next.' });
    await moveAttempt(worker.db, next.attempt.id, 'void');
    await machines.run();
    await machines.run();
    await provision(worker, { attemptId: id });
    const second = (await handleOf(id)) as RunnerHandle;
    expect(await lives(second)).toBe(true);
    expect([second.pid === first.pid, second.stateDir]).toEqual([false, first.stateDir]);
    expect(await kinds(id)).toEqual(['started', 'paused', 'woken']);
    await moveAttempt(worker.db, id, 'void');
    await machines.run();
  });

  test('the GPUs of a lease, and they alone, are what its runner is given', async () => {
    const gpus = ['GPU-a', 'GPU-b'].map((id) => ({ id, model: 'NVIDIA H100 80GB HBM3', memoryBytes: 8e10, driver: '535' }));
    await saveInventory(worker.db, await here(), { ...INVENTORY, gpus });
    const settings = { ...SETTINGS, resources: { gpu: { count_range: [1, 1], model: 'h100' } } };
    const { attempt } = await makeAttempt(worker.db, { environmentSettings: settings });
    await moveAttempt(worker.db, attempt.id, 'provisioning');
    await provision(worker, { attemptId: attempt.id });
    expect(await configOf(attempt.id)).toMatchObject({ gpuIds: ['GPU-a'] });
  });
});

describe('the clock', () => {
  test('a deadline that nobody served ends the attempt, five seconds after it and not before', async () => {
    const late = await running({ limitMs: 60_000 }, 66_000);
    const soon = await running({ limitMs: 60_000 }, 62_000);
    const inTime = await running({ limitMs: 60_000 }, 50_000);
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
    for (const id of [over, staff, within]) await back(id, 61_000);
    await endPauses(worker);
    expect(await kinds(over)).toEqual(['started', 'paused', 'resumed']);
    expect((await loadAttempt(worker.db, over)).events.at(-1)).toMatchObject({ by: null, reason: expect.stringContaining('longest time') });
    expect(await kinds(staff)).toEqual(['started', 'paused']);
    expect(await kinds(within)).toEqual(['started', 'paused']);
  });

  test('a hibernation at its cap is resumed only once its machine is back', async () => {
    const id = await running({ maxPauseMs: 60_000 });
    await appendClockEvent(worker.db, id, { kind: 'paused', reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }, { by: null });
    await appendClockEvent(worker.db, id, { kind: 'woken' }, { by: null });
    await back(id, 61_000);
    await worker.db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '1 minute' WHERE id = $1`, [id]);
    await endPauses(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('paused');
    await worker.db.pool.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp() WHERE id = $1', [id]);
    await endPauses(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('running');
  });

  test('a sandbox that nobody starts for half an hour is given back', async () => {
    const { id } = await scheduled();
    await moveAttempt(worker.db, id, 'provisioning');
    await provision(worker, { attemptId: id });
    await moveAttempt(worker.db, id, 'ready');
    const handle = (await handleOf(id)) as RunnerHandle;
    await endReady(worker);
    expect((await loadAttempt(worker.db, id)).state).toBe('ready');
    await worker.db.pool.query(`UPDATE attempt SET ready_at = ready_at - interval '31 minutes' WHERE id = $1`, [id]);
    await endReady(worker);
    expect(await loadAttempt(worker.db, id)).toMatchObject({ state: 'scheduled', progress: expect.stringContaining('30 minutes') });
    expect(await lives(handle)).toBe(false);
  });
});

test('a dataset that cannot be built tells whoever asked why, and is not tried again', async () => {
  const id = await running();
  const exportId = await createExport(worker.db, { requestedBy: null, attemptIds: [id] });
  const jobs = startJobs(worker);
  await expect.poll(async () => (await loadExport(worker.db, exportId)).state, { timeout: 15_000 }).toBe('failed');
  expect((await loadExport(worker.db, exportId)).error).toMatch(/ended/);
  await jobs.stop();
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
