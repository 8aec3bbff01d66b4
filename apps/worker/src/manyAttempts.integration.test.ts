import { readdir, readFile } from 'node:fs/promises';
import { findLiveLease, moveAttempt } from '@plumbline/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machines } from './machines.ts';
import { WorkerRig } from './worker.fixture.ts';

const ATTEMPTS = Number(process.env['SANDBOXES'] ?? 10);

let rig: WorkerRig;
beforeAll(async () => {
  rig = await WorkerRig.open();
});
afterAll(() => rig.close());

/** Programs that were started with a path of this test's folder. */
async function runners(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(rig.folder)).length;
}

/** What the platform holds for attempts: in the database, on the host, and in this process. */
async function held(): Promise<Record<string, number>> {
  const { rows } = await rig.worker.db.pool.query(
    `SELECT (SELECT count(*)::int FROM lease WHERE state <> 'released') AS leases,
       (SELECT count(*)::int FROM attempt WHERE runner_placement IS NOT NULL) AS placements,
       (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks`,
  );
  return {
    ...rows[0],
    runners: await runners(),
    listed: (await rig.placement.list()).length,
    descriptors: (await readdir('/proc/self/fd')).length,
  };
}

test('many attempts, placed and ended, leave nothing behind: no lease, lock, runner or descriptor', async () => {
  const { db } = rig.worker;
  const machines = new Machines(rig.worker);
  const round = async (): Promise<string> => {
    await machines.run();
    await machines.settled();
    return JSON.stringify(await held());
  };
  const endAll = async (ids: readonly string[]) => {
    for (const id of ids) await moveAttempt(db, id, 'void');
    await expect
      .poll(async () => (await round()) && (await Promise.all(ids.map((id) => findLiveLease(db, id)))).every((lease) => lease === null))
      .toBe(true);
  };
  // The first opens what stays open, such as connections.
  await endAll([(await rig.started()).id]);
  const before = await held();
  expect(before).toMatchObject({ leases: 0, placements: 0, locks: 0, runners: 0, listed: 0 });
  const ids: string[] = [];
  for (let n = 0; n < ATTEMPTS; n += 1) ids.push((await (n % 2 === 0 ? rig.started() : rig.provisioned())).id);
  expect(await held()).toMatchObject({ leases: ATTEMPTS, placements: ATTEMPTS, listed: ATTEMPTS });
  // A third lose their runner first, and are placed once more or not at all.
  for (const id of ids.filter((_, n) => n % 3 === 0)) {
    const handle = await rig.handleOf(id);
    if (handle !== null) await rig.kill(handle);
  }
  await round();
  await endAll(ids);
  await expect.poll(held).toEqual({ ...before, descriptors: expect.any(Number) });
  await expect.poll(async () => (await held())['descriptors']).toBeLessThanOrEqual(before['descriptors'] ?? 0);
});
