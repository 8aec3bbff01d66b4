import type { HostInventory, HostPlacement } from '@plumbline/protocol';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listAudit } from './audit.ts';
import {
  addHost,
  ensureLocalHost,
  findHostById,
  getHost,
  LOCAL_HOST_NAME,
  listHosts,
  removeHost,
  saveInventory,
  setHostDrained,
  updateHost,
} from './hosts.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing.drop());

const BY = { by: null };
const REACH: HostPlacement = {
  placement: 'ssh',
  settings: {
    address: '192.0.2.7',
    port: 22,
    user: 'runner',
    keyFile: '/etc/plumbline/gpu1.key',
    hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample',
    dataDir: '/var/lib/plumbline',
    gatewayUrl: null,
  },
};
const INVENTORY: HostInventory = {
  gpus: [{ id: 'GPU-1', model: 'NVIDIA H100 80GB HBM3', memoryBytes: 80 * 1024 ** 3, driver: '570.1' }],
  cpus: 64,
  memoryBytes: 2 ** 40,
  diskFreeBytes: 2 ** 40,
  diskWriteBytesPerSecond: 1e9,
  clockOffsetMs: 3,
  clockUncertaintyMs: 1,
  nodes: null,
  kernel: '6.1.0',
  isolation: { name: 'bubblewrap', capabilities: { views: true } },
  problems: [],
};

it('this machine is a host that nobody adds, and forgets its check when its isolation changes', async () => {
  const here = await ensureLocalHost(testing.db, 'bubblewrap');
  expect(here).toMatchObject({ name: LOCAL_HOST_NAME, reach: { placement: 'local', settings: {} }, inventory: null });
  await saveInventory(testing.db, here.id, INVENTORY);
  expect(await ensureLocalHost(testing.db, 'bubblewrap')).toMatchObject({ id: here.id, inventory: INVENTORY });
  expect(await ensureLocalHost(testing.db, 'none')).toMatchObject({ id: here.id, isolation: 'none', inventory: null, checkedAt: null });
  await expect(removeHost(testing.db, LOCAL_HOST_NAME, BY)).rejects.toMatchObject({ code: 'conflict' });
});

it('a name belongs to one host, and is free again when that one is removed', async () => {
  const first = await addHost(testing.db, { name: 'gpu1', reach: REACH, isolation: 'docker' }, BY);
  await expect(addHost(testing.db, { name: 'gpu1', reach: REACH, isolation: 'docker' }, BY)).rejects.toMatchObject({ code: 'conflict' });
  await expect(addHost(testing.db, { name: 'GPU 1', reach: REACH, isolation: 'docker' }, BY)).rejects.toMatchObject({
    code: 'invalid_input',
  });
  await removeHost(testing.db, 'gpu1', BY);
  await expect(getHost(testing.db, 'gpu1')).rejects.toMatchObject({ code: 'not_found' });
  const second = await addHost(testing.db, { name: 'gpu1', reach: REACH, isolation: 'bubblewrap' }, BY);
  expect(second.id).not.toBe(first.id);
  expect(await findHostById(testing.db, first.id)).toMatchObject({ name: 'gpu1', isolation: 'docker' });
  expect((await listHosts(testing.db)).filter(({ name }) => name === 'gpu1').map(({ id }) => id)).toEqual([second.id]);
  expect((await listAudit(testing.db, { subject: `host:${first.id}`, limit: 9 })).map(({ act }) => act)).toEqual([
    'host.remove',
    'host.add',
  ]);
});

it('a change of how a host is reached forgets what its check found; draining does not', async () => {
  const { id } = await addHost(testing.db, { name: 'gpu2', reach: REACH, isolation: 'bubblewrap' }, BY);
  await saveInventory(testing.db, id, INVENTORY);
  const drained = await setHostDrained(testing.db, 'gpu2', true, BY);
  expect(drained).toMatchObject({ inventory: INVENTORY, drainedAt: expect.any(Date), checkedAt: expect.any(Date) });
  expect(await setHostDrained(testing.db, 'gpu2', true, BY)).toEqual(drained);
  expect(await setHostDrained(testing.db, 'gpu2', false, BY)).toMatchObject({ drainedAt: null });
  const moved = await updateHost(
    testing.db,
    'gpu2',
    { reach: { ...REACH, settings: { ...REACH.settings, port: 2222 } } as HostPlacement },
    BY,
  );
  expect(moved).toMatchObject({ id, reach: { settings: { port: 2222 } }, inventory: null, checkedAt: null });
});

it('a host that an attempt holds is not removed', async () => {
  const { id } = await addHost(testing.db, { name: 'gpu3', reach: REACH, isolation: 'bubblewrap' }, BY);
  const { attempt } = await makeAttempt(testing.db);
  await testing.db.pool.query(`INSERT INTO lease (id, attempt_id, host_id, state) VALUES (gen_random_uuid(), $1, $2, 'held')`, [
    attempt.id,
    id,
  ]);
  await expect(removeHost(testing.db, 'gpu3', BY)).rejects.toMatchObject({ code: 'conflict' });
  await testing.db.pool.query(`UPDATE lease SET state = 'released' WHERE host_id = $1`, [id]);
  await removeHost(testing.db, 'gpu3', BY);
});
