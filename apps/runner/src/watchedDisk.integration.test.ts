import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isolationNamed } from '@plumbline/sandbox';
import { temporaryFolder } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { watchedDisk } from './watchedDisk.ts';

const MIB = 1024 ** 2;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

it('a workspace that is a folder of the host’s disk is watched: what its files take is counted, and not what they could', async () => {
  const at = (name: string) => join(folder.path, name);
  const workspaceDir = at('workspace');
  for (const dir of ['family', 'env']) await mkdir(join(at('image'), dir), { recursive: true });
  const limits = { memoryBytes: null, maxProcesses: null, cpus: null, diskBytes: 100 * MIB, network: 'none' as const, gpuIds: [], env: {} };
  const places = { dir: at('sandbox'), workspaceDir, imageDir: at('image'), socketDir: at('run') };
  const sandbox = await isolationNamed('none', null).create({ id: 'watched', ...places, ...limits });
  try {
    const place = { workspaceDir, stateDir: folder.path };
    expect(await watchedDisk(sandbox, { ...place, diskBytes: null })).toBeNull();
    const watched = await watchedDisk(sandbox, { ...place, diskBytes: limits.diskBytes });
    expect(watched?.limitBytes).toBe(100 * MIB);
    await mkdir(join(workspaceDir, 'deep/er'), { recursive: true });
    await writeFile(join(workspaceDir, 'deep/er/rows'), Buffer.alloc(5 * MIB, 1));
    await writeFile(join(workspaceDir, 'sparse'), '');
    await truncate(join(workspaceDir, 'sparse'), 500 * MIB);
    const used = (await watched?.usedBytes()) ?? 0;
    expect(used).toBeGreaterThanOrEqual(5 * MIB);
    expect(used).toBeLessThan(6 * MIB);
  } finally {
    await sandbox.destroy();
  }
  // What has a file system of its own is held by that.
  const proc = { stateDir: folder.path, workspaceDir: '/proc', diskBytes: limits.diskBytes };
  expect(await watchedDisk(sandbox, proc)).toBeNull();
});
