import { stat } from 'node:fs/promises';
import type { Sandbox } from '@plumbline/sandbox';

/** As long as what is counted may be old by: a folder of a hundred thousand files takes a second of the disk's time. */
const WALK_TIMEOUT_MS = 20_000;
const BYTES_PER_BLOCK = 1024;

/** A workspace that is no disk of its own: nothing keeps it to its bytes, so that what it takes is counted, and told as a disk's is. */
export interface WatchedDisk {
  readonly limitBytes: number;
  /** What is in it now; null where that cannot be counted in time. */
  usedBytes(): Promise<number | null>;
}

/** The workspace as a disk to watch; null where it has no limit, or is a disk of its own, which holds it. */
export async function watchedDisk(
  sandbox: Pick<Sandbox, 'run' | 'paths'>,
  { workspaceDir, stateDir, diskBytes }: { workspaceDir: string; stateDir: string; diskBytes: number | null },
): Promise<WatchedDisk | null> {
  if (diskBytes === null || (await stat(workspaceDir)).dev !== (await stat(stateDir)).dev) return null;
  return {
    limitBytes: diskBytes,
    usedBytes: async () => {
      const walk = ['du', '--summarize', `--block-size=${BYTES_PER_BLOCK}`, '--one-file-system', sandbox.paths.home];
      const { stdout, timedOut } = await sandbox.run('platform', walk, { timeoutMs: WALK_TIMEOUT_MS, maxOutputBytes: 1_000 });
      // It ends with an error where files went while it walked, and has counted the rest.
      const blocks = timedOut ? undefined : /^(\d+)\s/.exec(stdout.toString())?.[1];
      return blocks === undefined ? null : Number(blocks) * BYTES_PER_BLOCK;
    },
  };
}
