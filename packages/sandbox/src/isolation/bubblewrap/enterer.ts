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
  /** launch: a process whose user and network namespaces are joined first. */
  network?: number;
  /** enter: the first process of the sandbox, as the host counts. */
  pid?: number;
  cwd?: string;
  tty?: boolean;
}

/** A host command that becomes the sandbox's user and then runs `command` with exactly `env`. */
export function entererCommand(config: EntererConfig, command: string[], env: Record<string, string>): HostCommand {
  return {
    file: PYTHON,
    args: ['-I', '-S', ENTER_PROGRAM, JSON.stringify(config), '--', ...command],
    // In one variable: what the view is given must not reach the programs of the host that prepare it.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', PLUMBLINE_VIEW_ENV: JSON.stringify(env) },
    cwd: '/',
  };
}
