import { statfs } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { toAppError } from '@plumbline/core';
import type { HostInventory, HostProblem } from '@plumbline/protocol';
import type { Isolation } from '../isolation/isolation.ts';
import { gpuStates } from './nvidiaSmi.ts';

/** What this machine has, as a check of it finds it. What cannot be found out is a problem with a remedy, never a throw. */
export async function inspectThisHost(options: { dataDir: string; isolation: Isolation | null }): Promise<HostInventory> {
  const problems: HostProblem[] = [];
  const found = async <T>(what: Promise<T>, otherwise: T, remedy: string, blocking: boolean): Promise<T> =>
    what.catch((error: unknown) => {
      problems.push({ problem: toAppError(error).message, remedy, blocking });
      return otherwise;
    });
  const gpus = await found(gpuStates(null), [], 'Mend NVIDIA’s driver (nvidia-smi must work), or take its package off.', false);
  const disk = await found(statfs(options.dataDir), null, 'Make the data folder, and let the platform write to it.', true);
  const { isolation } = options;
  const capabilities =
    isolation === null
      ? null
      : await found(isolation.capabilities(), null, 'Install what the isolation needs, or choose another one.', true);
  return {
    gpus: gpus.map(({ id, model, memoryBytes, driver }) => ({ id, model, memoryBytes, driver })),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskFreeBytes: disk === null ? null : disk.bavail * disk.bsize,
    diskWriteBytesPerSecond: null,
    clockOffsetMs: null,
    clockUncertaintyMs: null,
    kernel: release(),
    isolation: isolation === null || capabilities === null ? null : { name: isolation.name, capabilities: { ...capabilities } },
    problems,
  };
}
