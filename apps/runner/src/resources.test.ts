import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeClock, temporaryFolder } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { EventLog } from './eventLog.ts';
import { sampleResources } from './resources.ts';
import type { WatchedDisk } from './watchedDisk.ts';

const GPU = 'GPU-4f4c8a5e-8a0b-2f4e-9d1c-0a1b2c3d4e5f';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  vi.stubEnv('PATH', `${folder.path}:/usr/bin:/bin`);
});
afterAll(() => {
  vi.unstubAllEnvs();
  return folder.remove();
});
afterEach(() => stop());
let stop = () => {};

/** A program that answers as NVIDIA's does: no machine of the tests has a GPU. */
async function nvidiaSmi(script: string): Promise<void> {
  await writeFile(join(folder.path, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder.path, 'nvidia-smi'), 0o755);
}

function sampling(
  gpuIds: string[],
  {
    isRunning = () => true,
    limits = { memoryLimitBytes: null as number | null, diskDirs: ['/nowhere'] },
    watched = null as WatchedDisk | null,
  } = {},
) {
  const clock = new FakeClock();
  const samples: unknown[] = [];
  const log = { full: false, event: (_type: string, _stream: number, data: unknown) => samples.push(data) } as unknown as EventLog;
  stop = sampleResources({
    sandbox: { usage: async () => ({ cpuMs: 5, memoryBytes: 7, processes: 1 }) },
    gpuIds,
    ...limits,
    watched,
    log,
    clock,
    logger: pino({ level: 'silent' }),
    isRunning,
  });
  return { clock, samples };
}

test('every five seconds the use of the attempt’s own GPUs is recorded with that of the rest', async () => {
  await nvidiaSmi(`[ "\${3}" = --id=${GPU} ] && echo '${GPU}, NVIDIA H100 80GB HBM3, 535.129.03, 81559, 1024, 42, 345, 1980, Not Active'`);
  const { clock, samples } = sampling([GPU]);
  clock.advance(5_000);
  await expect
    .poll(() => samples)
    .toEqual([{ cpuMs: 5, memoryBytes: 7, processes: 1, gpus: [{ index: 0, usePercent: 42, memoryBytes: 1024 ** 3 }] }]);
});

test('a driver that fails takes nothing from what is known of the rest', async () => {
  await nvidiaSmi('echo "Unable to determine the device handle"; exit 255');
  const { clock, samples } = sampling([GPU]);
  clock.advance(5_000);
  await expect.poll(() => samples).toEqual([{ cpuMs: 5, memoryBytes: 7, processes: 1 }]);
});

test('what is left of memory and disk stands beside what is used', async () => {
  const { clock, samples } = sampling([], { limits: { memoryLimitBytes: 1000, diskDirs: [folder.path, '/nowhere'] } });
  clock.advance(5_000);
  await expect
    .poll(() => samples)
    .toEqual([
      {
        cpuMs: 5,
        memoryBytes: 7,
        memoryLimitBytes: 1000,
        diskBytes: expect.any(Number),
        diskFreeBytes: expect.any(Number),
        diskFiles: expect.any(Number),
        diskFreeFiles: expect.any(Number),
        processes: 1,
      },
    ]);
});

test('a workspace that nothing holds to its bytes is counted every half minute, and what it may still take is told as a disk’s room', async () => {
  const counted = [400, null, new Error('the sandbox is busy'), 1_300];
  const usedBytes = async () => {
    const next = counted.shift() ?? null;
    if (next instanceof Error) throw next;
    return next;
  };
  const { clock, samples } = sampling([], { watched: { limitBytes: 1_000, usedBytes } });
  const room = (free: number) => ({ cpuMs: 5, memoryBytes: 7, processes: 1, diskBytes: 1_000, diskFreeBytes: free });
  for (let n = 1; n <= 19; n++) {
    clock.advance(5_000);
    await expect.poll(() => samples).toHaveLength(n);
  }
  expect(samples).toEqual([...Array.from({ length: 18 }, () => room(600)), room(0)]);
});

test('a walk through the workspace that does not end holds up no sample, and no second one is begun beside it', async () => {
  const walks: ((bytes: number) => void)[] = [];
  const usedBytes = () => new Promise<number>((resolve) => void walks.push(resolve));
  const { clock, samples } = sampling([], { watched: { limitBytes: 1_000, usedBytes } });
  for (let n = 1; n <= 14; n++) {
    clock.advance(5_000);
    await expect.poll(() => samples).toHaveLength(n);
  }
  expect(samples.at(-1)).toEqual({ cpuMs: 5, memoryBytes: 7, processes: 1 });
  expect(walks).toHaveLength(1);
  walks[0]?.(400);
  clock.advance(5_000);
  await expect.poll(() => samples.at(-1)).toMatchObject({ diskBytes: 1_000, diskFreeBytes: 600 });
});
