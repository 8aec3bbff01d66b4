import { join } from 'node:path';
import type { HostPlacement } from '@plumbline/protocol';
import { type RunnerBundle, runnerBundle } from './bundle/runnerBundle.ts';
import { localPlacement } from './local.ts';
import type { Placement } from './placement.ts';
import { slurmPlacement } from './slurm/slurm.ts';
import { sshPlacement } from './ssh/ssh.ts';

/** What of this installation a placement works with. */
export interface Installation {
  /** The repository's folder: other machines are given what a runner needs of it. */
  readonly repository: string;
  readonly dirs: { readonly runners: string; readonly images: string; readonly assets: string; readonly bundles: string };
}

/** How runners are started on a host that is reached like this. */
export function placementFor(reach: HostPlacement, installation: Installation): Placement {
  const { repository, dirs } = installation;
  // Packed once for the life of this process, and again after a failure.
  let packing: Promise<RunnerBundle> | null = null;
  const bundle = () => {
    packing ??= runnerBundle(repository, dirs.bundles).catch((error: unknown) => {
      packing = null;
      throw error;
    });
    return packing;
  };
  switch (reach.placement) {
    case 'local':
      return localPlacement({
        runnerEntry: join(repository, 'apps/runner/src/main.ts'),
        runnersDir: dirs.runners,
        imageDir: dirs.images,
        assetsDir: dirs.assets,
      });
    case 'ssh':
      return sshPlacement({ settings: reach.settings, bundle, cacheDir: dirs.bundles });
    case 'slurm':
      return slurmPlacement({ settings: reach.settings, runner: { bundle } });
  }
}
