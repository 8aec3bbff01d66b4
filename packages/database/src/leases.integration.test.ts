import { AppError } from '@plumbline/core';
import { type HostInventory, HostPlacement } from '@plumbline/protocol';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import { type AttemptFixture, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listRefusalsThatHold, listRefusedNodes, saveAcceptance } from './acceptances.ts';
import { assign } from './assignments.ts';
import { appendClockEvent, leaveQueue, loadAttempt, moveAttempt, prepareAttempt, startAttempt } from './attempts.ts';
import type { Database, User } from './client.ts';
import { giveUpHost } from './hostLoss.ts';
import { addHost, ensureLocalHost, noteFoundWell, removeHost, saveInventory, setHostDrained } from './hosts.ts';
import {
  findLiveLease,
  goElsewhere,
  grantLeases,
  LEASE_MARGIN_MS,
  listHostLeases,
  proveReleased,
  queueForMachines,
  releaseLease,
  waitWords,
} from './leases.ts';
import { SETTINGS } from './settings.fixture.ts';
import { noteSnapshot } from './snapshots.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 10 });
  db = testing.db;
});
/** Each test has its own hosts and queue. */
beforeEach(async () => {
  await db.pool.query(`UPDATE attempt SET state = 'void'; DELETE FROM lease; DELETE FROM host`);
});
afterAll(() => testing.drop());

function inventory(gpus: number): HostInventory {
  return {
    gpus: Array.from({ length: gpus }, (_, n) => ({
      id: `GPU-${n}`,
      model: 'NVIDIA H100 80GB HBM3',
      memoryBytes: 8e10,
      driver: '535.129.03',
    })),
    cpus: 32,
    memoryBytes: 256 * 1024 ** 3,
    diskFreeBytes: null,
    diskWriteBytesPerSecond: null,
    clockOffsetMs: null,
    clockUncertaintyMs: null,
    nodes: null,
    kernel: '6.1.0',
    isolation: { name: 'docker', capabilities: { gpus: true } },
    problems: [],
  };
}

async function cluster(name: string, fields: object = {}): Promise<string> {
  const reach = HostPlacement.parse({ placement: 'slurm', settings: { sharedDir: '/shared', ...fields } });
  return (await addHost(db, { name, reach, isolation: 'docker' }, { by: null })).id;
}

async function gpuHost(name: string, gpus: number): Promise<string> {
  const settings = {
    address: '10.0.0.1',
    port: 22,
    user: 'lab',
    keyFile: '/key',
    hostKey: 'ssh-ed25519 AAAA',
    dataDir: '/data',
    gatewayUrl: null,
  };
  const host = await addHost(db, { name, reach: { placement: 'ssh', settings }, isolation: 'docker' }, { by: null });
  await saveInventory(db, host.id, inventory(gpus));
  return host.id;
}

const wants = (gpus: number, more: object = {}) => ({
  ...SETTINGS,
  ...more,
  resources: gpus === 0 ? {} : { gpu: { count_range: [gpus, gpus], model: 'h100' } },
});

async function prepared(gpus: number, options: { expert?: User; settings?: object } = {}): Promise<AttemptFixture> {
  const fixture = await makeAttempt(db, { environmentSettings: options.settings ?? wants(gpus), expert: options.expert });
  await prepareAttempt(db, fixture.attempt.id);
  await queueForMachines(db);
  return fixture;
}

const idOf = ({ attempt }: AttemptFixture) => attempt.id;

