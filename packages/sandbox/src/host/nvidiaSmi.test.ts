import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { gpuDevices, hasGpuDriver } from './gpuDevices.ts';
import { inspectThisHost } from './inventory.ts';
import { gpuStates, parseGpuStates } from './nvidiaSmi.ts';

const A = 'GPU-4f4c8a5e-8a0b-2f4e-9d1c-0a1b2c3d4e5f';
const B = 'GPU-b8ea3855-276c-c9cb-b366-c6fa655957c5';
const ROWS = `${A}, NVIDIA H100 80GB HBM3, 535.129.03, 81559, 4, 0, 345, 1980, Not Active
${B}, NVIDIA H100 80GB HBM3, 535.129.03, 81559, 61234, 97, 1980, 1980, Active
`;

/** No machine of the tests has a GPU: a program of that name stands in, which answers as NVIDIA's does, for all or for `--id`. */
const PROGRAM = `#!/bin/sh
case "$*" in
  *mig.mode.current*) cat "$(dirname "$0")/modes"; exit ;;
  *--format=csv,noheader,nounits*) ;;
  *) echo 'unexpected arguments' >&2; exit 2 ;;
esac
for arg; do case "$arg" in --id=*) ids="$(echo "\${arg#--id=}" | tr , '|')" ;; esac; done
if [ -n "$ids" ]; then grep -E "$ids" "$(dirname "$0")/rows" || { echo "No devices were found"; exit 6; }; else cat "$(dirname "$0")/rows"; fi
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, 'nvidia-smi'), PROGRAM);
  await chmod(join(folder.path, 'nvidia-smi'), 0o755);
});
afterAll(() => folder.remove());
afterEach(() => vi.unstubAllEnvs());

async function withRows(rows: string, modes = `${A}, Disabled\n${B}, [N/A]\n`): Promise<void> {
  await writeFile(join(folder.path, 'rows'), rows);
  await writeFile(join(folder.path, 'modes'), modes);
  vi.stubEnv('PATH', `${folder.path}:/usr/bin:/bin`);
}

describe('nvidia-smi', () => {
  test('is read with its units', () => {
    expect(parseGpuStates(ROWS)[1]).toEqual({
      id: B,
      model: 'NVIDIA H100 80GB HBM3',
      driver: '535.129.03',
      memoryBytes: 81_559 * 1024 ** 2,
      memoryUsedBytes: 61_234 * 1024 ** 2,
      usePercent: 97,
      smClockMhz: 1980,
      smClockMaxMhz: 1980,
      slowedDown: true,
    });
  });

  test('leaves open what a device does not support', () => {
    const [gpu] = parseGpuStates(`${A}, NVIDIA GeForce GT 710, 470.199.02, 2002, 12, [N/A], [N/A], [Not Supported], [N/A]`);
    expect(gpu).toMatchObject({ usePercent: null, smClockMhz: null, smClockMaxMhz: null, slowedDown: null });
  });

  test.each([
    ['a message instead of rows', 'No devices were found'],
    ['a row that lacks a column', `${A}, NVIDIA H100, 535.129.03, 81559, 4, 0, 345, 1980`],
    ['a number with its unit', `${A}, NVIDIA H100, 535.129.03, 81559 MiB, 4, 0, 345, 1980, Not Active`],
    ['an index instead of a UUID', '0, NVIDIA H100, 535.129.03, 81559, 4, 0, 345, 1980, Not Active'],
    ['a word that is new', `${A}, NVIDIA H100, 535.129.03, 81559, 4, 0, 345, 1980, Perhaps`],
  ])('is refused whole where it prints %s', (_what, text) => {
    expect(() => parseGpuStates(`${ROWS}${text}\n`)).toThrow(/cannot be read/);
  });

  test('tells of all GPUs, or of those that are asked for', async () => {
    await withRows(ROWS);
    expect((await gpuStates(null)).map(({ id }) => id)).toEqual([A, B]);
    expect((await gpuStates([B])).map(({ id }) => id)).toEqual([B]);
    expect(await gpuStates([])).toEqual([]);
  });

  test('a GPU that fell off the bus is said to be gone', async () => {
    await withRows(ROWS.split('\n')[0] ?? '');
    await expect(gpuStates([A, B])).rejects.toThrow(`This host has no GPU ${B} any more.`);
    await expect(gpuStates([B])).rejects.toThrow('No devices were found');
  });

  test('a machine without NVIDIA’s program has no GPUs, and that is no fault', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(await gpuStates(null)).toEqual([]);
  });

  test('goes into the inventory; what it prints wrong is a problem with a remedy', async () => {
    await withRows(ROWS);
    const inventory = await inspectThisHost({ dataDir: folder.path, isolation: null });
    expect(inventory.gpus.map(({ id, model }) => [id, model])).toEqual([
      [A, 'NVIDIA H100 80GB HBM3'],
      [B, 'NVIDIA H100 80GB HBM3'],
    ]);
    expect(inventory.problems).toEqual([]);
    await withRows('Unable to determine the device handle\n');
    expect((await inspectThisHost({ dataDir: folder.path, isolation: null })).problems).toMatchObject([
      { problem: expect.stringContaining('cannot be read'), remedy: expect.stringContaining('driver'), blocking: false },
    ]);
  });
});

test('a card that is cut into instances is not leased, and the check says so', async () => {
  await withRows(ROWS, `${A}, Enabled\n${B}, Disabled\n`);
  const { gpus, problems } = await inspectThisHost({ dataDir: folder.path, isolation: null });
  expect(gpus.map(({ id }) => id)).toEqual([B]);
  expect(problems).toEqual([{ problem: expect.stringContaining(A), remedy: expect.stringContaining('MIG off'), blocking: false }]);
});

describe('device files', () => {
  /** Plain files stand for devices. */
  async function devices(name: string, ...files: string[]): Promise<string> {
    const dir = join(folder.path, name);
    await mkdir(dir);
    for (const file of files) await writeFile(join(dir, file), '');
    return dir;
  }
  const information = (id: string, minor: string) =>
    `Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 97\nGPU UUID: \t ${id}\nBus Type: \t PCIe\nDevice Minor: \t ${minor}\n`;

  test('are those of the GPUs that are asked for, and of no other', async () => {
    const dir = join(folder.path, 'gpus');
    for (const [bus, id, minor] of [
      ['0000:18:00.0', A, '3'],
      ['0000:2a:00.0', B, '0'],
    ] as const) {
      await mkdir(join(dir, bus), { recursive: true });
      await writeFile(join(dir, bus, 'information'), information(id, minor));
    }
    expect(await hasGpuDriver(dir)).toBe(true);
    const at = { driverDir: dir, deviceDir: await devices('of-one', 'nvidiactl', 'nvidia-uvm', 'nvidia-modeset', 'nvidia0', 'nvidia3') };
    const named = (await gpuDevices([A], at)).map((path) => relative(at.deviceDir, path));
    expect(named).toEqual(['nvidiactl', 'nvidia-uvm', 'nvidia-modeset', 'nvidia3']);
    await expect(gpuDevices(['GPU-other'], at)).rejects.toThrow('knows no GPU GPU-other');
    expect(await gpuDevices([], { driverDir: '/nonexistent' })).toEqual([]);
  });

  test('that all GPUs share are made where nobody has used one yet, and refused in words where that cannot be', async () => {
    const at = { driverDir: join(folder.path, 'gpus'), deviceDir: await devices('unused', 'nvidiactl', 'nvidia3') };
    vi.stubEnv('PATH', `${folder.path}:/usr/bin:/bin`);
    await expect(gpuDevices([A], at)).rejects.toThrow(/unused\/nvidia-uvm, without which.*nvidia-modprobe -c0 -u/);
    const program = `#!/bin/sh\n[ "$*" = "-c0 -u" ] && touch ${at.deviceDir}/nvidia-uvm ${at.deviceDir}/nvidia-uvm-tools\n`;
    await writeFile(join(folder.path, 'nvidia-modprobe'), program, { mode: 0o755 });
    const named = (await gpuDevices([A], at)).map((path) => relative(at.deviceDir, path));
    expect(named).toEqual(['nvidiactl', 'nvidia-uvm', 'nvidia-uvm-tools', 'nvidia3']);
    await rm(join(at.deviceDir, 'nvidiactl'));
    await expect(gpuDevices([A], at)).rejects.toThrow(/unused\/nvidiactl, without which/);
  });
});
