import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@plumbline/core';
import { CHANNELS } from '@plumbline/database/channels';
import type { Database } from '@plumbline/database/client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { bundlesOf } from '@plumbline/recording/snapshotChain';
import type { DiffAnswer, TreeAnswer } from '../../replay/model/recordingApi.ts';
import { makeProcessFolder, removeProcessFolder } from './processFolders.ts';
import type { ReadBundle } from './snapshotSource.ts';

/**
 * The snapshots of an attempt as a git repository of this process's own, made of their bundles and thrown away with the
 * process, or with the recording. Everything in it is the participant's: only plumbing touches it, without their attributes, filters or hooks.
 */

const REPOSITORIES_KEPT = 4;
const FILES_MAX = 20_000;
const PATCH_MAX_BYTES = 1024 * 1024;
const LIST_MAX_BYTES = 16 * 1024 * 1024;
const GIT_TIMEOUT_MS = 30_000;
const GIT_ENV = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  HOME: '/nonexistent',
  LC_ALL: 'C',
};

interface Repository {
  readonly dir: string;
  /** The bundles that are in it. One that arrives late stands among those that came before it. */
  readonly taken: Set<string>;
}

/** What is known of the snapshots of an attempt. */
type Snapshots = Pick<RecordingIndex, 'attemptId' | 'snapshots' | 'lostBlobs'>;

const repositories = new Map<string, Promise<Repository>>();

/** The files of a snapshot. Throws `not_found` for a commit that is none of the attempt's. */
export async function snapshotTree(index: Snapshots, read: ReadBundle, commit: string): Promise<TreeAnswer> {
  const { dir } = await repositoryWith(index, read, [commit]);
  const { output, truncated } = await git(dir, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit], LIST_MAX_BYTES);
  // Each row ends with a NUL: what comes after the last one is a row that was cut.
  const files = output
    .split('\0')
    .slice(0, -1)
    .map((row) => {
      const tab = row.indexOf('\t');
      return { path: row.slice(tab + 1), size: Number(row.slice(0, tab).trim().split(/ +/)[3]) || 0 };
    });
  return { files: files.slice(0, FILES_MAX), truncated: truncated || files.length > FILES_MAX };
}

/** What changed from one snapshot to another, as a unified diff. */
export async function snapshotDiff(index: Snapshots, read: ReadBundle, from: string, to: string): Promise<DiffAnswer> {
  const { dir } = await repositoryWith(index, read, [from, to]);
  const { output, truncated } = await git(dir, ['diff', '--no-ext-diff', '--no-textconv', '--no-color', '-M', from, to], PATCH_MAX_BYTES);
  return { patch: output, truncated };
}

function repositoryWith(index: Snapshots, read: ReadBundle, commits: string[]): Promise<Repository> {
  for (const commit of commits) {
    if (!index.snapshots.some((snapshot) => snapshot.commit === commit)) throw new AppError('not_found', 'There is no such snapshot.');
  }
  const { attemptId } = index;
  const before = (repositories.get(attemptId) ?? newRepository()).catch(newRepository);
  const next = before.then((repository) => takeBundles(repository, index, read, commits));
  repositories.delete(attemptId);
  // Where a bundle could not be taken those before it are in all the same.
  repositories.set(
    attemptId,
    next.catch(() => before),
  );
  for (const oldest of repositories.keys()) {
    if (repositories.size <= REPOSITORIES_KEPT) break;
    forgetHistory(oldest);
  }
  return next;
}

/** Removes what was made of an attempt's snapshots. It is made again where it is asked for, as long as it can be read. */
export function forgetHistory(attemptId: string): void {
  const repository = repositories.get(attemptId);
  repositories.delete(attemptId);
  repository?.then(
    ({ dir }) => removeProcessFolder(dir),
    () => {},
  );
}

/** From now on a recording that is erased takes along what was made of its snapshots here. */
export async function forgetErasedHistories(db: Database): Promise<void> {
  await db.listen(CHANNELS.erased, forgetHistory, {
    // Some may have been missed.
    onReconnect: () => {
      for (const attemptId of repositories.keys()) forgetHistory(attemptId);
    },
  });
}

async function newRepository(): Promise<Repository> {
  const dir = await makeProcessFolder();
  await git(dir, ['init', '--quiet', '--bare'], LIST_MAX_BYTES);
  return { dir, taken: new Set() };
}

/** Takes the bundles that these commits rest on; each builds on those before it. */
async function takeBundles(repository: Repository, index: Snapshots, read: ReadBundle, commits: string[]): Promise<Repository> {
  const bundles = commits.flatMap((commit) => bundlesOf(index, commit) ?? lost());
  for (const bundle of bundles) {
    if (repository.taken.has(bundle)) continue;
    const content = await read(bundle);
    // Uploaded behind the event that names it: a running attempt's newest may not be here yet.
    if (content === null) throw new AppError('unavailable', 'The snapshot is not stored yet. Try again in a moment.');
    const file = join(repository.dir, 'next.bundle');
    await pipeline(content, createWriteStream(file));
    await git(repository.dir, ['bundle', 'unbundle', file], LIST_MAX_BYTES);
    repository.taken.add(bundle);
  }
  return repository;
}

function lost(): never {
  throw new AppError('not_found', 'This copy of the workspace was lost before it was stored. The next one has the files again.');
}

function git(dir: string, args: string[], maxBytes: number): Promise<{ output: string; truncated: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=false', `--git-dir=${dir}`, ...args], {
      cwd: dir,
      env: GIT_ENV as unknown as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: GIT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const pieces: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= maxBytes) pieces.push(piece);
      else child.kill('SIGKILL');
    });
    child.stderr.on('data', (piece: Buffer) => (errors = (errors + piece.toString()).slice(-2000)));
    const failed = (cause: unknown) => reject(new AppError('unavailable', 'The snapshots of the workspace could not be read.', { cause }));
    child.on('error', failed);
    child.on('close', (code) => {
      const truncated = bytes > maxBytes;
      if (code === 0 || truncated) resolve({ output: Buffer.concat(pieces).toString('utf8'), truncated });
      else failed(new Error(`git ${args[0]}: ${errors}`));
    });
  });
}
