/** What attempts ask of hosts and hosts have, as the queue weighs them. Nothing here knows how a host is reached. */

/** What one attempt needs; null where its family says nothing, which then takes nothing. */
export interface ResourceNeed {
  gpuCount: number;
  /** As part of the model's name, whatever the case and the separators: `h100`. Null: any. */
  gpuModel: string | null;
  cpus: number | null;
  memoryBytes: number | null;
  /** Timing-sensitive: nothing else may be on the host. */
  exclusive: boolean;
  /** Its scorer changes users and writes to /root and /protected, as in the Task Standard's own container. */
  rootScorer: boolean;
}

export interface CountedGpu {
  /** As `nvidia-smi` names it. */
  id: string;
  model: string;
}

/**
 * How a host is filled. `counted`: GPUs, processors and memory are each given once. `shared`: GPUs are given once; processors and
 * memory are for all who are there (this machine, on which the platform itself runs). `scheduler`: a cluster that queues by itself,
 * so that it always takes one more of what it has at all.
 */
export type HostFilling = 'counted' | 'shared' | 'scheduler';

/** One machine of a cluster: an attempt gets one alone. */
export interface ClusterNode {
  name: string;
  gpus: readonly { model: string; count: number }[];
  cpus: number;
  memoryBytes: number;
}

export interface LeaseHost {
  id: string;
  filling: HostFilling;
  /** Takes new attempts: not drained, it answers, and its last check found nothing in the way. */
  accepting: boolean;
  /** Scorers are root in its sandboxes: its isolation says so. */
  rootScorer: boolean;
  /** Null where no check has said what it has. */
  has: { gpus: readonly CountedGpu[]; cpus: number; memoryBytes: number } | null;
  /** The machines behind a scheduler; null where the host is one machine, or no check has said what it has. */
  nodes: readonly ClusterNode[] | null;
}

/** What a runner takes beside its sandbox's own memory. */
const RUNNER_MEMORY_BYTES = 1024 ** 3;

/** What a scheduler is asked for: participant and scorer each have the task's memory, and who is frozen keeps its share. */
export function jobMemoryBytes(memoryBytes: number): number {
  return 2 * memoryBytes + RUNNER_MEMORY_BYTES;
}

