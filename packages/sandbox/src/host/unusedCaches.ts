import { lstat, readdir, readFile, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile } from '@plumbline/storage';
import { z } from 'zod';
import type { Isolation } from '../isolation/isolation.ts';
import { withFileLock } from './fileLock.ts';
import { removeFolder } from './removeFolder.ts';

/**
 * What a host keeps so that nobody waits for it twice: prepared environments and data, and on other machines families and bundles. What no
 * attempt's folder there needs and nobody has used for long is removed, so that it does not grow for ever.
 */

const DAY_MS = 24 * 3_600_000;
const KEPT_UNUSED_MS = 30 * DAY_MS;
/** On a disk that is getting full room is worth more than the time in which something is made again. */
const KEPT_WHEN_SHORT_MS = DAY_MS;
const SHORT_BYTES = 20 * 1024 ** 3;
/** What somebody was at for longer than this is of somebody who died. */
const PARTIAL_MS = 7 * DAY_MS;
const PARTIAL = /^\.|\.(building|new|removed|partial)$/;
const LOCKS = '.locks';
/** Who holds a lock for longer works on what it locks. */
const LOCK_WITHIN_MS = 1_000;

const USES_NAME = 'uses.json';
const Uses = z.array(z.string());
/** See `provision.ts` of the runner. */
const FACTS_NAME = 'task.json';
const TaskFacts = z.object({ contentHash: z.string() });

/** Notes that what is at `path` was used now. Returns whether it is there, also where only its owner may note that. */
export async function markUsed(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

/** Notes in a runner's folder what of its host's caches it needs for as long as that folder stands. */
export async function noteUses(stateDir: string, paths: readonly (string | null)[]): Promise<void> {
  await replaceFile(join(stateDir, USES_NAME), JSON.stringify(paths.filter((path) => path !== null)), 0o600);
}

/** What the runners' folders need. One that does not say so is from before that was noted, and its environment is known by its content. */
async function usedPaths(runnersDir: string, imageDir: string): Promise<string[]> {
  const lists = await Promise.all(
    (await readdir(runnersDir).catch(() => [])).map(async (name) => {
      const read = (file: string) => readFile(join(runnersDir, name, file), 'utf8').then(JSON.parse, () => null);
      const noted = Uses.nullable().parse(await read(USES_NAME));
      if (noted !== null) return noted;
      const facts = TaskFacts.nullable().parse(await read(FACTS_NAME));
      if (facts === null) return [];
      return (await readdir(imageDir).catch(() => []))
        .filter((image) => image.startsWith(facts.contentHash))
        .map((image) => join(imageDir, image));
    }),
  );
  return lists.flat();
}

async function isShortOfRoom(dir: string): Promise<boolean> {
  const disk = await statfs(dir);
  return disk.bavail * disk.bsize < SHORT_BYTES;
}

const isOlder = (thenMs: number, ageMs: number) => Date.now() - thenMs > ageMs;

export interface UnusedFolder {
  readonly path: string;
  readonly usedAtMs: number;
}

/** The folders in `dir` that were last used longer ago than `ageMs`, or that somebody left half made. */
export async function unusedIn(dir: string, ageMs = KEPT_UNUSED_MS): Promise<UnusedFolder[]> {
  const found: UnusedFolder[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || entry.name === LOCKS) continue;
    const path = join(dir, entry.name);
    const usedAtMs = (await stat(path).catch(() => null))?.mtimeMs ?? Date.now();
    if (isOlder(usedAtMs, PARTIAL.test(entry.name) ? PARTIAL_MS : ageMs)) found.push({ path, usedAtMs });
  }
  return found;
}

/**
 * Removes a folder unless it was used meanwhile, or `first` rejects. Whoever comes for it finds it whole or not at all.
 *
 * @returns whether it was removed.
 */
export async function removeUnused(
  { path, usedAtMs }: UnusedFolder,
  first: (aside: string) => Promise<void> = async () => {},
): Promise<boolean> {
  const aside = PARTIAL.test(basename(path)) ? path : `${path}.removed`;
  if (aside !== path) await rename(path, aside);
  const isStillUnused = (await stat(aside)).mtimeMs === usedAtMs;
  const mayGo =
    isStillUnused &&
    (await first(aside).then(
      () => true,
      () => false,
    ));
  if (mayGo) await removeFolder(aside);
  else await rename(aside, path);
  return mayGo;
}

/** Does what a lock is taken for, unless somebody else holds it, or it fails. */
async function locked(locksDir: string, path: string, work: () => Promise<boolean>): Promise<boolean> {
  const name = basename(path).replace(/\.(building|removed)$/, '');
  const taking = new AbortController();
  const timer = setTimeout(() => taking.abort(), LOCK_WITHIN_MS);
  const begin = () => {
    clearTimeout(timer);
    return work();
  };
  return withFileLock(join(locksDir, name), begin, taking.signal).catch(() => false);
}

export interface HostCaches {
  readonly runnersDir: string;
  readonly imageDir: string;
  readonly assetsDir: string;
  readonly isolation: Pick<Isolation, 'discardImage'>;
}

/**
 * Removes from this host the prepared environments and data that no runner's folder needs and that were not used for 30 days, or for one
 * where the disk has less than 20 GiB left. What cannot be removed now is left for the next time.
 *
 * @returns the paths that were removed.
 */
export async function removeUnusedCaches({ runnersDir, imageDir, assetsDir, isolation }: HostCaches): Promise<string[]> {
  const used = await usedPaths(runnersDir, imageDir);
  const isNeeded = (path: string) => used.some((one) => one === path || one.startsWith(`${path}/`));
  const ageMs = (await isShortOfRoom(runnersDir)) ? KEPT_WHEN_SHORT_MS : KEPT_UNUSED_MS;
  const removed: string[] = [];
  const remove = async (folder: UnusedFolder, locksDir: string, first: (aside: string) => Promise<void>) => {
    const { path } = folder;
    if (!isNeeded(path) && (await locked(locksDir, path, () => removeUnused(folder, first)))) removed.push(path);
  };
  for (const folder of await unusedIn(imageDir, ageMs)) {
    await remove(folder, join(imageDir, LOCKS), async (aside) => isolation.discardImage?.(aside));
  }
  const blobs = join(assetsDir, 'sha256');
  const freed = new Set<number>();
  for (const folder of await unusedIn(join(assetsDir, 'sets'), ageMs)) {
    await remove(folder, join(blobs, LOCKS), async (aside) => {
      for (const inode of await inodesBelow(aside)) freed.add(inode);
    });
  }
  for (const name of await readdir(blobs).catch(() => [])) {
    const path = join(blobs, name);
    const entry = await lstat(path);
    if (!entry.isFile()) continue;
    // The last link of a set that is gone, or of none at all: laid by hand, it is as old as its last change of name or place.
    const isUnused = entry.nlink === 1 && (freed.has(entry.ino) || isOlder(entry.ctimeMs, ageMs));
    if (!(PARTIAL.test(name) ? isOlder(entry.mtimeMs, PARTIAL_MS) : isUnused)) continue;
    await rm(path, { force: true });
    removed.push(path);
  }
  return removed;
}

async function inodesBelow(dir: string): Promise<number[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => lstat(join(entry.parentPath, entry.name)));
  return (await Promise.all(files)).map(({ ino }) => ino);
}
