import { execFile } from 'node:child_process';
import { lstat, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { mountPoints } from './mounts.ts';

const run = promisify(execFile);
const ENV = { PATH: '/usr/bin:/bin', LANG: 'C' };
const OUTPUT_MAX_BYTES = 1024 ** 2;

/** Whether there is a folder at `path` itself; a link in its place is never followed. */
export async function isFolder(path: string): Promise<boolean> {
  const entry = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (entry !== null && !entry.isDirectory()) {
    throw new AppError('conflict', `${path} is no folder, so it is left alone. Look at what it is, and remove it by hand.`);
  }
  return entry !== null;
}

/**
 * Removes a folder with all that a participant may have made in it: names that lead far deeper than a path can say, and folders
 * that even their owner may not enter. Links are removed and never followed. Nothing to do where there is none.
 *
 * @throws AppError `conflict` where it is no folder, something is mounted in it that is not its own, or this user may not remove all of it.
 */
export async function removeFolder(path: string): Promise<void> {
  if (!(await isFolder(path))) return;
  const real = await realpath(path);
  const mounted = (await mountPoints()).filter((point) => point === real || point.startsWith(`${real}/`));
  if (mounted.length > 0) throw new AppError('conflict', `Something is mounted at ${mounted[0]}. Unmount it first.`);
  try {
    if (process.getuid?.() !== 0) {
      const closed = ['-xdev', '-type', 'd', '!', '-perm', '-u=rwx', '-execdir', 'chmod', 'u+rwx', '{}', ';'];
      await run('find', [real, ...closed], { cwd: '/', env: ENV, maxBuffer: OUTPUT_MAX_BYTES });
    }
    // Walks by descriptors, which neither long paths nor a link that takes a folder's place can lead astray.
    await run('rm', ['-rf', '--one-file-system', '--', real], { cwd: '/', env: ENV, maxBuffer: OUTPUT_MAX_BYTES });
  } catch (error) {
    throw new AppError('conflict', 'Not everything in its folder could be removed. The log of the worker has the cause.', {
      cause: error,
    });
  }
}
