import { AppError } from '@plumbline/core';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import { type AttemptFixture, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listRefusalsThatHold, listRefusedNodes, saveAcceptance } from './acceptances.ts';
import { assign } from './assignments.ts';
import { leaveQueue, loadAttempt, moveAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { ensureLocalHost, noteFoundWell, removeHost, saveInventory, setHostDrained } from './hosts.ts';
import { grantLeases, waitWords } from './leaseGrants.ts';
import { beginAnew, cluster, gpuHost, idOf, inventory, prepared, provenFree, wants } from './leases.fixture.ts';
import { findLiveLease, LEASE_MARGIN_MS, listHostLeases, queueForMachines, releaseLease } from './leases.ts';
import { SETTINGS } from './settings.fixture.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 10 });
  db = testing.db;
});
/** Each test has its own hosts and queue. */
beforeEach(() => beginAnew(db));
afterAll(() => testing.drop());

describe('a machine', () => {
  test('is granted with its GPUs, its fixed end and the job that starts the runner', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 4);
    const fixture = await prepared(db, 2);
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
    await gpuHost(db, 'gpu-1', 1);
    const fixtures = [await prepared(db, 1), await prepared(db, 1), await prepared(db, 1)];
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => grantLeases(db)));
    expect(outcomes.flatMap(({ granted }) => granted)).toEqual([idOf(fixtures[0] as AttemptFixture)]);
  });

  test('is asked for once per attempt', async () => {
    const fixture = await prepared(db, 1);
    await Promise.all([queueForMachines(db), queueForMachines(db)]);
    expect(await db.prisma.lease.count({ where: { attemptId: idOf(fixture) } })).toBe(1);
  });

  test('is not given while its host is drained', async () => {
    await gpuHost(db, 'gpu-1', 1);
    const fixture = await prepared(db, 1);
    await setHostDrained(db, 'gpu-1', true, { by: null });
    expect((await grantLeases(db)).granted).toEqual([]);
    expect((await findLiveLease(db, idOf(fixture)))?.waitReason).toBe(
      'Waiting for 1 × H100: no such machine takes attempts at the moment. The staff see why.',
    );
    await setHostDrained(db, 'gpu-1', false, { by: null });
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
  });

  test('that failed its acceptance test is not given to that attempt again, until somebody has found its host well', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const fixture = await prepared(db, 1);
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
    const hostId = await cluster(db, 'lab');
    const nodes = ['n1', 'n2'].map((name) => ({ name, gpus: [{ model: 'h100', count: 4 }], cpus: 8, memoryBytes: 2 ** 40 }));
    await saveInventory(db, hostId, { ...inventory(8), nodes });
    const fixture = await prepared(db, 4);
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
    expect(await listRefusedNodes(db, idOf(await prepared(db, 1)), hostId)).toEqual([]);
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
    const fixture = await prepared(db, 1);
    const { hopeless } = await grantLeases(db);
    expect(hopeless).toMatchObject([
      { attemptId: idOf(fixture), state: 'provisioning', reason: expect.stringContaining('No machine has') },
    ]);
  });
});

describe('who waits', () => {
  test('is told how many are ahead, and the attempt’s page says so', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 2);
    const [first, second, third] = [await prepared(db, 2), await prepared(db, 2), await prepared(db, 2)];
    await grantLeases(db);
    expect(await findLiveLease(db, idOf(second))).toMatchObject({ waitReason: 'Waiting for 2 × H100: you are next.', waitAhead: 0 });
    expect((await loadAttempt(db, idOf(third))).progress).toBe('Waiting for 2 × H100: 1 attempt ahead.');
    await moveAttempt(db, idOf(first), 'scheduled');
    await provenFree(db, hostId);
    expect((await grantLeases(db)).granted).toEqual([idOf(second)]);
    expect((await loadAttempt(db, idOf(third))).progress).toBe('Waiting for 2 × H100: you are next.');
  });

  test('is not overtaken by somebody who has just been served and asked before them', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const busy = await makeUser(db, 'expert');
    const first = await prepared(db, 1, { expert: busy });
    const again = await prepared(db, 1, { expert: busy });
    const other = await prepared(db, 1);
    expect((await grantLeases(db)).granted).toEqual([idOf(first)]);
    await moveAttempt(db, idOf(first), 'scheduled');
    await provenFree(db, hostId);
    expect((await grantLeases(db)).granted).toEqual([idOf(other)]);
    expect((await findLiveLease(db, idOf(again)))?.state).toBe('queued');
  });

  test('may leave the queue, and is not served afterwards', async () => {
    await gpuHost(db, 'gpu-1', 1);
    const first = await prepared(db, 1);
    const second = await prepared(db, 1);
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
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const first = await prepared(db, 1);
    const second = await prepared(db, 1);
    await grantLeases(db);
    await moveAttempt(db, idOf(first), 'void');
    expect((await grantLeases(db)).granted).toEqual([]);
    const leases = await listHostLeases(db, hostId);
    expect(leases).toMatchObject([{ attemptId: idOf(first), state: 'releasing', needsMachine: false }]);
    await expect(removeHost(db, 'gpu-1', { by: null })).rejects.toMatchObject({ code: 'conflict' });
    await provenFree(db, hostId);
    expect((await grantLeases(db)).granted).toEqual([idOf(second)]);
  });

  test('a held one is not released by a listing that missed it', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const fixture = await prepared(db, 1);
    await grantLeases(db);
    await provenFree(db, hostId);
    expect((await findLiveLease(db, idOf(fixture)))?.state).toBe('held');
  });

  test('its end does not move when it is given back and asked for again, nor by any renewal', async () => {
    await gpuHost(db, 'gpu-1', 1);
    const fixture = await prepared(db, 1);
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

test('an environment that needs more than any host has is refused before anybody is assigned, with the reason', async () => {
  await gpuHost(db, 'gpu-1', 4);
  expect(await refusedAtAssigning(wants(8))).toBe(
    'Practice cannot be assigned. It needs 8 × H100, and no host has that (gpu-1: it has 4 of 8 × H100).',
  );
  await removeHost(db, 'gpu-1', { by: null });
  const hostId = await cluster(db, 'lab');
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
  const waits = await prepared(db, 0, { settings });
  expect((await grantLeases(db)).hopeless).toMatchObject([{ attemptId: idOf(waits) }]);
  const hostId = await gpuHost(db, 'docked', 0);
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
