import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/**
 * What is on the disk after a power cut. Without a sync a file that was written whole and renamed may have its new name and no content
 * for half a minute.
 */

/** Has on the disk what a file has, or which names a folder has: a file whose name is not is gone after a power cut, synced or not. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Has on the disk which names a folder has, before anything else happens. */
export function syncFolderSync(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Other processes may write the same. */
const halfOf = (path: string) => `${path}.${process.pid}.new`;

/** Writes a file whole or not at all, a power cut included: whoever reads it meanwhile has what was there before. */
export async function replaceFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const half = halfOf(path);
  await writeFile(half, content, { mode, flush: true });
  await rename(half, path);
  await sync(dirname(path));
}

/** `replaceFile`, before anything else happens. */
export function replaceFileSync(path: string, content: string | Uint8Array, mode: number): void {
  const half = halfOf(path);
  writeFileSync(half, content, { mode, flush: true });
  renameSync(half, path);
  syncFolderSync(dirname(path));
}

/**
 * Reads a file, which is made where there is none. Of several who do so at once the first one wins, and all have what it wrote; it is on
 * the disk before anybody has it.
 */
export function readOrCreateSync(path: string, make: () => string | Uint8Array, mode: number): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const half = `${path}.tmp-${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(half, make(), { flag: 'wx', mode, flush: true });
    // Fails where the file exists already.
    linkSync(half, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(half, { force: true });
  }
  syncFolderSync(dirname(path));
  return readFileSync(path);
}

/** Has on the disk everything that was written until now to the file systems of these folders, whoever wrote it. */
export async function syncFileSystems(...folders: string[]): Promise<void> {
  await promisify(execFile)('/usr/bin/sync', ['--file-system', ...folders]);
}
