import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { hostEnvironment } from './hostEnvironment.ts';

/** Where the driver says which device file is which GPU. */
const DRIVER_DIR = '/proc/driver/nvidia/gpus';

/** Needed by every program that uses a GPU, and giving none by themselves. */
const NEEDED_DEVICES = ['nvidiactl', 'nvidia-uvm'];
/** Not every driver makes these. */
const OTHER_DEVICES = ['nvidia-uvm-tools', 'nvidia-modeset'];
/** NVIDIA's own, which may load modules and make device files whoever runs it. */
const MAKE_DEVICES = ['nvidia-modprobe', '-c0', '-u'] as const;
const MAKE_TIMEOUT_MS = 30_000;

/** The driver's own `Name: value` lines about one GPU. */
function field(text: string, name: string): string | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? null : line.slice(name.length + 1).trim();
}

/**
 * The device files of these GPUs and what every GPU program needs beside them; nothing of the other GPUs. What nobody has used since the
 * host was started may not be there yet, and is made.
 *
 * @throws AppError `sandbox_unavailable` where the driver knows one of them no more, or a needed file can not be had.
 */
export async function gpuDevices(ids: readonly string[], { driverDir = DRIVER_DIR, deviceDir = '/dev' } = {}): Promise<string[]> {
  if (ids.length === 0) return [];
  const minors = new Map<string, string>();
  for (const bus of await readdir(driverDir).catch(() => [])) {
    const text = await readFile(join(driverDir, bus, 'information'), 'utf8').catch(() => '');
    const id = field(text, 'GPU UUID');
    const minor = field(text, 'Device Minor');
    if (id !== null && minor !== null && /^\d+$/.test(minor)) minors.set(id, minor);
  }
  const missing = ids.filter((id) => !minors.has(id));
  if (missing.length > 0) throw new AppError('sandbox_unavailable', `This host’s driver knows no GPU ${missing.join(', ')}.`);
  const at = (name: string) => join(deviceDir, name);
  if (!(await areThere(NEEDED_DEVICES.map(at)))) await makeDevices(NEEDED_DEVICES.map(at));
  const others = await Promise.all(OTHER_DEVICES.map(async (name) => ((await areThere([at(name)])) ? [at(name)] : [])));
  return [...NEEDED_DEVICES.map(at), ...others.flat(), ...ids.map((id) => at(`nvidia${minors.get(id)}`))];
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  return Promise.all(paths.map((path) => access(path))).then(
    () => true,
    () => false,
  );
}

async function makeDevices(paths: readonly string[]): Promise<void> {
  const [program, ...args] = MAKE_DEVICES;
  const env = hostEnvironment();
  // Often where only root's path leads.
  const options = { env: { ...env, PATH: `${env['PATH'] ?? ''}:/usr/sbin:/sbin` }, timeout: MAKE_TIMEOUT_MS };
  await promisify(execFile)(program, args, options).catch(() => undefined);
  for (const path of paths) {
    if (await areThere([path])) continue;
    throw new AppError(
      'sandbox_unavailable',
      `This host has a GPU’s driver and no ${path}, without which no program computes on a GPU. Run \`${MAKE_DEVICES.join(' ')}\` there as root (package nvidia-modprobe), and at each start of the host.`,
    );
  }
}

/** Whether this host has NVIDIA's driver, so that its GPUs can be shown to a sandbox. */
export async function hasGpuDriver(driverDir = DRIVER_DIR): Promise<boolean> {
  return (await readdir(driverDir).catch(() => [])).length > 0;
}
