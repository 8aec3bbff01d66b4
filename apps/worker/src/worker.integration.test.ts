import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  appendClockEvent,
  createExport,
  loadAttempt,
  loadExport,
  moveAttempt,
  openJobQueue,
  prepareAttempt,
  startAttempt,
} from '@plumbline/database';
import { RunnerConfig } from '@plumbline/protocol';
import { loadRecordingKeys } from '@plumbline/recording';
import { localPlacement, type Placement, type RunnerHandle } from '@plumbline/sandbox';
import { folderStore } from '@plumbline/storage';
import { FakeClock, makeAttempt, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endPauses, endReady, serveDeadlines } from './clockCare.ts';
import { startJobs } from './jobs.ts';
import { provision } from './provision.ts';
import { RunnerCare } from './runnerCare.ts';
import { retireRunner } from './runners.ts';
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
    placement,
    store: folderStore(join(folder.path, 'store')),
    keys: await loadRecordingKeys(join(folder.path, 'keys')),
    clock,
    log: pino({ level: 'silent' }),
    host: {
      gatewayUrl: 'ws://127.0.0.1:4801/realtime/runner',
      environmentsDir: '/opt/environments',
      isolation: 'none',
    },
  };
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
const handleOf = async (id: string) => (await loadAttempt(worker.db, id)).runnerPlacement as RunnerHandle | null;
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
      placement: localPlacement({ runnerEntry: nowhere, runnersDir: nowhere, imageDir: nowhere, assetsDir: nowhere }),
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
