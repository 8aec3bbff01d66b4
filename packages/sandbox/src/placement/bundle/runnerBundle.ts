import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { replaceFile, sync } from '@plumbline/storage';
import { z } from 'zod';
import { neededPackages } from './lockedPackages.ts';
import { type ArchiveEntry, entriesHash, folderEntries, writeArchive } from './tarArchive.ts';

/**
 * Everything that a runner needs on another machine of this one's kind, in one archive: Node, the sources that it runs, and
 * what they import. The other machine brings glibc, Python and the isolation's programs, and neither Node nor npm.
 */

export interface RunnerBundle {
  /** SHA-256 over the files in it: its name, here and on every host. */
  readonly hash: string;
  readonly path: string;
  /** Of the archive's own bytes. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Where things stand in an unpacked bundle. */
export const BUNDLE_NODE = 'bin/node';
export const BUNDLE_RUNNER = 'apps/runner/src/main.ts';
export const BUNDLE_HOST_AGENT = 'apps/runner/src/hostAgent.ts';

const RUNNER_WORKSPACE = 'apps/runner';

/** Of the repository's own folders: what tests need, and what other tools made. */
const NOT_OF_A_WORKSPACE =
  /(^|\/)(node_modules|dist|\.next|\.turbo|__pycache__)$|\.(test|fixture)\.tsx?$|(^|\/)(test_[^/]*\.py|tsconfig\.json)$/;

/** Of installed packages: what only editors and debuggers read. Packages inside packages are taken by themselves. */
const NOT_OF_A_PACKAGE = /(^|\/)node_modules$|\.d\.[cm]?ts$|\.map$/;

/** The files of a bundle for a machine of this one's kind. */
export async function bundleEntries(repository: string): Promise<ArchiveEntry[]> {
  const node = join(repository, 'node_modules/node/bin/node');
  if ((await stat(node).catch(() => null)) === null) {
    throw new AppError('sandbox_unavailable', 'The npm package `node` is not installed, which other machines are given. Run npm ci.');
  }
  const { workspaces, installed } = await neededPackages(repository, RUNNER_WORKSPACE, process.arch);
  const entries: ArchiveEntry[] = [{ path: BUNDLE_NODE, kind: 'file', source: node, executable: true }];
  for (const folder of [RUNNER_WORKSPACE, ...workspaces.values()]) {
    entries.push(...(await folderEntries(join(repository, folder), folder, (path) => !NOT_OF_A_WORKSPACE.test(path))));
  }
  for (const [name, folder] of workspaces) {
    const up = '../'.repeat(name.split('/').length);
    entries.push({ path: `node_modules/${name}`, kind: 'link', target: `${up}${folder}` });
  }
  for (const folder of installed) {
    entries.push(...(await folderEntries(join(repository, folder), folder, (path) => !NOT_OF_A_PACKAGE.test(path))));
  }
  return entries;
}

const Packed = z.object({ sha256: z.string(), bytes: z.number() });

/**
 * Packs the entries into `cacheDir`, unless the same are there already; archives of other contents are removed from it.
 * Any number of processes may do so at once.
 */
export async function packBundle(entries: readonly ArchiveEntry[], cacheDir: string): Promise<RunnerBundle> {
  const hash = await entriesHash(entries);
  const path = join(cacheDir, `${hash}.tar.gz`);
  const facts = join(cacheDir, `${hash}.json`);
  const known = await readFile(facts, 'utf8').catch(() => null);
  const size = (await stat(path).catch(() => null))?.size;
  if (known !== null && size !== undefined) {
    const packed = Packed.parse(JSON.parse(known));
    if (packed.bytes === size) return { hash, path, ...packed };
  }
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const mine = join(cacheDir, `${hash}.${process.pid}.new`);
  try {
    const packed = await writeArchive(entries, mine);
    await sync(mine);
    await rename(mine, path);
    await replaceFile(facts, JSON.stringify(packed), 0o600);
    for (const name of await readdir(cacheDir)) {
      if (/^[0-9a-f]{64}\.(tar\.gz|json)$/.test(name) && !name.startsWith(hash)) await rm(join(cacheDir, name), { force: true });
    }
    return { hash, path, ...packed };
  } finally {
    await rm(mine, { force: true });
  }
}

/** The bundle of this installation's runner, packed on the first need and kept in `cacheDir`. */
export async function runnerBundle(repository: string, cacheDir: string): Promise<RunnerBundle> {
  return packBundle(await bundleEntries(repository), cacheDir);
}
