import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import type { HostGpu, HostInventory, HostProblem } from '@plumbline/protocol';
import type { Isolation } from '../isolation/isolation.ts';

/** What this machine has, as its own tools say: for an inventory, and for the checks before an attempt. */

export type HostFacts = Omit<HostInventory, 'clockOffsetMs' | 'clockUncertaintyMs'>;

const ASK_TIMEOUT_MS = 20_000;
const PROBE_BYTES = 64 * 1024 ** 2;
const PROBE_CHUNK_BYTES = 4 * 1024 ** 2;
const MIB = 1024 ** 2;
/** Workspaces, images and snapshots of one attempt easily take this much. */
const DISK_FREE_MIN_BYTES = 10 * 1024 ** 3;

/** `isolation`: null where this installation does not know the one that the host is set to. */
export async function hostFacts(dataDir: string, isolation: Isolation | null): Promise<HostFacts> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const problems: HostProblem[] = [];
  const gpus = await listGpus(problems);
  const disk = await statfs(dataDir);
  const diskFreeBytes = disk.bavail * disk.bsize;
  if (diskFreeBytes < DISK_FREE_MIN_BYTES) {
    problems.push({
      problem: `The disk of ${dataDir} has ${Math.floor(diskFreeBytes / 1024 ** 3)} GiB left.`,
      remedy: 'Free some space there, or set another data folder for the host.',
      blocking: false,
    });
  }
  return {
    gpus,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskFreeBytes,
    diskWriteBytesPerSecond: diskFreeBytes > 2 * PROBE_BYTES ? await measureDisk(dataDir) : null,
    kernel: `Linux ${release()}`,
    isolation: isolation === null ? null : await askIsolation(isolation, problems),
    problems,
  };
}

async function listGpus(problems: HostProblem[]): Promise<HostGpu[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=uuid,name,memory.total,driver_version', '--format=csv,noheader,nounits'],
      { timeout: ASK_TIMEOUT_MS },
    );
    return stdout
      .split('\n')
      .map((line) => line.split(',').map((part) => part.trim()))
      .flatMap(([id = '', model = '', mib = '', driver = '']) => {
        const memoryBytes = Number(mib) * MIB;
        return id === '' ? [] : [{ id, model, memoryBytes: Number.isFinite(memoryBytes) ? memoryBytes : null, driver }];
      });
  } catch (error) {
    // Without the tool it is a machine without GPUs.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    problems.push({
      problem: `nvidia-smi failed: ${String((error as { stdout?: string }).stdout ?? error)
        .trim()
        .slice(0, 500)}`,
      remedy: 'Run nvidia-smi on the host; after an update of the driver it usually needs to be started anew.',
      blocking: true,
    });
    return [];
  }
}

/** Written and synced, in bytes per second. */
async function measureDisk(dataDir: string): Promise<number> {
  const path = join(dataDir, `.speed-${randomUUID()}`);
  const file = await open(path, 'wx', 0o600);
  try {
    const chunk = Buffer.alloc(PROBE_CHUNK_BYTES, 'plumbline');
    const from = performance.now();
    for (let written = 0; written < PROBE_BYTES; written += chunk.length) await file.write(chunk);
    await file.sync();
    return Math.round(PROBE_BYTES / ((performance.now() - from) / 1000));
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

async function askIsolation(isolation: Isolation, problems: HostProblem[]): Promise<HostInventory['isolation']> {
  try {
    return { name: isolation.name, capabilities: { ...(await isolation.capabilities()) } };
  } catch (error) {
    problems.push({
      problem:
        error instanceof AppError ? error.message : `The isolation ${isolation.name} does not work here: ${String(error).slice(0, 500)}`,
      remedy: `Install and set up what ${isolation.name} needs on the host, or choose another isolation for it.`,
      blocking: true,
    });
    return null;
  }
}
