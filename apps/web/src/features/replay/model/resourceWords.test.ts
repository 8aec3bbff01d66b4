import { expect, it } from 'vitest';
import { resourceWords, sampleAt } from './resourceWords.ts';

const sample = (atMs: number, gpus: number | null = null) => ({
  atMs,
  cpuMs: 1,
  cpus: 1.25,
  memoryBytes: 1536,
  diskBytes: null,
  gpus,
  gpuMemoryBytes: gpus === null ? null : 2048,
});

it('says the figures that are known, and not those that are not', () => {
  expect(resourceWords(sample(0))).toBe('1.3 processors, 1.5 KiB memory');
  expect(resourceWords(sample(0, 2))).toBe('1.3 processors, 1.5 KiB memory, 2.0 GPUs, 2.0 KiB GPU memory');
});

it('knows of a moment what the last sample before it said, and nothing long after it', () => {
  const samples = [sample(1_000), sample(6_000)];
  expect([0, 999, 1_000, 5_999, 6_000, 120_000, 130_000].map((atMs) => sampleAt(samples, atMs)?.atMs ?? null)).toEqual([
    null,
    null,
    1_000,
    1_000,
    6_000,
    6_000,
    null,
  ]);
});
