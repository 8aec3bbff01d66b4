import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { markUsed, removeUnused, unusedIn } from '../../host/unusedCaches.ts';
import { BUNDLE_NODE, BUNDLE_RUNNER, type RunnerBundle } from '../bundle/runnerBundle.ts';
import type { NodePrograms } from './jobScript.ts';

const BUNDLE_END_LEFTOVERS = 'packages/sandbox/src/placement/slurm/endLeftovers.ts';
const UNPACK_TIMEOUT_MS = 300_000;

/** The runner's bundle where every node sees it, unpacked once for each content. */
export async function publishBundle(bundle: RunnerBundle, sharedDir: string): Promise<NodePrograms> {
  const bundles = join(sharedDir, 'bundles');
  const dir = join(bundles, bundle.hash);
  if (!(await markUsed(dir))) {
    const partial = join(bundles, `.${bundle.hash}.${randomUUID()}`);
    await mkdir(partial, { recursive: true, mode: 0o755 });
    await promisify(execFile)('tar', ['--extract', '--gzip', `--file=${bundle.path}`, `--directory=${partial}`], {
      timeout: UNPACK_TIMEOUT_MS,
    });
    await publish(partial, dir);
    await removeUnusedIn(bundles);
  }
  return { node: join(dir, BUNDLE_NODE), runner: join(dir, BUNDLE_RUNNER), endLeftovers: join(dir, BUNDLE_END_LEFTOVERS) };
}

/** Puts a folder in its place in one step, unless somebody else has just done the same. */
export async function publish(partial: string, target: string): Promise<void> {
  await rename(partial, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(partial, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/** Removes from a folder of published ones those that no job was given for 30 days: none runs so long. */
export async function removeUnusedIn(dir: string): Promise<void> {
  for (const folder of await unusedIn(dir)) await removeUnused(folder).catch(() => false);
}

/** The programs of this installation by their own paths, for nodes that see it as this machine does. */
export function ownPrograms(runnerEntry: string): NodePrograms {
  return { node: process.execPath, runner: runnerEntry, endLeftovers: fileURLToPath(new URL('./endLeftovers.ts', import.meta.url)) };
}