describe('a machine', () => {
  test('is granted with its GPUs, its fixed end and the job that starts the runner', async () => {
    const hostId = await gpuHost('gpu-1', 4);
    const fixture = await prepared(2);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    const lease = await findLiveLease(db, idOf(fixture));
    expect(lease).toMatchObject({ state: 'held', hostId, gpuIds: ['GPU-0', 'GPU-1'], waitReason: null });
    const { limitMs, maxPauseTotalMs } = fixture.study;
    expect((lease?.endsAt?.getTime() ?? 0) - (lease?.grantedAt?.getTime() ?? 0)).toBe(limitMs + maxPauseTotalMs + LEASE_MARGIN_MS);
    const { rows } = await db.pool.query(`SELECT data FROM pgboss.job WHERE name = 'provision' AND data->>'attemptId' = $1`, [
      idOf(fixture),
    ]);
    expect(rows.length).toBeGreaterThan(0);
  });

  test('is given to one attempt only, however many processes grant at once', async () => {
    await gpuHost('gpu-1', 1);
    const fixtures = [await prepared(1), await prepared(1), await prepared(1)];
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => grantLeases(db)));
    expect(outcomes.flatMap(({ granted }) => granted)).toEqual([idOf(fixtures[0] as AttemptFixture)]);
  });

  test('is asked for once per attempt', async () => {
    const fixture = await prepared(1);
    await Promise.all([queueForMachines(db), queueForMachines(db)]);
    expect(await db.prisma.lease.count({ where: { attemptId: idOf(fixture) } })).toBe(1);
  });

  test('is not given while its host is drained', async () => {
    await gpuHost('gpu-1', 1);
    const fixture = await prepared(1);
    await setHostDrained(db, 'gpu-1', true, { by: null });
    expect((await grantLeases(db)).granted).toEqual([]);
    expect((await findLiveLease(db, idOf(fixture)))?.waitReason).toBe(
      'Waiting for 1 × H100: no such machine takes attempts at the moment. The staff see why.',
    );
    await setHostDrained(db, 'gpu-1', false, { by: null });
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
  });

  test('that failed its acceptance test is not given to that attempt again, until somebody has found its host well', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const fixture = await prepared(1);
    await saveAcceptance(db, { attemptId: idOf(fixture), hostId, node: null, passed: false, report: [], profile: '1 × H100' });
    // A check of all hosts, as one that comes by itself, says nothing of what the test found.
    await saveInventory(db, hostId, inventory(1));
    expect(await grantLeases(db)).toMatchObject({ granted: [], hopeless: [{ attemptId: idOf(fixture) }] });
    await noteFoundWell(db, hostId);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    await saveAcceptance(db, { attemptId: idOf(fixture), hostId, node: null, passed: false, report: [], profile: '1 × H100' });
    await db.pool.query(`UPDATE lease SET state = 'released' WHERE attempt_id = $1`, [idOf(fixture)]);
    await queueForMachines(db);
    expect((await grantLeases(db)).granted).toEqual([]);
  });

  test('of a cluster is not on a node that failed this attempt, until each has, or somebody has found the cluster well', async () => {
    const hostId = await cluster('lab');
    const nodes = ['n1', 'n2'].map((name) => ({ name, gpus: [{ model: 'h100', count: 4 }], cpus: 8, memoryBytes: 2 ** 40 }));
    await saveInventory(db, hostId, { ...inventory(8), nodes });
    const fixture = await prepared(4);
    const id = idOf(fixture);
    const again = async () => {
      await db.pool.query(`UPDATE lease SET state = 'released' WHERE attempt_id = $1`, [id]);
      await queueForMachines(db);
      return grantLeases(db);
    };
    const refuse = (node: string) => saveAcceptance(db, { attemptId: id, hostId, node, passed: false, report: [], profile: '4 × H100' });
    await refuse('n1');
    expect((await again()).granted).toEqual([id]);
    expect(await listRefusedNodes(db, id, hostId)).toEqual(['n1']);
    expect(await listRefusedNodes(db, idOf(await prepared(1)), hostId)).toEqual([]);
    await refuse('n2');
    expect((await again()).hopeless).toMatchObject([{ attemptId: id, reason: expect.stringContaining('failed its acceptance test') }]);
    expect((await listRefusalsThatHold(db)).size).toBe(2);
    await noteFoundWell(db, hostId);
    expect(await listRefusedNodes(db, id, hostId)).toEqual([]);
    expect((await listRefusalsThatHold(db)).size).toBe(0);
    expect((await again()).granted).toEqual([id]);
  });

  test('comes with this machine’s GPUs only where the isolation shows them', async () => {
    const here = await ensureLocalHost(db, 'bubblewrap');
    await saveInventory(db, here.id, { ...inventory(2), isolation: { name: 'bubblewrap', capabilities: { gpus: false } } });
    const fixture = await prepared(1);
    const { hopeless } = await grantLeases(db);
    expect(hopeless).toMatchObject([
      { attemptId: idOf(fixture), state: 'provisioning', reason: expect.stringContaining('No machine has') },
    ]);
  });
});

