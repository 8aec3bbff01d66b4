import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Asset } from '@plumbline/taskstandard/settings';
import { type TemporaryFolder, temporaryFolder } from '@plumbline/testing';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layAssets } from '../assets/assetStore.ts';
import { buildOnce } from '../isolation/image.ts';
import { publishBundle } from '../placement/slurm/nodePrograms.ts';
import { withFileLock } from './fileLock.ts';
import { type HostCaches, noteUses, removeUnused, removeUnusedCaches } from './unusedCaches.ts';

const DAY_MS = 24 * 3_600_000;

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function usedDaysAgo(days: number, path: string): Promise<void> {
  const then = new Date(Date.now() - days * DAY_MS);
  await utimes(path, then, then);
}

async function image(caches: HostCaches, contentHash: string): Promise<{ dir: string; built: boolean }> {
  const familyDir = join(folder.path, 'family');
  await mkdir(familyDir, { recursive: true });
  return buildOnce({ familyDir, contentHash, imageDir: caches.imageDir, install: async () => {} }, async () => {});
}

async function asset(text: string): Promise<Asset> {
  const path = join(folder.path, `${text}.txt`);
  await writeFile(path, text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { url: pathToFileURL(path).href, sha256, bytes: text.length, path: `${text}.txt`, for: 'everyone' };
}

// Only root may say how large a disk is.
describe.skipIf(isAbsent('a host whose caches grow', notRoot()))('what a host keeps', () => {
  let caches: HostCaches;
  let discarded: string[];

  async function disk(size: string): Promise<void> {
    const dir = join(folder.path, 'data');
    await mkdir(dir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]);
    discarded = [];
    const at = (name: string) => join(dir, name);
    const discardImage = async (path: string) => void discarded.push(basename(path));
    caches = { runnersDir: at('runners'), imageDir: at('images'), assetsDir: at('assets'), isolation: { discardImage } };
    for (const path of [caches.runnersDir, caches.imageDir]) await mkdir(path);
  }
  afterEach(() => execFileSync('umount', ['--lazy', join(folder.path, 'data')]));

  const removed = async () => (await removeUnusedCaches(caches)).map((path) => basename(path)).sort();

  it('of prepared environments goes after a month without use, but not what an attempt’s folder needs, nor what somebody works on', async () => {
    await disk('30g');
    for (const name of ['needed-one', 'earlier-one-4f5a', 'forgotten', 'locked-one', 'of-last-week']) await image(caches, name);
    const half = join(caches.imageDir, 'half-made.building');
    await mkdir(half);
    const attempt = (name: string) => join(caches.runnersDir, name);
    for (const name of ['noted', 'earlier', 'preparing']) await mkdir(attempt(name));
    await noteUses(attempt('noted'), [join(caches.imageDir, 'needed-one'), null]);
    await writeFile(join(attempt('earlier'), 'task.json'), JSON.stringify({ contentHash: 'earlier-one', methods: [] }));
    for (const name of await readdir(caches.imageDir)) {
      if (name !== '.locks') await usedDaysAgo(name === 'of-last-week' ? 7 : 31, join(caches.imageDir, name));
    }
    await withFileLock(join(caches.imageDir, '.locks/locked-one'), async () =>
      expect(await removed()).toEqual(['forgotten', 'half-made.building']),
    );
    expect(discarded).toContain('forgotten.removed');
    expect((await readdir(caches.imageDir)).sort()).toEqual(['.locks', 'earlier-one-4f5a', 'locked-one', 'needed-one', 'of-last-week']);
    // To be found is to be used.
    expect(await image(caches, 'locked-one')).toMatchObject({ built: false });
    expect(await removed()).toEqual([]);
    expect(await image(caches, 'forgotten')).toMatchObject({ built: true });
  });

  it('goes after a day where the disk is getting full', async () => {
    await disk('64m');
    for (const name of ['of-yesterday', 'of-last-week']) await image(caches, name);
    await usedDaysAgo(7, join(caches.imageDir, 'of-last-week'));
    expect(await removed()).toEqual(['of-last-week']);
  });

  it('of data goes with the last list that names it; files that others name, or that somebody has just laid there, stay', async () => {
    await disk('30g');
    const [shared, alone, other] = [await asset('shared'), await asset('alone'), await asset('other')];
    const old = await layAssets([shared, alone], { dir: caches.assetsDir });
    await layAssets([shared, other], { dir: caches.assetsDir });
    const [set, blobs] = [dirname(old.everyone ?? ''), join(caches.assetsDir, 'sha256')];
    await usedDaysAgo(31, set);
    for (const name of ['by-hand', 'cut-off.partial']) await writeFile(join(blobs, name), name);
    await usedDaysAgo(31, join(blobs, 'cut-off.partial'));
    expect(await removed()).toEqual([basename(set), alone.sha256, 'cut-off.partial'].sort());
    expect((await readdir(blobs)).sort()).toEqual(['.locks', 'by-hand', other.sha256, shared.sha256].sort());
    await layAssets([shared, alone], { dir: caches.assetsDir });
    expect(await removed()).toEqual([]);
  });
});

it('what is used while it is being removed, or cannot be discarded, is whole where it was', async () => {
  const path = join(folder.path, 'image');
  await mkdir(path);
  const usedAtMs = Date.now() - 31 * DAY_MS;
  expect(await removeUnused({ path, usedAtMs })).toBe(false);
  await usedDaysAgo(31, path);
  const folderNow = { path, usedAtMs: (await stat(path)).mtimeMs };
  expect(await removeUnused(folderNow, () => Promise.reject(new Error('a container uses it')))).toBe(false);
  expect(existsSync(path)).toBe(true);
  expect(await removeUnused(folderNow)).toBe(true);
  expect(await readdir(folder.path)).toEqual([]);
});

it('a cluster’s bundles of earlier versions go after a month without a job, and copies that were never whole', async () => {
  const content = join(folder.path, 'content');
  await mkdir(content);
  const path = join(folder.path, 'bundle.tar.gz');
  execFileSync('tar', ['-czf', path, '-C', content, '.']);
  const bundle = (hash: string) => ({ hash, path, sha256: '', bytes: 0 });
  for (const hash of ['earlier', 'before']) await publishBundle(bundle(hash), folder.path);
  const bundles = join(folder.path, 'bundles');
  await mkdir(join(bundles, '.half.uuid'));
  for (const name of await readdir(bundles)) await usedDaysAgo(31, join(bundles, name));
  // A job was given it once more.
  await publishBundle(bundle('before'), folder.path);
  await publishBundle(bundle('now'), folder.path);
  expect((await readdir(bundles)).sort()).toEqual(['before', 'now']);
});