/** Whether a GPU is of the model that was asked for: `h100` is part of `NVIDIA H100 80GB HBM3`. */
export function isGpuModel(model: string, wanted: string | null): boolean {
  return wanted === null || plain(model).includes(plain(wanted));
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** `2 × H100`, or `a machine`. */
export function gpuWords({ gpuCount, gpuModel }: Pick<ResourceNeed, 'gpuCount' | 'gpuModel'>): string {
  if (gpuCount === 0) return 'a machine';
  return `${gpuCount} × ${gpuModel === null ? 'GPU' : gpuModel.toUpperCase()}`;
}

/** The whole of a need in words: `2 × H100, 16 processors and 64 GB of memory, on a machine of its own`. */
export function needWords(need: ResourceNeed): string {
  const parts = [
    ...(need.gpuCount > 0 ? [gpuWords(need)] : []),
    ...(need.cpus === null ? [] : [`${need.cpus} ${need.cpus === 1 ? 'processor' : 'processors'}`]),
    ...(need.memoryBytes === null ? [] : [`${gigabytes(need.memoryBytes)} GB of memory`]),
    ...(need.rootScorer ? ['a scorer that is root'] : []),
  ];
  const list = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : (parts[0] ?? 'a machine');
  return need.exclusive ? `${list}, on a machine of its own` : list;
}

function gigabytes(bytes: number): number {
  return Math.round((bytes / 1024 ** 3) * 10) / 10;
}

function gpusOf({ gpus }: ClusterNode, { gpuModel }: ResourceNeed): number {
  return gpus.reduce((sum, { model, count }) => sum + (isGpuModel(model, gpuModel) ? count : 0), 0);
}

function nodeHas(node: ClusterNode, need: ResourceNeed): boolean {
  return (
    gpusOf(node, need) >= need.gpuCount &&
    (need.cpus === null || node.cpus >= need.cpus) &&
    (need.memoryBytes === null || node.memoryBytes >= jobMemoryBytes(need.memoryBytes))
  );
}

/** What no node of a cluster has of a need: one phrase each, none where one node has all of it. */
function nodesLack(nodes: readonly ClusterNode[], need: ResourceNeed): string[] {
  if (nodes.some((node) => nodeHas(node, need))) return [];
  const most = (value: (node: ClusterNode) => number) => Math.max(0, ...nodes.map(value));
  const missing: string[] = [];
  const gpus = most((node) => gpusOf(node, need));
  if (gpus < need.gpuCount) missing.push(`no node of it has more than ${gpus} of ${gpuWords(need)}`);
  const cpus = most((node) => node.cpus);
  if (need.cpus !== null && cpus < need.cpus) missing.push(`no node of it has more than ${cpus} of ${need.cpus} processors`);
  const memoryBytes = most((node) => node.memoryBytes);
  if (need.memoryBytes !== null && memoryBytes < jobMemoryBytes(need.memoryBytes)) {
    const asked = `${gigabytes(jobMemoryBytes(need.memoryBytes))} GB of memory that a job asks for`;
    missing.push(`no node of it has more than ${gigabytes(memoryBytes)} of the ${asked}, twice the task’s and 1 GB`);
  }
  return missing.length > 0 ? missing : ['no single node of it has all of that'];
}

/** Which of the nodes that failed a scheduler is to keep away from: none where nothing else would be left. */
export function nodesToAvoid({ nodes }: LeaseHost, need: ResourceNeed, failed: readonly string[]): readonly string[] {
  const isLeft = nodes === null || nodes.some((node) => nodeHas(node, need) && !failed.includes(node.name));
  return isLeft ? failed : [];
}

/**
 * What a host that stands empty would lack of a need: one phrase each, none where it has all of it. A host that nobody has checked
 * lacks nothing known; GPUs it is taken not to have, unless a scheduler is asked.
 */
export function lacks(host: LeaseHost, need: ResourceNeed): string[] {
  const { has, filling, nodes } = host;
  const missing = need.rootScorer && !host.rootScorer ? ['its isolation gives scorers no root, which docker does'] : [];
  if (has === null) {
    const unknown = filling !== 'scheduler' && need.gpuCount > 0;
    return unknown ? [...missing, 'its GPUs are not known: check it first'] : missing;
  }
  if (nodes !== null) return [...missing, ...nodesLack(nodes, need)];
  const gpus = has.gpus.filter((gpu) => isGpuModel(gpu.model, need.gpuModel)).length;
  if (gpus < need.gpuCount) missing.push(`it has ${gpus} of ${gpuWords(need)}`);
  if (filling === 'counted' && need.cpus !== null && has.cpus < need.cpus) missing.push(`it has ${has.cpus} of ${need.cpus} processors`);
  if (need.memoryBytes !== null && has.memoryBytes < need.memoryBytes) {
    missing.push(`it has ${gigabytes(has.memoryBytes)} of ${gigabytes(need.memoryBytes)} GB of memory`);
  }
  return missing;
}

/** Why no host could ever serve this need, drained ones included; null where one could. To be asked before anybody is assigned. */
export function refusal(hosts: readonly (LeaseHost & { name: string })[], need: ResourceNeed): string | null {
  if (hosts.length === 0) return 'There is no host. Add one first.';
  const lacking = hosts.map((host) => ({ name: host.name, missing: lacks(host, need) }));
  if (lacking.some(({ missing }) => missing.length === 0)) return null;
  const list = lacking.map(({ name, missing }) => `${name}: ${missing.join(', ')}`).join('; ');
  return `It needs ${needWords(need)}, and no host has that (${list}).`;
}

/** GPUs by model, in words: `8 × NVIDIA H100 80GB HBM3`; empty for none. */
export function gpuSummary(gpus: readonly { model: string }[]): string {
  const counts = new Map<string, number>();
  for (const { model } of gpus) counts.set(model, (counts.get(model) ?? 0) + 1);
  return [...counts].map(([model, count]) => `${count} × ${model}`).join(', ');
}
