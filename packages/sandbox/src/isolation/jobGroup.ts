import { readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hostEnvironment } from '../host/hostEnvironment.ts';

/** The control group of the Slurm job that this process belongs to: containers are an engine's children, and are in it only where it is named to the engine. */

/**
 * The job's group as a path from the top of the hierarchies, from the lines of `/proc/PID/cgroup`. Null outside of jobs, where the cluster keeps
 * them in no groups, and where hierarchies name it differently: an engine takes one name for all of them.
 */
export function jobGroupOf(lines: string, jobId: string | null): string | null {
  if (jobId === null) return null;
  const found = new Set<string>();
  for (const line of lines.split('\n')) {
    const path = `${line.split(':').slice(2).join(':')}/`;
    const at = path.indexOf(`/job_${jobId}/`);
    if (at >= 0) found.add(path.slice(0, at + `/job_${jobId}`.length));
  }
  return found.size === 1 ? ([...found][0] ?? null) : null;
}

/** The group of this process's own job. */
export async function ownJobGroup(): Promise<string | null> {
  return jobGroupOf(await readFile('/proc/self/cgroup', 'utf8').catch(() => ''), hostEnvironment()['SLURM_JOB_ID'] ?? null);
}

/** An engine makes the group in every hierarchy of version 1, also in those in which the cluster has none and removes none: these are empty then. */
export async function removeEmptyJobGroup(): Promise<void> {
  const group = await ownJobGroup();
  if (group === null) return;
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(' - cgroup '));
  // Where the cluster has it, this process is in it, and it stays.
  for (const line of mounts) await rmdir(join(line.split(' ')[4] ?? '', group)).catch(() => undefined);
}
