import { chmod, chown, lchown, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostEnvironment } from '../../host/hostEnvironment.ts';
import { runHostCommand } from '../../host/hostProcess.ts';
import { claimHostUid, giveTree, releaseHostUid } from '../hostUid.ts';
import { buildOnce, installExec, installVariables, pipTarget } from '../image.ts';
import { IN_VIEW_PATHS, SYSTEM_PATH, viewEnvironment } from '../inView.ts';
import type { PreparedImage, PrepareImageOptions } from '../isolation.ts';
import { copyAssets, makeReadable, requireReachable } from '../sandboxState.ts';
import { entererCommand } from './enterer.ts';
import { BWRAP, builderArguments, writeEtc } from './views.ts';

async function giveBack(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveBack(child);
    await lchown(child, 0, 0);
  }
  await chown(path, 0, 0);
}

/** An image is folders: what `install` leaves in the family's copy and beside the system's packages, seen by every sandbox made of it. */
export async function prepareBubblewrapImage(options: PrepareImageOptions): Promise<PreparedImage> {
  return buildOnce(options, async (dir) => {
    const parts = {
      root: join(dir, 'family'),
      env: join(dir, 'env'),
      etc: join(dir, 'etc'),
      assets: join(dir, 'assets'),
      certificates: join(dir, 'certificates'),
    };
    await mkdir(parts.certificates);
    await writeEtc(parts.etc, null);
    await copyAssets(parts.assets, options.assets);
    const uid = await claimHostUid(dir, null);
    try {
      const variables = await installVariables(hostEnvironment(), parts.certificates, '/run/certificates');
      const args = await builderArguments(parts);
      for (const path of Object.values(parts)) await requireReachable(path, uid);
      if (uid !== null) for (const path of [parts.root, parts.env]) await giveTree(path, uid);
      const base = {
        ...viewEnvironment('scorer', IN_VIEW_PATHS, SYSTEM_PATH),
        ...pipTarget(IN_VIEW_PATHS.env),
        ...variables,
        ...options.env,
      };
      const exec = installExec(options, (argv, run) => {
        const cwd = run.cwd ?? IN_VIEW_PATHS.root;
        const command = entererCommand({ mode: 'launch', uid }, [BWRAP, ...args, '--new-session', '--chdir', cwd, '--', ...argv], {
          ...base,
          ...run.env,
        });
        return runHostCommand(command, run, async () => null);
      });
      await options.install(exec, IN_VIEW_PATHS);
      if (uid !== null) {
        for (const path of [parts.root, parts.env]) await giveBack(path);
        await makeReadable(parts.env);
        // The scorer's files: each sandbox gets its copy from root, and no other user of the host has a reason to look.
        await chmod(parts.root, 0o700);
      }
    } finally {
      await releaseHostUid(dir, uid);
    }
    for (const path of [parts.etc, parts.assets, parts.certificates]) await rm(path, { recursive: true, force: true });
  });
}
