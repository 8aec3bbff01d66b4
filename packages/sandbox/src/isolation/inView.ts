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
