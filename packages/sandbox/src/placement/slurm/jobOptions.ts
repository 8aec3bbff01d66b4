import { AppError, isGpuModel, jobMemoryBytes } from '@plumbline/core';
import type { SlurmHostSettings } from '@plumbline/protocol';
import type { RunnerRequest } from '../placement.ts';

/** What `sbatch` is told of a job: what the attempt needs, what the host's settings say, and what the job is found by. */

const NAME_PREFIX = 'plumbline-';
const EXCLUDE = '--exclude=';
const MIB = 1024 ** 2;

/** The name of an attempt's job. */
export function jobName(attemptId: string): string {
  return `${NAME_PREFIX}${attemptId}`;
}

/** The attempt that a job's name names; null for the name of any other job. */
export function attemptNamed(name: string): string | null {
  return name.startsWith(NAME_PREFIX) ? name.slice(NAME_PREFIX.length) : null;
}

function option(name: string, value: string | number | null): string[] {
  return value === null ? [] : [`--${name}=${value}`];
}

/** Throws `sandbox_unavailable` for a model that cannot be named to a cluster. */
function gres(gpuTypes: SlurmHostSettings['gpuTypes'], count: number, model: string | null): string | null {
  if (count === 0) return null;
  if (model === null) return `gpu:${count}`;
  // The queue takes a task's word for a model whatever its case and separators, and so must the job that comes of it.
  const [named] = Object.keys(gpuTypes)
    .filter((name) => isGpuModel(name, model))
    .sort((a, b) => a.length - b.length);
  const type = named === undefined ? model : gpuTypes[named];
  if (type === null || type === undefined) return `gpu:${count}`;
  if (!/^[A-Za-z0-9_.-]+$/.test(type)) {
    throw new AppError('sandbox_unavailable', `The cluster has no name for the GPU model ${type}. Add it to the host’s gpuTypes.`);
  }
  return `gpu:${type}:${count}`;
}

/**
 * The options for an attempt's job, which runs in `dir` and writes to `logFile`.
 *
 * @throws AppError `sandbox_unavailable` where what it needs cannot be said to this cluster.
 */
export function jobOptions(
  settings: SlurmHostSettings,
  { attemptId, resources, memoryBytes }: Pick<RunnerRequest, 'attemptId' | 'resources' | 'memoryBytes'>,
  { dir, logFile }: { readonly dir: string; readonly logFile: string },
): string[] {
  const { extraArgs } = settings;
  const memory = resources.memoryBytes ?? memoryBytes;
  const always = extraArgs.filter((arg) => arg.startsWith(EXCLUDE)).map((arg) => arg.slice(EXCLUDE.length));
  const excluded = [...always, ...resources.avoidNodes];
  return [
    `--job-name=${jobName(attemptId)}`,
    // The folder names this installation: another one's jobs on the same cluster are none of ours.
    `--chdir=${dir}`,
    `--output=${logFile}`,
    '--open-mode=append',
    // A job that is run again would have no config, and a runner is started anew by the platform alone.
    '--no-requeue',
    '--nodes=1',
    '--ntasks=1',
    '--export=ALL',
    `--time=${Math.ceil(resources.maxDurationMs / 60_000)}`,
    ...option('mem', memory === null ? null : `${Math.ceil(jobMemoryBytes(memory) / MIB)}M`),
    ...option('cpus-per-task', resources.cpus === null ? null : Math.max(1, Math.ceil(resources.cpus))),
    ...option('gres', gres(settings.gpuTypes, resources.gpuCount, resources.gpuModel)),
    ...(resources.exclusive ? ['--exclusive'] : []),
    ...option('partition', settings.partition),
    ...option('account', settings.account),
    ...option('qos', settings.qos),
    ...option('constraint', settings.constraint),
    ...extraArgs.filter((arg) => !arg.startsWith(EXCLUDE)),
    // Slurm takes the last of several alone.
    ...option('exclude', excluded.length === 0 ? null : excluded.join(',')),
  ];
}
