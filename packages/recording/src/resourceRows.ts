import type { RecordedEvent } from '@plumbline/protocol';
import type { IndexedEvents } from './recordingIndex.ts';

/** What the sandbox used, as rows of an index: null where a sample does not say. */
export function addResources({ resources }: IndexedEvents, { atMs, data }: Extract<RecordedEvent, { type: 'resource.sample' }>): void {
  const { cpuMs = null, memoryBytes = null, diskBytes = null, gpus = [] } = data;
  const last = resources.at(-1);
  const sinceMs = last === undefined ? 0 : atMs - last.atMs;
  // A runner that started anew counts from zero.
  const isNext = cpuMs !== null && last !== undefined && last.cpuMs !== null && cpuMs >= last.cpuMs && sinceMs > 0;
  const cpus = isNext ? (cpuMs - (last?.cpuMs as number)) / sinceMs : null;
  const sumOfGpus = (of: (gpu: (typeof gpus)[number]) => number) =>
    gpus.length === 0 ? null : gpus.reduce((sum, gpu) => sum + of(gpu), 0);
  resources.push({
    atMs,
    cpuMs,
    cpus,
    memoryBytes,
    diskBytes,
    gpus: sumOfGpus(({ usePercent }) => usePercent / 100),
    gpuMemoryBytes: sumOfGpus((gpu) => gpu.memoryBytes),
  });
}
