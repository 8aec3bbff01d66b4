import {
  adoptRunner,
  ensureLocalHost,
  findLiveLease,
  finishScore,
  listRefusedNodes,
  listScores,
  loadAttempt,
  moveAttempt,
  type ScoreRecord,
  saveInventory,
} from '@plumbline/database';
import type { HostInventory, RunnerToGateway } from '@plumbline/protocol';
import { exampleSettings, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Acceptance } from './acceptance.ts';
import type { LiveAttempt } from './liveAttempt.ts';

type Ready = Extract<RunnerToGateway, { t: 'ready' }>;

const GPU = {
  id: 'GPU-a',
  model: 'NVIDIA H100 80GB HBM3',
  driver: '535.129.03',
  memoryBytes: 8e10,
  memoryUsedBytes: 1e9,
  smClockMhz: 345,
  smClockMaxMhz: 1980,
  slowedDown: false,
};
const PROFILE = '1 × NVIDIA H100 80GB HBM3';

const INVENTORY: HostInventory = {
  gpus: [{ id: GPU.id, model: GPU.model, memoryBytes: GPU.memoryBytes, driver: GPU.driver }],
  cpus: 8,
  memoryBytes: 6e10,
  diskFreeBytes: null,
  diskWriteBytesPerSecond: null,
  clockOffsetMs: null,
  clockUncertaintyMs: null,
  nodes: null,
  kernel: '6.1.0',
  isolation: { name: 'docker', capabilities: { gpus: true } },
  problems: [],
};

const SETTINGS = exampleSettings({ resources: { gpu: { count_range: [1, 1], model: 'h100' } } });

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase({ poolMax: 10 });
});
afterAll(() => testing.drop());

/** An attempt that is being prepared on this machine, its sandbox up; scores come from `score` instead of a runner. */
async function prepared(score: number, { cancelled = 0 } = {}) {
  const { db } = testing;
  const here = await ensureLocalHost(db, 'docker');
  await saveInventory(db, here.id, INVENTORY);
  const { attempt, environmentId } = await makeAttempt(db, { environmentSettings: SETTINGS });
  const { id } = attempt;
  await moveAttempt(db, id, 'provisioning');
  await adoptRunner(db, id, here.id);
  await db.pool.query(`UPDATE lease SET gpu_ids = '["GPU-a"]' WHERE attempt_id = $1`, [id]);
  const sent: string[] = [];
  let toCancel = cancelled;
  const live = {
    id,
    view: await loadAttempt(db, id),
    gateway: { db, log: pino({ level: 'silent' }) },
    runner: { send: (message: { t: string }) => sent.push(message.t) },
    scoring: {
      start: (row: ScoreRecord) => {
        toCancel -= 1;
        const outcome = toCancel >= 0 ? { status: 'cancelled' as const, score: null } : { status: 'scored' as const, score };
        return finishScore(db, id, { scoreId: row.id, ...outcome, message: null, durationMs: 1 });
      },
      settled: async () => {},
    },
    refresh: async () => {
      live.view = await loadAttempt(db, id);
    },
  };
  const acceptance = new Acceptance(live as unknown as LiveAttempt);
  const ready = (gpus: object[] = [GPU], node: string | null = null) =>
    acceptance.ready({
      t: 'ready',
      instructionsHash: '',
      isolation: 'docker',
      freezeMethod: 'cgroup2',
      network: 'none',
      hardware: { node, cpus: 8, cpuModel: 'Some processor', gpus, gpuProblem: null, diskWriteBytesPerSecond: 1e9 },
    } as Ready);
  const reports = () => db.prisma.acceptance.findMany({ where: { attemptId: id }, orderBy: { at: 'asc' } });
  return { db, id, environmentId, hostId: here.id, ready, reports, sent };
}

test('a machine that is as it was leased is accepted; the report and the hardware profile are kept', async () => {
  const { db, id, hostId, ready, reports } = await prepared(1.5);
  await ready();
  expect((await loadAttempt(db, id)).state).toBe('ready');
  const [report] = await reports();
  expect(report).toMatchObject({ passed: true, profile: PROFILE, hostId });
  expect((report as unknown as { report: { check: string }[] }).report.map(({ check }) => check)).toEqual([
    'GPUs',
    'GPU 0: driver',
    'GPU 0: memory free',
    'GPU 0: clocks',
    'Disk',
    'Starting score',
  ]);
});

test('a machine that is not is given back, its runner sent away, and the attempt stays in preparation for another', async () => {
  const { db, id, hostId, ready, reports, sent } = await prepared(1.5);
  await ready([{ ...GPU, memoryUsedBytes: 4e10 }]);
  expect((await loadAttempt(db, id)).state).toBe('provisioning');
  expect(await findLiveLease(db, id)).toMatchObject({ state: 'releasing', releaseCause: expect.stringContaining('memory free') });
  expect(await reports()).toMatchObject([{ passed: false, hostId, node: null }]);
  expect(sent).toEqual(['shutdown']);
});

test('the report of a cluster’s node names it, so that the cluster’s others are left to the attempt', async () => {
  const { db, id, hostId, ready, reports } = await prepared(1.5);
  await ready([{ ...GPU, memoryUsedBytes: 4e10 }], 'gpu1');
  expect(await reports()).toMatchObject([{ passed: false, hostId, node: 'gpu1' }]);
  expect(await listRefusedNodes(db, id, hostId)).toEqual(['gpu1']);
});

test('where the hardware is calibrated a starting score beyond its noise refuses the machine, and the next machine scores anew', async () => {
  const { db, id, environmentId, ready, reports } = await prepared(1.9);
  await db.prisma.calibration.create({
    data: { environmentId, profile: PROFILE, solution: 'start', scores: [], mean: 1.5, sd: 0.01, n: 10 },
  });
  await ready();
  expect((await reports())[0]?.report).toContainEqual({ check: 'Starting score', expected: '1.5 ± 0.042', found: '1.9', passed: false });
  expect((await loadAttempt(db, id)).state).toBe('provisioning');
  await ready();
  expect((await listScores(db, id)).map(({ trigger }) => trigger)).toEqual(['start', 'start']);
});

test('a runner that says again that it is ready changes nothing', async () => {
  const { db, id, ready, reports } = await prepared(1.5);
  await Promise.all([ready(), ready()]);
  await ready();
  expect(await reports()).toHaveLength(1);
  expect(await listScores(db, id)).toHaveLength(1);
});

test('a starting score that was cancelled is taken again, so that no machine passes without it', async () => {
  const { db, id, ready, reports } = await prepared(1.5, { cancelled: 2 });
  await ready();
  expect((await listScores(db, id)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'scored']);
  const [report] = await reports();
  expect((report as unknown as { report: { check: string }[] }).report.map(({ check }) => check)).toContain('Starting score');
  expect((await loadAttempt(db, id)).state).toBe('ready');
});

test('a sandbox in which no starting score can be taken is not ready: the attempt goes back to its beginning', async () => {
  const { db, id, ready, reports, sent } = await prepared(1.5, { cancelled: 9 });
  await ready();
  expect(await loadAttempt(db, id)).toMatchObject({ state: 'scheduled', progress: expect.stringContaining('could not be scored') });
  expect([await reports(), sent]).toEqual([[], ['shutdown']]);
});
