import { constants } from 'node:fs';
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where in the tree of version 2 a sandbox's group is made. */

export interface OwnPlace {
  /** The folder of this process's own group, and the mount's top. */
  readonly own: string;
  readonly top: string;
  /** The job of a Slurm cluster that this process belongs to; null for none. */
  readonly jobId: string | null;
}

/** Makes a group's folder, or takes the one that is there; false where it may not be made. */
export async function makeGroupFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST';
  }
}

async function controllersOf(folder: string): Promise<string[]> {
  return (await readFile(join(folder, 'cgroup.controllers'), 'utf8').catch(() => '')).split(/\s+/);
}

/** The folder that no group of this process's is made above: outside its job's own, neither the job's limits nor its end would hold it. */
function outermost({ own, top, jobId }: OwnPlace): string {
  if (jobId === null) return top;
  for (let folder = own; folder.startsWith(top) && folder !== top; folder = dirname(folder)) {
    if (basename(folder) === `job_${jobId}`) return folder;
  }
  return top;
}

/**
 * Makes a group in the nearest folder upwards that gives all the limits asked for, else in the nearest of those that give most of
 * them. A limit on processor time is taken where it is offered beside them.
 *
 * @returns its folder; null where processes can be put nowhere.
 */
export async function makeInTree(name: string, place: OwnPlace, wanted: readonly string[]): Promise<string | null> {
  const last = outermost(place);
  let best = null as { readonly folder: string; readonly count: number } | null;
  for (let parent = place.own; ; parent = dirname(parent)) {
    const writable = await access(join(parent, 'cgroup.procs'), constants.W_OK).then(
      () => true,
      () => false,
    );
    const folder = join(parent, name);
    if (writable && (await makeGroupFolder(folder))) {
      const offered = await controllersOf(parent);
      const enable = (controllers: string[]) =>
        writeFile(join(parent, 'cgroup.subtree_control'), controllers.map((c) => `+${c}`).join(' ')).catch(() => undefined);
      const limiting = wanted.filter((controller) => offered.includes(controller));
      if (limiting.length > 0) await enable(limiting);
      // By itself, since a kernel may refuse it for the real-time processes of the group, and takes all or none.
      if (offered.includes('cpu')) await enable(['cpu']);
      const has = await controllersOf(folder);
      const count = wanted.filter((controller) => has.includes(controller)).length;
      const isBest: boolean = best === null || count > best.count;
      const dropped: string | undefined = isBest ? best?.folder : folder;
      if (isBest) best = { folder, count };
      if (dropped !== undefined) await rmdir(dropped).catch(() => undefined);
      if (count === wanted.length) return folder;
    }
    if (parent === last || !dirname(parent).startsWith(place.top)) return best?.folder ?? null;
  }
}
