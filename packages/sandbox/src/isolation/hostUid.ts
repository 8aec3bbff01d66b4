import { statSync } from 'node:fs';
import { lchown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { withFileLock } from '../host/fileLock.ts';
import { allPids } from '../host/processTable.ts';

/**
 * As root, each sandbox runs as a host user of its own: root inside a user namespace would read the host's files, and is
 * exempt from process limits. Numbers are claimed in one folder of the host, a file per number that names its sandbox.
 */
const CLAIMS_DIR = '/run/plumbline/uids';
const COUNT = 10_000;
/** The first is a range that no distribution hands out; the others are for containers that map fewer numbers. */
const BASES = [1_900_000_000, 200_000, 40_000];

async function firstMappedBase(): Promise<number> {
  const map = await readFile('/proc/self/uid_map', 'utf8');
  const ranges = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const base = BASES.find((candidate) =>
    ranges.some(([start = 0, , length = 0]) => start <= candidate && candidate + COUNT <= start + length),
  );
  if (base === undefined)
    throw new AppError(
      'sandbox_unavailable',
      'This host gives too few user numbers for sandboxes. Run Plumbline as an ordinary user instead of root.',
    );
  return base;
}

function uidsInUse(): Set<number> {
  const used = new Set<number>();
  for (const pid of allPids()) {
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
    if (owner) used.add(owner.uid);
  }
  return used;
}

/**
 * A host uid for the sandbox in `dir`: the one it had where that is still its own or free, else a new one. Null for an
 * ordinary user, whose own uid stands for the participant.
 */
export async function claimHostUid(dir: string, preferred: number | null): Promise<number | null> {
  if (process.getuid?.() !== 0) return null;
  await mkdir(CLAIMS_DIR, { recursive: true, mode: 0o700 });
  return withFileLock(join(CLAIMS_DIR, 'lock'), async () => {
    const base = await firstMappedBase();
    const claims = new Map<number, string>();
    for (const name of await readdir(CLAIMS_DIR)) {
      if (!/^\d+$/.test(name)) continue;
      const owner = await readFile(join(CLAIMS_DIR, name), 'utf8');
      // A claim whose sandbox folder is gone was left by a host that lost power or an operator who removed it.
      if (await stat(owner).catch(() => null)) claims.set(Number(name), owner);
    }
    for (const [uid, owner] of claims) if (owner === dir) return uid;
    const used = uidsInUse();
    const free = (uid: number) => !claims.has(uid) && !used.has(uid);
    let uid = preferred !== null && free(preferred) ? preferred : null;
    for (let n = 0; uid === null && n < COUNT; n++) if (free(base + n)) uid = base + n;
    if (uid === null) throw new AppError('sandbox_unavailable', 'Every user number for sandboxes is in use on this host.');
    await writeFile(join(CLAIMS_DIR, String(uid)), dir);
    return uid;
  });
}

/** Gives the number back. Idempotent. */
export async function releaseHostUid(dir: string, uid: number | null): Promise<void> {
  if (uid === null || process.getuid?.() !== 0) return;
  await mkdir(CLAIMS_DIR, { recursive: true, mode: 0o700 });
  await withFileLock(join(CLAIMS_DIR, 'lock'), async () => {
    const path = join(CLAIMS_DIR, String(uid));
    if ((await readFile(path, 'utf8').catch(() => null)) === dir) await rm(path, { force: true });
  });
}

/** Gives a tree to a user; links themselves, never what they point at. Nothing to do where its top is the user's already. */
export async function giveTree(path: string, uid: number): Promise<void> {
  if ((await stat(path)).uid === uid) return;
  const walk = async (dir: string): Promise<void> => {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const child = join(dir, entry.name);
      if (entry.isDirectory()) await walk(child);
      await lchown(child, uid, uid);
    }
  };
  await walk(path);
  // Last, so that a walk cut short is done again.
  await lchown(path, uid, uid);
}
