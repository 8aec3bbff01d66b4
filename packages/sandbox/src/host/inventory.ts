import { randomUUID } from 'node:crypto';
import { open, rm, statfs } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { toAppError } from '@plumbline/core';
import type { HostInventory, HostProblem } from '@plumbline/protocol';
import type { Isolation } from '../isolation/isolation.ts';
import { keptBytes } from './keptBytes.ts';
import { gpuStates, gpusInInstances } from './nvidiaSmi.ts';

const GIB = 1024 ** 3;
/** Workspaces, prepared environments and snapshots of a few attempts easily take this much. */
const DISK_FREE_MIN_BYTES = 10 * GIB;
/** The platform's own programs take some 300 MiB, and the smallest environment as much: with less than this no attempt starts. */
const DISK_FREE_NEEDED_BYTES = GIB;
const PROBE_BYTES = 64 * 1024 ** 2;
const PROBE_CHUNK_BYTES = 4 * 1024 ** 2;

/** Written and synced, in bytes per second. */
async function measureDisk(dataDir: string): Promise<number> {
  const path = join(dataDir, `.speed-${randomUUID()}`);
  const file = await open(path, 'wx', 0o600);
  try {
    const chunk = Buffer.alloc(PROBE_CHUNK_BYTES, 'plumbline');
    const fromMs = performance.now();
    for (let written = 0; written < PROBE_BYTES; written += chunk.length) await file.write(chunk);
    await file.sync();
    return Math.round(PROBE_BYTES / ((performance.now() - fromMs) / 1000));
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** What this machine has, as a check of it finds it. What cannot be found out is a problem with a remedy, never a throw. */
export async function inspectThisHost(options: {
  dataDir: string;
  isolation: Isolation | null;
  /** Writes and removes a file of 64 MiB, and looks through all that is kept there. */
  measuresDisk?: boolean;
}): Promise<HostInventory> {
  const problems: HostProblem[] = [];
  const found = async <T>(what: Promise<T>, otherwise: T, remedy: string, blocking: boolean): Promise<T> =>
    what.catch((error: unknown) => {
      problems.push({ problem: toAppError(error).message, remedy, blocking });
      return otherwise;
    });
  const cards = await found(gpuStates(null), [], 'Mend NVIDIA’s driver (nvidia-smi must work), or take its package off.', false);
  const cut = cards.length === 0 ? [] : await gpusInInstances();
  const gpus = cards.filter(({ id }) => !cut.includes(id));
  if (cut.length > 0) {
    problems.push({
      problem: `Instances of GPUs (MIG) are not leased, so nothing gets ${cut.join(', ')}.`,
      remedy: 'Turn MIG off there (nvidia-smi -i GPU -mig 0), and check again.',
      blocking: false,
    });
  }
  const disk = await found(statfs(options.dataDir), null, 'Make the data folder, and let the platform write to it.', true);
  const diskFreeBytes = disk === null ? null : disk.bavail * disk.bsize;
  if (diskFreeBytes !== null && diskFreeBytes < DISK_FREE_MIN_BYTES) {
    const problem = `The disk of ${options.dataDir} has ${(diskFreeBytes / GIB).toFixed(1)} GiB left.`;
    const blocking = diskFreeBytes < DISK_FREE_NEEDED_BYTES;
    problems.push({ problem, remedy: 'Free some space there, or use another data folder.', blocking });
  }
  const measured = options.measuresDisk === true && diskFreeBytes !== null && diskFreeBytes > 2 * PROBE_BYTES;
  const diskWriteBytesPerSecond = measured
    ? await found(measureDisk(options.dataDir), null, 'Let the platform write to the data folder.', true)
    : null;
  const { isolation } = options;
  const capabilities =
    isolation === null
      ? null
      : await found(isolation.capabilities(), null, 'Install what the isolation needs, or choose another one.', true);
  if (gpus.length > 0 && capabilities !== null && !capabilities.gpus && isolation !== null) {
    const remedy =
      isolation.name === 'docker'
        ? 'Install NVIDIA’s Container Toolkit, run `nvidia-ctk runtime configure --runtime=docker`, and restart the engine.'
        : 'Load NVIDIA’s driver, or choose another isolation.';
    problems.push({ problem: `The isolation ${isolation.name} cannot show this host’s GPUs to a sandbox.`, remedy, blocking: false });
  }
  if (capabilities?.diskLimit === null) {
    problems.push({
      problem: 'The disk that a workspace takes is watched on this host, and not limited.',
      remedy: 'Run the sandboxes as root, with loop devices and the package e2fsprogs.',
      blocking: false,
    });
  }
  return {
    gpus: gpus.map(({ id, model, memoryBytes, driver }) => ({ id, model, memoryBytes, driver })),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskFreeBytes,
    ...(options.measuresDisk === true && { kept: await keptBytes(options.dataDir) }),
    diskWriteBytesPerSecond,
    clockOffsetMs: null,
    clockUncertaintyMs: null,
    nodes: null,
    kernel: release(),
    isolation: isolation === null || capabilities === null ? null : { name: isolation.name, capabilities: { ...capabilities } },
    problems,
  };
}
