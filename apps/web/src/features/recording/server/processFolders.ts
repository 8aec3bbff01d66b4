import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders for what this process makes of recordings: they end with it, and what one that was killed left goes with the next. */

const PREFIX = `plumbline-snapshots-${hostname()}-`;

// A development server loads modules again after a change, and must not watch for its end each time.
const held = globalThis as typeof globalThis & { plumblineFolders?: Set<string> };

/** Makes an empty folder that is removed when this process ends. */
export function makeProcessFolder(): Promise<string> {
  if (held.plumblineFolders === undefined) {
    const folders = new Set<string>();
    held.plumblineFolders = folders;
    removeLeftBehind();
    process.once('exit', () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
  }
  const folders = held.plumblineFolders;
  return mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`)).then((folder) => {
    folders.add(folder);
    return folder;
  });
}

/** Removes one at once. */
export function removeProcessFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  held.plumblineFolders?.delete(folder);
}

function removeLeftBehind(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(/^(\d+)-/.exec(name.slice(PREFIX.length))?.[1]) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user's lives too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