describe('who waits', () => {
  test('is told how many are ahead, and the attempt’s page says so', async () => {
    await gpuHost('gpu-1', 2);
    const [first, second, third] = [await prepared(2), await prepared(2), await prepared(2)];
    await grantLeases(db);
    expect(await findLiveLease(db, idOf(second))).toMatchObject({ waitReason: 'Waiting for 2 × H100: you are next.', waitAhead: 0 });
    expect((await loadAttempt(db, idOf(third))).progress).toBe('Waiting for 2 × H100: 1 attempt ahead.');
    await moveAttempt(db, idOf(first), 'scheduled');
    const held = await listHostLeases(db, (await findLiveLease(db, idOf(first)))?.hostId as string);
    await proveReleased(
      db,
      held.map(({ leaseId }) => leaseId),
    );
    expect((await grantLeases(db)).granted).toEqual([idOf(second)]);
    expect((await loadAttempt(db, idOf(third))).progress).toBe('Waiting for 2 × H100: you are next.');
  });

  test('is not overtaken by somebody who has just been served and asked before them', async () => {
    await gpuHost('gpu-1', 1);
    const busy = await makeUser(db, 'expert');
    const first = await prepared(1, { expert: busy });
    const again = await prepared(1, { expert: busy });
    const other = await prepared(1);
    expect((await grantLeases(db)).granted).toEqual([idOf(first)]);
    await moveAttempt(db, idOf(first), 'scheduled');
    const lease = await findLiveLease(db, idOf(first));
    await proveReleased(db, [lease?.id as string]);
    expect((await grantLeases(db)).granted).toEqual([idOf(other)]);
    expect((await findLiveLease(db, idOf(again)))?.state).toBe('queued');
  });

  test('may leave the queue, and is not served afterwards', async () => {
    await gpuHost('gpu-1', 1);
    const first = await prepared(1);
    const second = await prepared(1);
    await grantLeases(db);
    expect(await leaveQueue(db, idOf(second))).toEqual({ state: 'scheduled' });
    expect(await findLiveLease(db, idOf(second))).toBeNull();
    await expect(leaveQueue(db, idOf(first))).rejects.toMatchObject({ code: 'conflict' });
    expect((await loadAttempt(db, idOf(first))).state).toBe('provisioning');
  });

  test('reads what is waited for in words', () => {
    const need = { gpuCount: 4, gpuModel: 'h100', cpus: null, memoryBytes: null, exclusive: false, rootScorer: false };
    expect(waitWords({ ahead: 2, cause: 'queued' }, need)).toBe('Waiting for 4 × H100: 2 attempts ahead.');
    expect(waitWords({ ahead: 1, cause: 'queued' }, { ...need, gpuCount: 0, exclusive: true })).toBe(
      'Waiting for a machine, with nobody else on it: 1 attempt ahead.',
    );
  });
});

describe('a machine that is given back', () => {
  test('is not free before a listing has proven that nothing runs there', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const first = await prepared(1);
    const second = await prepared(1);
    await grantLeases(db);
    await moveAttempt(db, idOf(first), 'void');
    expect((await grantLeases(db)).granted).toEqual([]);
    const leases = await listHostLeases(db, hostId);
    expect(leases).toMatchObject([{ attemptId: idOf(first), state: 'releasing', needsMachine: false }]);
    await expect(removeHost(db, 'gpu-1', { by: null })).rejects.toMatchObject({ code: 'conflict' });
    await proveReleased(
      db,
      leases.map(({ leaseId }) => leaseId),
    );
    expect((await grantLeases(db)).granted).toEqual([idOf(second)]);
  });

  test('a held one is not released by a listing that missed it', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const fixture = await prepared(1);
    await grantLeases(db);
    const leases = await listHostLeases(db, hostId);
    await proveReleased(
      db,
      leases.map(({ leaseId }) => leaseId),
    );
    expect((await findLiveLease(db, idOf(fixture)))?.state).toBe('held');
  });

  test('its end does not move when it is given back and asked for again, nor by any renewal', async () => {
    await gpuHost('gpu-1', 1);
    const fixture = await prepared(1);
    await grantLeases(db);
    const before = await findLiveLease(db, idOf(fixture));
    await queueForMachines(db);
    await grantLeases(db);
    expect((await findLiveLease(db, idOf(fixture)))?.endsAt).toEqual(before?.endsAt);
    await releaseLease(db.pool, idOf(fixture), 'for this test');
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({
      state: 'releasing',
      endsAt: before?.endsAt,
      releaseCause: 'for this test',
    });
  });
});

