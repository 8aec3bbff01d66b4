import { type HostInventory, HostPlacement } from '@plumbline/protocol';
import { type AttemptFixture, makeAttempt } from '@plumbline/testing';
import { prepareAttempt } from './attempts.ts';
import type { Database, User } from './client.ts';
import { addHost, saveInventory } from './hosts.ts';
import { listHostLeases, proveReleased, queueForMachines } from './leases.ts';
import { SETTINGS } from './settings.fixture.ts';

/** For tests: hosts that nobody reaches, and attempts that wait for one. */

/** Ends every attempt, and empties queue and inventory. */
export async function beginAnew(db: Database): Promise<void> {
  await db.pool.query(`UPDATE attempt SET state = 'void'; DELETE FROM lease; DELETE FROM host`);
}

/** What a check finds of a host with so many GPUs. */
export function inventory(gpus: number): HostInventory {
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

/** A Slurm cluster of the inventory that has not been checked. */
export async function cluster(db: Database, name: string, fields: object = {}): Promise<string> {
  const reach = HostPlacement.parse({ placement: 'slurm', settings: { sharedDir: '/shared', ...fields } });
  return (await addHost(db, { name, reach, isolation: 'docker' }, { by: null })).id;
}

/** A host of the inventory with so many GPUs, reached over SSH. */
export async function gpuHost(db: Database, name: string, gpus: number): Promise<string> {
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

/** Settings of an environment that needs so many GPUs. */
export const wants = (gpus: number, more: object = {}) => ({
  ...SETTINGS,
  ...more,
  resources: gpus === 0 ? {} : { gpu: { count_range: [gpus, gpus], model: 'h100' } },
});

/** An attempt that waits for a machine with so many GPUs. */
export async function prepared(db: Database, gpus: number, options: { expert?: User; settings?: object } = {}): Promise<AttemptFixture> {
  const fixture = await makeAttempt(db, { environmentSettings: options.settings ?? wants(gpus), expert: options.expert });
  await prepareAttempt(db, fixture.attempt.id);
  await queueForMachines(db);
  return fixture;
}

export const idOf = ({ attempt }: AttemptFixture) => attempt.id;

/** A listing of the host shows nothing of what is being given back there. */
export async function provenFree(db: Database, hostId: string): Promise<void> {
  const leases = await listHostLeases(db, hostId);
  await proveReleased(
    db,
    leases.map(({ leaseId }) => leaseId),
  );
}
