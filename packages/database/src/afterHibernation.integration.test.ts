import { type AttemptFixture, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { appendClockEvent, moveAttempt, startAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { giveUpHost } from './hostLoss.ts';
import { setHostDrained } from './hosts.ts';
import { goElsewhere, grantLeases } from './leaseGrants.ts';
import { beginAnew, cluster, gpuHost, idOf, prepared, provenFree } from './leases.fixture.ts';
import { findLiveLease, queueForMachines } from './leases.ts';
import { noteSnapshot } from './snapshots.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase();
  db = testing.db;
});
/** Each test has its own hosts and queue. */
beforeEach(() => beginAnew(db));
afterAll(() => testing.drop());

describe('an attempt that comes back from hibernation', () => {
  const TOO_LARGE = { path: 'weights.bin', reason: 'too large' };
  const IN_USE = 'Waiting for the machine that has your files: it is in use.';

  /** An attempt that gave back the only GPU of `hostId`, which another one has since then, and was woken. */
  async function woken(hostId: string, skipped: { path: string; reason: string }[]): Promise<AttemptFixture> {
    const fixture = await prepared(db, 1);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    await moveAttempt(db, idOf(fixture), 'ready');
    await startAttempt(db, idOf(fixture), fixture.expert.id);
    await noteSnapshot(db, idOf(fixture), { commit: 'c', bundle: 'b', base: null, atMs: Date.now(), skipped });
    await appendClockEvent(db, idOf(fixture), { kind: 'paused', reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }, { by: null });
    await provenFree(db, hostId);
    await prepared(db, 1);
    await grantLeases(db);
    await appendClockEvent(db, idOf(fixture), { kind: 'woken' }, { by: null });
    await queueForMachines(db);
    return fixture;
  }

  const choiceOf = async (fixture: AttemptFixture) => {
    const { elsewhere, waitReason } = await db.prisma.lease.findFirstOrThrow({ where: { attemptId: idOf(fixture), state: 'queued' } });
    return [elsewhere, waitReason];
  };

  test('waits for the host that alone has a file of it though another is free, until its participant lets that go', async () => {
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    const other = await gpuHost(db, 'gpu-2', 1);
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
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    await gpuHost(db, 'gpu-2', 1);
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
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const fixture = await woken(hostId, [TOO_LARGE]);
    await gpuHost(db, 'gpu-2', 1);
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
    const hostId = await gpuHost(db, 'gpu-1', 1);
    const made = await woken(hostId, [{ path: '.venv', reason: 'excluded by name' }]);
    const other = await gpuHost(db, 'gpu-2', 1);
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
      await beginAnew(db);
      const fixture = await woken(await cluster(db, 'lab', { nodeDir }), [TOO_LARGE]);
      await setHostDrained(db, 'lab', true, { by: null });
      await gpuHost(db, 'gpu-1', 1);
      expect((await grantLeases(db)).granted).toEqual(nodeDir === null ? [] : [idOf(fixture)]);
    }
  });

  test('who went elsewhere is not asked again where that machine is lost before the clock goes on', async () => {
    const fixture = await woken(await gpuHost(db, 'gpu-1', 1), [TOO_LARGE]);
    await gpuHost(db, 'gpu-2', 1);
    await grantLeases(db);
    await goElsewhere(db, idOf(fixture), { by: fixture.expert.id });
    await grantLeases(db);
    await giveUpHost(db, 'gpu-2', 'for this test', { by: null });
    const third = await gpuHost(db, 'gpu-3', 1);
    await queueForMachines(db);
    expect((await grantLeases(db)).granted).toEqual([idOf(fixture)]);
    expect(await findLiveLease(db, idOf(fixture))).toMatchObject({ hostId: third });
  });
});
