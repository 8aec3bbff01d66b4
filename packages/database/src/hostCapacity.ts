import { type HostFilling, type LeaseHost, type ResourceNeed, refusal } from '@plumbline/core';
import type { PlacementKind } from '@plumbline/protocol';
import type { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import type { Database } from './client.ts';
import { type HostRecord, listHosts } from './hosts.ts';

/** What attempts need and hosts have, from the rows of environments and of the inventory. */

const BYTES_PER_GB = 1024 ** 3;

const FILLING: Record<PlacementKind, HostFilling> = { local: 'shared', ssh: 'counted', slurm: 'scheduler' };

/** What an attempt at an environment needs of a host. */
export function needOf({ resources, timingSensitive, rootScorer }: EnvironmentSettings): ResourceNeed {
  return {
    gpuCount: resources.gpu?.count_range[0] ?? 0,
    gpuModel: resources.gpu?.model ?? null,
    cpus: resources.cpus ?? null,
    memoryBytes: resources.memory_gb === undefined ? null : Math.round(resources.memory_gb * BYTES_PER_GB),
    exclusive: timingSensitive,
    rootScorer: rootScorer === true,
  };
}

/** A host as the queue weighs it. An isolation that shows no GPUs has none to give. */
export function toLeaseHost({ id, reach, isolation, inventory, drainedAt, silentSince }: HostRecord): LeaseHost {
  const showsGpus = inventory?.isolation?.capabilities['gpus'] !== false;
  const usable = inventory === null ? reach.placement !== 'ssh' : !inventory.problems.some((problem) => problem.blocking);
  return {
    id,
    filling: FILLING[reach.placement],
    accepting: drainedAt === null && silentSince === null && usable,
    // A cluster's check sees no sandbox, and a host may not have been checked yet: the isolation's name is always known.
    rootScorer: isolation === 'docker',
    has: inventory === null ? null : { gpus: showsGpus ? inventory.gpus : [], cpus: inventory.cpus, memoryBytes: inventory.memoryBytes },
    nodes: inventory?.nodes ?? null,
  };
}

/** Why no host of this installation could ever run an environment, in words; null where one could, or none is known yet. */
export async function refusalOf(db: Database, settings: EnvironmentSettings): Promise<string | null> {
  const hosts = await listHosts(db);
  if (hosts.length === 0) return null;
  return refusal(
    hosts.map((host) => ({ ...toLeaseHost(host), name: host.name })),
    needOf(settings),
  );
}
