import { closeSync, openSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { basename, dirname } from 'node:path';

/**
 * Listens on a Unix socket that users of sandboxes may connect to, in place of what an earlier process left there. Rejects with
 * what the system says where the socket cannot be made. Whoever closes the server removes the file.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  // A socket's path may have 107 bytes, and folders of attempts have more: it is reached through its folder instead.
  const folder = openSync(dirname(path), 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`/proc/self/fd/${folder}/${basename(path)}`, resolve);
    });
  } finally {
    closeSync(folder);
  }
  // Only sandboxes see the folder, with users of their own.
  await chmod(path, 0o666);
}
