import { open, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { toAppError } from '@plumbline/core';
import type { SandboxHardware } from '@plumbline/protocol';
import { gpuStates } from '@plumbline/sandbox';

/** Enough to see a disk that is failing; small, since every sandbox waits for it. */
const DISK_SAMPLE_BYTES = 8 * 1024 ** 2;

/** What this host has for the attempt, asked outside the sandbox. What cannot be found out is said, never thrown. */
export async function findHardware(options: {
  node: string | null;
  gpuIds: readonly string[];
  stateDir: string;
}): Promise<SandboxHardware> {
  const processors = cpus();
  let gpuProblem: string | null = null;
  const gpus = await gpuStates(options.gpuIds).catch((error: unknown) => {
    gpuProblem = toAppError(error).message.slice(0, 1_000);
    return [];
  });
  return {
    node: options.node,
    cpus: processors.length,
    cpuModel: processors[0]?.model ?? '',
    gpus,
    gpuProblem,
    diskWriteBytesPerSecond: await diskSpeed(options.stateDir).catch(() => null),
  };
}

/** Bytes a second that are written and on the disk. */
async function diskSpeed(dir: string): Promise<number> {
  const path = join(dir, 'disk-sample');
  const file = await open(path, 'w', 0o600);
  try {
    const startedMs = performance.now();
    await file.write(Buffer.alloc(DISK_SAMPLE_BYTES, 0x55));
    await file.sync();
    return Math.round((DISK_SAMPLE_BYTES * 1_000) / Math.max(1, performance.now() - startedMs));
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
