import type { RecordedEvent } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import { indexEvents } from './indexBuilder.ts';

const event = (seq: number, data: unknown) => ({ seq, atMs: seq * 1_000, type: 'resource.sample', stream: 0, data }) as RecordedEvent;

it('an index has what each sample says of processors, memory, disk and GPUs, and null where it says nothing', async () => {
  const gpu = (index: number, usePercent: number) => ({ index, usePercent, memoryBytes: 100 });
  const { resources } = await indexEvents([
    event(1, { cpuMs: 0, memoryBytes: 5, diskBytes: 7, gpus: [gpu(0, 100), gpu(1, 50)] }),
    event(2, { cpuMs: 500 }),
  ]);
  expect(resources).toEqual([
    { atMs: 1_000, cpuMs: 0, cpus: null, memoryBytes: 5, diskBytes: 7, gpus: 1.5, gpuMemoryBytes: 200 },
    { atMs: 2_000, cpuMs: 500, cpus: 0.5, memoryBytes: null, diskBytes: null, gpus: null, gpuMemoryBytes: null },
  ]);
});
