import { join } from 'node:path';
import type { HostPlacement } from '@plumbline/protocol';
import { type RunnerBundle, runnerBundle } from './bundle/runnerBundle.ts';
import { localPlacement } from './local.ts';
import type { CheckedPlacement, Placement } from './placement.ts';
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
  if (reach.placement !== 'local') return remotePlacementFor(reach, installation);
  const { repository, dirs } = installation;
  return localPlacement({
    runnerEntry: join(repository, 'apps/runner/src/main.ts'),
    runnersDir: dirs.runners,
    imageDir: dirs.images,
    assetsDir: dirs.assets,
  });
}

export function remotePlacementFor(
  reach: Exclude<HostPlacement, { placement: 'local' }>,
  { repository, dirs }: Installation,
): CheckedPlacement {
  // Packed once for the life of this process, and again after a failure.
  let packing: Promise<RunnerBundle> | null = null;
  const bundle = () => {
    packing ??= runnerBundle(repository, dirs.bundles).catch((error: unknown) => {
      packing = null;
      throw error;
    });
    return packing;
  };
  return reach.placement === 'ssh'
    ? sshPlacement({ settings: reach.settings, bundle, cacheDir: dirs.bundles })
    : slurmPlacement({ settings: reach.settings, runner: { bundle } });
}