describe('an attempt that comes back from hibernation', () => {
  const TOO_LARGE = { path: 'weights.bin', reason: 'too large' };
  const IN_USE = 'Waiting for the machine that has your files: it is in use.';

  /** An attempt that gave back the only GPU of `hostId`, which another one has since then, and was woken. */
  async function woken(hostId: string, skipped: { path: string; reason: string }[]): Promise<AttemptFixture> {
    const fixture = await prepared(1);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    await moveAttempt(db, idOf(fixture), 'ready');
    await startAttempt(db, idOf(fixture), fixture.expert.id);
    await noteSnapshot(db, idOf(fixture), { commit: 'c', bundle: 'b', base: null, atMs: Date.now(), skipped });
    await appendClockEvent(db, idOf(fixture), { kind: 'paused', reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }, { by: null });
    await freed(hostId);
    await prepared(1);
    await grantLeases(db);
    await appendClockEvent(db, idOf(fixture), { kind: 'woken' }, { by: null });
    await queueForMachines(db);
    return fixture;
  }

  /** A listing of the host shows nothing of what is being given back there. */
  async function freed(hostId: string): Promise<void> {
    const leases = await listHostLeases(db, hostId);
    await proveReleased(
      db,
      leases.map(({ leaseId }) => leaseId),
    );
  }

  const choiceOf = async (fixture: AttemptFixture) => {
    const { elsewhere, waitReason } = await db.prisma.lease.findFirstOrThrow({ where: { attemptId: idOf(fixture), state: 'queued' } });
    return [elsewhere, waitReason];
  };

  test('waits for the host that alone has a file of it though another is free, until its participant lets that go', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    const other = await gpuHost('gpu-2', 1);
    const by = fixture.expert.id;
    await expect(goElsewhere(db, idOf(fixture), { by })).rejects.toMatchObject({ code: 'conflict' });
    expect((await grantLeases(db)).granted).toEqual([]);
    expect(await choiceOf(fixture)).toEqual(['offered', IN_USE]);
    await goElsewhere(db, idOf(fixture), { by });
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({ state: 'held', hostId: other });
    await expect(goElsewhere(db, idOf(fixture), { by })).rejects.toMatchObject({ code: 'conflict' });
    expect(
      await db.prisma.auditEntry.count({ where: { subject: `attempt:${idOf(fixture)}`, act: 'attempt.goElsewhere', userId: by } }),
    ).toBe(1);
  });

  test('comes back to that host when it is free, also where it takes nobody for a while', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    await gpuHost('gpu-2', 1);
    await setHostDrained(db, 'gpu-1', true, { by: null });
    expect((await grantLeases(db)).granted).toEqual([]);
    expect(await choiceOf(fixture)).toEqual([
      'offered',
      'Waiting for the machine that has your files: it takes no attempts at the moment. The staff see why.',
    ]);
    await setHostDrained(db, 'gpu-1', false, { by: null });
    await db.pool.query(`UPDATE lease SET state = 'released' WHERE host_id = $1 AND state = 'held'`, [hostId]);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({ state: 'held', hostId });
  });

  test('who let the files go waits for whichever host is free first', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    await gpuHost('gpu-2', 1);
    await grantLeases(db);
    await goElsewhere(db, idOf(fixture), { by: fixture.expert.id });
    await setHostDrained(db, 'gpu-2', true, { by: null });
    expect((await grantLeases(db)).granted).toEqual([]);
    expect(await choiceOf(fixture)).toEqual(['chosen', 'Waiting for 1 × H100: you are next.']);
    await db.pool.query(`UPDATE lease SET state = 'released' WHERE host_id = $1 AND state = 'held'`, [hostId]);
    await grantLeases(db);
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({ state: 'held', hostId });
  });

  test('goes on elsewhere at once where the copy lacks only what programs make, or its host is out of the inventory', async () => {
    const hostId = await gpuHost('gpu-1', 1);
    const made = await woken(hostId, [{ path: '.venv', reason: 'excluded by name' }]);
    const other = await gpuHost('gpu-2', 1);
    expect((await grantLeases(db)).granted).toEqual([idOf(made)]);
    expect(await findLiveLease(db, idOf(made))).toMatchObject({ hostId: other });
    await db.pool.query(`UPDATE lease SET state = 'released' WHERE state = 'held'`);
    await setHostDrained(db, 'gpu-2', true, { by: null });
    await db.pool.query(`UPDATE attempt SET state = 'void'`);
    const tied = await woken(hostId, [TOO_LARGE]);
    await setHostDrained(db, 'gpu-2', false, { by: null });
    expect((await grantLeases(db)).granted).toEqual([]);
    await db.pool.query(`UPDATE lease SET state = 'released' WHERE host_id = $1 AND state = 'held'`, [hostId]);
    await db.pool.query('UPDATE host SET removed_at = clock_timestamp() WHERE id = $1', [hostId]);
    expect((await grantLeases(db)).granted).toEqual([idOf(tied)]);
  });

  test('does not wait for a cluster whose jobs lie on the disks of its nodes, and does for one with a folder that all see', async () => {
    for (const nodeDir of ['/scratch', null]) {
      await db.pool.query(`UPDATE attempt SET state = 'void'; DELETE FROM lease; DELETE FROM host`);
      const fixture = await woken(await cluster('lab', { nodeDir }), [TOO_LARGE]);
      await setHostDrained(db, 'lab', true, { by: null });
      await gpuHost('gpu-1', 1);
      expect((await grantLeases(db)).granted).toEqual(nodeDir === null ? [] : [idOf(fixture)]);
    }
  });

  test('who went elsewhere is not asked again where that machine is lost before the clock goes on', async () => {
    const fixture = await woken(await gpuHost('gpu-1', 1), [TOO_LARGE]);
    await gpuHost('gpu-2', 1);
    await grantLeases(db);
    await goElsewhere(db, idOf(fixture), { by: fixture.expert.id });
    await grantLeases(db);
    await giveUpHost(db, 'gpu-2', 'for this test', { by: null });
    const third = await gpuHost('gpu-3', 1);
    await queueForMachines(db);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({ hostId: third });
  });
});

