import { mkdir, statfs } from 'node:fs/promises';
import type { HostInventory, HostProblem, SlurmHostSettings } from '@plumbline/protocol';
import { keptBytes } from '../../host/keptBytes.ts';
import type { RunnerResources } from '../placement.ts';
import { jobOptions } from './jobOptions.ts';
import type { SlurmCommands } from './slurmCommands.ts';

const SMALLEST: RunnerResources = {
  gpuCount: 0,
  gpuModel: null,
  cpus: 1,
  memoryBytes: null,
  exclusive: false,
  avoidNodes: [],
  maxDurationMs: 60_000,
};
const WORDS_MAX = 1_000;

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
  if (usable.length > 0) {
    for (const refusal of await refusals(slurm, settings))
      blocking(refusal, 'Correct the host’s settings, or ask the cluster’s operators.');
  }
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
    ...(disk !== null && { kept: await keptBytes(sharedDir) }),
    diskWriteBytesPerSecond: null,
    clockOffsetMs: null,
    clockUncertaintyMs: null,
    kernel: `${usable.length} of ${nodes.length} nodes take jobs`,
    isolation: null,
    problems,
  };
}

/** What is wrong with the settings by Slurm's own test of the smallest job: without GPUs, and with one of each model that they name. */
async function refusals(slurm: SlurmCommands, settings: SlurmHostSettings): Promise<string[]> {
  const found: string[] = [];
  for (const model of [null, ...Object.keys(settings.gpuTypes)]) {
    const resources = { ...SMALLEST, gpuCount: model === null ? 0 : 1, gpuModel: model };
    const options = jobOptions(settings, { attemptId: 'check', resources, memoryBytes: null }, { dir: '/', logFile: '/dev/null' });
    const words = await slurm.refusal(options);
    if (words === null) continue;
    found.push(`Slurm would not take a job${model === null ? '' : ` for the GPU ${model}`}: ${words.slice(0, WORDS_MAX)}`);
    // It would be refused with a GPU as well.
    if (model === null) break;
  }
  return found;
}

/** The model that a task asks for, by the cluster's own name of it. */
function modelOf(gpuTypes: SlurmHostSettings['gpuTypes'], type: string | null): string {
  const named = Object.entries(gpuTypes).find(([, name]) => name === type)?.[0];
  return named ?? type ?? 'GPU';
}
