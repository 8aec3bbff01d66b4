import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { formatBytes } from '@plumbline/ui/format';

type Sample = RecordingIndex['resources'][number];

/** Samples come every few seconds, thinned to a thousand of a whole attempt. Where none was within this, nothing was known. */
const KNOWN_FOR_MS = 2 * 60_000;

/** What the sandbox used at a moment, by the last sample before it; null where none is near. `resources` are in order of time. */
export function sampleAt(resources: readonly Sample[], atMs: number): Sample | null {
  const sample = resources.findLast((one) => one.atMs <= atMs);
  return sample !== undefined && atMs - sample.atMs <= KNOWN_FOR_MS ? sample : null;
}

const count = (figure: number, noun: string) => `${figure.toFixed(1)} ${noun}`;

/** The figures of a sample that are known, in words; empty where none is. */
export function resourceWords({ cpus, memoryBytes, diskBytes, gpus, gpuMemoryBytes }: Sample): string {
  return [
    cpus === null ? [] : count(cpus, 'processors'),
    memoryBytes === null ? [] : `${formatBytes(memoryBytes)} memory`,
    diskBytes === null ? [] : `${formatBytes(diskBytes)} disk`,
    gpus === null ? [] : count(gpus, 'GPUs'),
    gpuMemoryBytes === null ? [] : `${formatBytes(gpuMemoryBytes)} GPU memory`,
  ]
    .flat()
    .join(', ');
}