test('an environment that needs more than any host has is refused before anybody is assigned, with the reason', async () => {
  await gpuHost('gpu-1', 4);
  expect(await refusedAtAssigning(wants(8))).toBe(
    'Practice cannot be assigned. It needs 8 × H100, and no host has that (gpu-1: it has 4 of 8 × H100).',
  );
  await removeHost(db, 'gpu-1', { by: null });
  const hostId = await cluster('lab');
  const need = { ...SETTINGS, resources: { memory_gb: 32 } };
  const nodes = (gib: number) => [{ name: 'n1', gpus: [], cpus: 8, memoryBytes: gib * 1024 ** 3 }];
  await saveInventory(db, hostId, { ...inventory(0), nodes: nodes(64) });
  expect(await refusedAtAssigning(need)).toBe(
    'Practice cannot be assigned. It needs 32 GB of memory, and no host has that (lab: no node of it has more than 64 of the 65 GB of memory that a job asks for, twice the task’s and 1 GB).',
  );
  await saveInventory(db, hostId, { ...inventory(0), nodes: nodes(65) });
  expect(await refusedAtAssigning(need)).toBeNull();
});

test('an environment whose scorer has to be root is refused until there is a host whose isolation gives it that', async () => {
  await ensureLocalHost(db, 'bubblewrap');
  const settings = { ...SETTINGS, rootScorer: true };
  expect(await refusedAtAssigning(settings)).toBe(
    'Practice cannot be assigned. It needs a scorer that is root, and no host has that (here: its isolation gives scorers no root, which docker does).',
  );
  const waits = await prepared(0, { settings });
  expect((await grantLeases(db)).hopeless).toMatchObject([{ attemptId: idOf(waits) }]);
  const hostId = await gpuHost('docked', 0);
  expect(await refusedAtAssigning(settings)).toBeNull();
  expect((await grantLeases(db)).granted).toEqual([idOf(waits)]);
  expect(await findLiveLease(db, idOf(waits))).toMatchObject({ hostId, need: { rootScorer: true } });
});

/** Why an environment cannot be assigned to anybody; null where it was. */
async function refusedAtAssigning(settings: object): Promise<string | null> {
  const fixture = await makeAttempt(db, { environmentSettings: EnvironmentSettings.parse(settings) });
  const someone = await makeUser(db, 'expert');
  const ids = { studyId: fixture.study.id, environmentId: fixture.environmentId, userId: someone.id };
  return assign(db, ids, { by: null }).then(
    () => null,
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError);
      return (error as AppError).message;
    },
  );
}
