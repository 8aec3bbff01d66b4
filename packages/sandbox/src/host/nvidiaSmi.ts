import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { z } from 'zod';
import { hostEnvironment } from './hostEnvironment.ts';

/** This host's GPUs, as NVIDIA's own program tells of them. What it prints is taken whole or refused: a guess would be worse. */

/** A driver that hangs must not hang what asks; a healthy one answers within a second or two, also with eight GPUs. */
const TIMEOUT_MS = 15_000;
const BYTES_PER_MIB = 1024 ** 2;

/** One row each, in this order. `nounits`: memory in MiB, use in percent, clocks in MHz. */
const FIELDS = [
  'uuid',
  'name',
  'driver_version',
  'memory.total',
  'memory.used',
  'utilization.gpu',
  'clocks.sm',
  'clocks.max.sm',
  'clocks_throttle_reasons.hw_slowdown',
] as const;

/** What a device does not support is printed as `[N/A]`, `N/A` or `[Not Supported]`. */
const UNKNOWN = /^\[?(N\/A|Not Supported|Unknown Error)\]?$/i;
const quantity = z
  .string()
  .transform((text) => (UNKNOWN.test(text) ? null : text))
  .pipe(
    z
      .string()
      .regex(/^\d+(\.\d+)?$/, 'is no number')
      .transform(Number)
      .nullable(),
  );

const Row = z.tuple([
  z.string().regex(/^(GPU|MIG)-[0-9a-f-]{36}$/i, 'is no UUID'),
  z.string().min(1).max(200),
  z.string().regex(/^\d+(\.\d+)+$/, 'is no driver version'),
  quantity,
  quantity,
  quantity,
  quantity,
  quantity,
  z
    .string()
    .transform((text) => (UNKNOWN.test(text) ? null : text))
    .pipe(
      z
        .enum(['Active', 'Not Active'])
        .transform((text) => text === 'Active')
        .nullable(),
    ),
]);

export interface GpuState {
  /** As `nvidia-smi` names it: GPU-…. */
  id: string;
  model: string;
  driver: string;
  memoryBytes: number | null;
  memoryUsedBytes: number | null;
  /** The part of the last moment in which a kernel ran, in percent. */
  usePercent: number | null;
  smClockMhz: number | null;
  smClockMaxMhz: number | null;
  /** The hardware holds its clocks down: heat, or power. */
  slowedDown: boolean | null;
}

/**
 * Reads the program's rows.
 *
 * @throws AppError `unavailable` with the line that is not as it should be.
 */
export function parseGpuStates(text: string): GpuState[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const row = Row.safeParse(line.split(',').map((cell) => cell.trim()));
    if (!row.success) {
      const issue = row.error.issues[0];
      const field = typeof issue?.path[0] === 'number' ? (FIELDS[issue.path[0]] ?? 'the row') : 'the row';
      throw new AppError('unavailable', `nvidia-smi printed a row that cannot be read: ${field} ${issue?.message}: ${line.slice(0, 200)}`);
    }
    const [id, model, driver, totalMib, usedMib, usePercent, smClockMhz, smClockMaxMhz, slowedDown] = row.data;
    return {
      id,
      model,
      driver,
      memoryBytes: totalMib === null ? null : totalMib * BYTES_PER_MIB,
      memoryUsedBytes: usedMib === null ? null : usedMib * BYTES_PER_MIB,
      usePercent,
      smClockMhz,
      smClockMaxMhz,
      slowedDown,
    };
  });
}

/**
 * This host's GPUs now; none where NVIDIA's program is not installed.
 *
 * @param ids Only these; null: all.
 * @throws AppError `unavailable` where the program fails, or one of `ids` is not there.
 */
export async function gpuStates(ids: readonly string[] | null): Promise<GpuState[]> {
  if (ids?.length === 0) return [];
  const args = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits', ...(ids === null ? [] : [`--id=${ids.join(',')}`])];
  let stdout: string;
  try {
    ({ stdout } = await promisify(execFile)('nvidia-smi', args, { timeout: TIMEOUT_MS, env: { ...hostEnvironment(), LC_ALL: 'C' } }));
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (failure.code === 'ENOENT' && ids === null) return [];
    const said = (failure.stdout ?? '').trim() || (failure.stderr ?? '').trim() || String(failure.message);
    throw new AppError('unavailable', `The GPUs cannot be asked: ${said.slice(0, 500)}`, { cause: error });
  }
  const states = parseGpuStates(stdout);
  const missing = (ids ?? []).filter((id) => !states.some((gpu) => gpu.id === id));
  if (missing.length > 0) throw new AppError('unavailable', `This host has no GPU ${missing.join(', ')} any more.`);
  return states;
}

/** The cards that are cut into instances (MIG), by id: as a whole they compute nothing. None where the program does not say, as of old drivers. */
export async function gpusInInstances(): Promise<string[]> {
  const args = ['--query-gpu=uuid,mig.mode.current', '--format=csv,noheader,nounits'];
  const asking = promisify(execFile)('nvidia-smi', args, { timeout: TIMEOUT_MS, env: { ...hostEnvironment(), LC_ALL: 'C' } });
  const { stdout } = await asking.catch(() => ({ stdout: '' }));
  const rows = stdout.split('\n').map((line) => line.split(',').map((cell) => cell.trim()));
  return rows.flatMap(([id, mode]) => (id !== undefined && mode === 'Enabled' ? [id] : []));
}
