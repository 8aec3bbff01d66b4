import type { SandboxPaths, View } from './isolation.ts';

/** What every isolation with views of its own shows alike: paths, the participant, variables, the system's Python. */

export const IN_VIEW_PATHS: SandboxPaths = {
  home: '/home/agent',
  root: '/root',
  protected: '/protected',
  env: '/opt/env',
  run: '/run/plumbline',
  store: '/store',
  assets: '/run/assets',
};

export const AGENT_UID = 1000;
/** The system's own interpreter: one found on the path may lie in a home folder that no sandbox sees. */
export const PYTHON = '/usr/bin/python3';
/** Of a system that names no other path. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of a view before the family's own variables. */
export function viewEnvironment(view: View, paths: SandboxPaths, systemPath: string): Record<string, string> {
  const env: Record<string, string> = {
    PATH: [...(view === 'participant' ? [`${paths.run}/bin`] : []), `${paths.env}/bin`, `${paths.env}/lib/python/bin`, systemPath].join(
      ':',
    ),
    HOME: view === 'scorer' ? paths.root : paths.home,
    USER: 'agent',
    LOGNAME: 'agent',
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    PYTHONPATH: `${paths.env}/lib/python`,
    PLUMBLINE_HOME: paths.home,
    PLUMBLINE_ENV: paths.env,
  };
  if (view === 'participant') env['PLUMBLINE_RUN'] = paths.run;
  if (view === 'scorer') {
    env['PLUMBLINE_ROOT'] = paths.root;
    env['PLUMBLINE_PROTECTED'] = paths.protected;
    env['PLUMBLINE_ASSETS'] = paths.assets;
  }
  return env;
}

const BYTES_PER_GB = 1024 ** 3;
/** Loaders of training data share batches through it. It takes memory only where it is used, and counts as the view's. */
const SHM_UNLIMITED_BYTES = 8 * BYTES_PER_GB;
const SHM_MIN_BYTES = 64 * 1024 ** 2;

/**
 * How much the folders hold that lie in memory; null: as much as the system lets them. Together less than the memory limit: what
 * fills them gets an error, and leaves room to remove it again.
 */
export function foldersInMemory(memoryBytes: number | null): { '/dev/shm': number; '/tmp': number | null; '/var/tmp': number | null } {
  if (memoryBytes === null) return { '/dev/shm': SHM_UNLIMITED_BYTES, '/tmp': null, '/var/tmp': null };
  const share = (part: number) => Math.floor(memoryBytes * part);
  return { '/dev/shm': Math.max(SHM_MIN_BYTES, share(1 / 2)), '/tmp': share(1 / 4), '/var/tmp': share(1 / 8) };
}
