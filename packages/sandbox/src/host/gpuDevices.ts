import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';

/** Where the driver says which device file is which GPU. */
const DRIVER_DIR = '/proc/driver/nvidia/gpus';

/** Needed by every program that uses a GPU, and giving none by themselves; not every driver makes all of them. */
const SHARED_DEVICES = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools', '/dev/nvidia-modeset'];

/** The driver's own `Name: value` lines about one GPU. */
function field(text: string, name: string): string | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? null : line.slice(name.length + 1).trim();
}

/**
 * The device files of these GPUs and what every GPU program needs beside them; nothing of the other GPUs.
 *
 * @throws AppError `sandbox_unavailable` where the driver knows one of them no more.
 */
export async function gpuDevices(ids: readonly string[], driverDir = DRIVER_DIR): Promise<string[]> {
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
  const shared = await Promise.all(
    SHARED_DEVICES.map((path) =>
      access(path).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return [...shared.flat(), ...ids.map((id) => `/dev/nvidia${minors.get(id)}`)];
}

/** Whether this host has NVIDIA's driver, so that its GPUs can be shown to a sandbox. */
export async function hasGpuDriver(driverDir = DRIVER_DIR): Promise<boolean> {
  return (await readdir(driverDir).catch(() => [])).length > 0;
}
