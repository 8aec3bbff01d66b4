import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { HostInventory } from '@plumbline/protocol';

/** A folder of millions of files on a slow disk is not worth the wait of whoever checks a host. */
const TIMEOUT_MS = 20_000;
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LANG: 'C' };

/** What the folders of a host take on its disk. Null for one that takes long to look through. */
export async function keptBytes(dataDir: string): Promise<NonNullable<HostInventory['kept']>> {
  const [environmentBytes, assetBytes, attemptBytes] = await Promise.all(
    ['images', 'assets', 'runners'].map((name) => bytesBelow(join(dataDir, name))),
  );
  return { environmentBytes: environmentBytes ?? null, assetBytes: assetBytes ?? null, attemptBytes: attemptBytes ?? null };
}

function bytesBelow(dir: string): Promise<number | null> {
  return new Promise((resolve) => {
    // What is mounted in it, such as a workspace's disk, is counted as the file that it is.
    execFile('du', ['-sxB1', '--', dir], { timeout: TIMEOUT_MS, env: ENVIRONMENT }, (error, stdout) => {
      const wasCutShort = error?.killed === true;
      // It fails for what vanished meanwhile too, and for a folder that is not there.
      resolve(wasCutShort ? null : Number(/^\d+/.exec(stdout)?.[0] ?? 0));
    });
  });
}
