import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Has on the disk which names a folder has: a file whose name is not is gone after a power cut, synced or not. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
