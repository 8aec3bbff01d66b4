import { statfs } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { expect, it } from 'vitest';
import { withHostShare } from './hostShare.ts';

const NOTHING = { memoryBytes: null, cpus: null, diskBytes: null };

it('a family that names no limits gets some with which its participant and its scorer together leave the host something', async () => {
  const { memoryBytes, cpus, diskBytes } = await withHostShare(NOTHING, tmpdir());
  expect(2 * (memoryBytes ?? 0)).toBeGreaterThan(0);
  expect(2 * (memoryBytes ?? 0)).toBeLessThan(0.85 * totalmem());
  expect(cpus).toBe(Math.max(1, availableParallelism() - 1));
  const { bavail, bsize } = await statfs(tmpdir());
  expect(diskBytes).toBeGreaterThan(0);
  expect(diskBytes).toBeLessThan(0.6 * bavail * bsize);
});

it('what a family names stays as it is, more than the host has too', async () => {
  const named = { memoryBytes: 2 ** 50, cpus: 999, diskBytes: 2 ** 50, other: 'kept' };
  expect(await withHostShare(named, tmpdir())).toEqual(named);
  expect(await withHostShare({ ...named, cpus: null }, tmpdir())).toMatchObject({ memoryBytes: 2 ** 50, diskBytes: 2 ** 50 });
});
