import { mkdir, statfs } from 'node:fs/promises';
import type { HostInventory, HostProblem, SlurmHostSettings } from '@plumbline/protocol';
import type { SlurmCommands } from './slurmCommands.ts';

/**
 * What a cluster has, and what is in the way of jobs. Processors and memory are those of its largest node: a runner is on one alone.
 *
 * @throws AppError `unavailable` where Slurm cannot be asked.
 */
export async function clusterInventory(slurm: SlurmCommands, settings: SlurmHostSettings): Promise<HostInventory> {
  const { sharedDir, partition, nodeDir } = settings;
  const nodes = await slurm.nodes(partition);
  const problems: HostProblem[] = [];
  const blocking = (problem: string, remedy: string) => problems.push({ problem, remedy, blocking: true });
  if (nodes.length === 0) blocking('Slurm shows no node there.', 'Correct the partition in the host’s settings.');
  const usable = nodes.filter(({ state }) => !/down|drain|fail|\*|inval|unk/i.test(state));
  if (nodes.length > 0 && usable.length === 0) {
    blocking(`None of its ${nodes.length} nodes takes jobs now.`, 'Ask the cluster’s operators (sinfo --list-reasons says why).');
  }
  const disk = await mkdir(sharedDir, { recursive: true, mode: 0o711 })
    .then(() => statfs(sharedDir))
    .catch((error: unknown) => {
      blocking(
        `The shared folder ${sharedDir} cannot be used: ${String(error)}`,
        'Make it on a file system that every node sees by this path.',
      );
      return null;
    });
  if (nodeDir !== null) {
    const problem = 'A job that is lost loses its workspace’s changes since the last snapshot, and all files above 50 MiB.';
    problems.push({ problem, remedy: 'Leave the node folder out, so that the shared one holds the work too.', blocking: false });
  }
  return {
    gpus: usable.flatMap(({ name, gpus }) =>
      gpus.flatMap(({ type, count }) =>
        Array.from({ length: count }, (_, index) => ({
          id: `${name}/${type ?? 'gpu'}/${index}`,
          model: modelOf(settings.gpuTypes, type),
          memoryBytes: null,
          driver: null,
        })),
      ),
    ),
    nodes: nodes.map(({ name, cpus, memoryBytes, gpus }) => ({
      name,
      cpus,
      memoryBytes,
      gpus: gpus.map(({ type, count }) => ({ model: modelOf(settings.gpuTypes, type), count })),
    })),
    cpus: Math.max(0, ...usable.map(({ cpus }) => cpus)),
    memoryBytes: Math.max(0, ...usable.map(({ memoryBytes }) => memoryBytes)),
    diskFreeBytes: disk === null ? null : disk.bavail * disk.bsize,
    diskWriteBytesPerSecond: null,
    clockOffsetMs: null,
    clockUncertaintyMs: null,
    kernel: `${usable.length} of ${nodes.length} nodes take jobs`,
    isolation: null,
    problems,
  };
}

/** The model that a task asks for, by the cluster's own name of it. */
function modelOf(gpuTypes: SlurmHostSettings['gpuTypes'], type: string | null): string {
  const named = Object.entries(gpuTypes).find(([, name]) => name === type)?.[0];
  return named ?? type ?? 'GPU';
}
