import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AppError } from '@plumbline/core';

/**
 * Runs `work` while holding the kernel's lock on a file, which every process of this host respects and which the kernel
 * frees when its holder dies. The file stays.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  // One process from first to last: each takes the place of the one before it, with the lock.
  const holder = spawn('/usr/bin/flock', ['--no-fork', '--exclusive', path, '/bin/sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise<'ended'>((resolve) => {
    holder.once('error', () => resolve('ended'));
    holder.once('exit', () => resolve('ended'));
  });
  const stop = () => holder.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    if ((await Promise.race([once(holder.stdout, 'data'), ended])) === 'ended') {
      signal?.throwIfAborted();
      throw new AppError(
        'unavailable',
        'A lock of this host could not be taken. The `flock` command (package util-linux) must be installed.',
      );
    }
    return await work();
  } finally {
    signal?.removeEventListener('abort', stop);
    holder.stdin.end();
    await ended;
  }
}
