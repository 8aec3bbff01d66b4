import { describe, expect, it } from 'vitest';
import { type ResourceWarning, resourceUse } from './resourceUse.ts';

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

  it('keeps a warning while what is short hovers about its bound, and says since when, so that one which was put away stays away', () => {
    const at = (atMs: number, memoryBytes: number, diskFreeBytes: number, known: readonly ResourceWarning[]) =>
      resourceUse({ atMs, sample: { memoryBytes, memoryLimitBytes: 10 * GIB, diskFreeBytes } }, null, known).warnings;
    const kinds = (warnings: readonly ResourceWarning[]) => warnings.map(({ kind, sinceMs }) => [kind, sinceMs]);
    const first = at(5, 9.1 * GIB, 50 * GIB, []);
    expect(kinds(first)).toEqual([['memory', 5]]);
    const hovering = at(10, 8.8 * GIB, 0.9 * GIB, first);
    expect(kinds(hovering)).toEqual([
      ['memory', 5],
      ['disk', 10],
    ]);
    expect(kinds(at(15, 8 * GIB, 1.1 * GIB, hovering))).toEqual([['disk', 10]]);
    expect(at(15, 8 * GIB, 1.3 * GIB, hovering)).toEqual([]);
    expect(kinds(at(20, 9.1 * GIB, 50 * GIB, []))).toEqual([['memory', 20]]);
  });
});
