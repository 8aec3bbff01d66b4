import { fileURLToPath } from 'node:url';
import { PYTHON } from '../inView.ts';
import type { HostCommand } from '../isolation.ts';

const ENTER_PROGRAM = fileURLToPath(new URL('../../../python/enter.py', import.meta.url));

/** What `enter.py` is told; see there. */
export interface EntererConfig {
  mode: 'launch' | 'enter';
  uid: number | null;
  cgroups?: string[];
  oomScore?: number;
  rlimits?: Record<string, number>;
  network?: number | undefined;
  pid?: number;
  cwd?: string;
  tty?: boolean;
}

function words({ mode, uid, cgroups = [], oomScore, rlimits = {}, network, pid, cwd, tty = false }: EntererConfig): string[] {
  const given = Object.entries({ uid: uid ?? undefined, oomScore, network, pid, cwd }).filter(([, value]) => value !== undefined);
  return [
    mode,
    ...given.map(([name, value]) => `${name}=${value}`),
    ...cgroups.map((path) => `cgroup=${path}`),
    ...Object.entries(rlimits).map(([name, value]) => `rlimit=${name}:${value}`),
    ...(tty ? ['tty'] : []),
  ];
}

function inOneText(env: Record<string, string>): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return variables.map((variable) => `${Buffer.byteLength(variable)}:${variable}`).join('');
}

/** A host command that becomes the sandbox's user and then runs `command` with exactly `env`. */
export function entererCommand(config: EntererConfig, command: string[], env: Record<string, string>): HostCommand {
  return {
    file: PYTHON,
    args: ['-I', '-S', ENTER_PROGRAM, ...words(config), '--', ...command],
    // In one variable: what the view is given must not reach the programs of the host that prepare it.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', PLUMBLINE_VIEW_ENV: inOneText(env) },
    cwd: '/',
  };
}
