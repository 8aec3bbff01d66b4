import { describe, expect, it } from 'vitest';
import { resourceUse } from './resourceUse.ts';

const GIB = 1024 ** 3;

describe('what the sandbox uses', () => {
  it('counts processor time between two samples, 100 for each processor', () => {
    const before = { atMs: 0, sample: { cpuMs: 1_000 } };
    expect(resourceUse({ atMs: 5_000, sample: { cpuMs: 11_000 } }, before).cpuPercent).toBe(200);
    expect(resourceUse({ atMs: 5_000, sample: { cpuMs: 11_000 } }, null).cpuPercent).toBeNull();
    expect(resourceUse({ atMs: 5_000, sample: { cpuMs: 10 } }, before).cpuPercent).toBeNull();
  });

  it('warns before memory or disk runs out, and not while there is room', () => {
    const use = (memoryBytes: number, diskFreeBytes: number) =>
      resourceUse({ atMs: 0, sample: { memoryBytes, memoryLimitBytes: 10 * GIB, diskFreeBytes } }, null).warnings.map(({ kind }) => kind);
    expect(use(8 * GIB, 50 * GIB)).toEqual([]);
    expect(use(9.5 * GIB, 50 * GIB)).toEqual(['memory']);
    expect(use(9.5 * GIB, GIB / 2)).toEqual(['memory', 'disk']);
    const ofSmallDisk = (diskFreeBytes: number) => resourceUse({ atMs: 0, sample: { diskBytes: GIB, diskFreeBytes } }, null).warnings;
    expect(ofSmallDisk(0.9 * GIB)).toEqual([]);
    expect(ofSmallDisk(0.05 * GIB)).toHaveLength(1);
    const ofFiles = (diskFiles: number, diskFreeFiles: number) =>
      resourceUse({ atMs: 0, sample: { diskFreeBytes: 50 * GIB, diskFiles, diskFreeFiles } }, null).warnings.map(({ text }) => text);
    expect(ofFiles(8_000_000, 20_000)).toEqual([]);
    expect(ofFiles(8_000_000, 9_000)).toEqual([expect.stringContaining('hardly any more files')]);
    expect(ofFiles(3_000, 2_900)).toEqual([]);
    expect(ofFiles(3_000, 100)).toHaveLength(1);
    expect(resourceUse({ atMs: 0, sample: { memoryBytes: 99 * GIB } }, null).warnings).toEqual([]);
  });
});
