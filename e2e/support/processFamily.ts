import { readdirSync, readFileSync } from 'node:fs';

/** The ids of a process and of those that it started itself. */
export function familyOf(pid: number): number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
  return [pid, ...children.map(Number)];
}

/** The ids of a process and of all that came out of it and still have who began them. */
export function descendantsOf(pid: number): number[] {
  const [, ...children] = familyOf(pid);
  return [pid, ...children.flatMap(descendantsOf)];
}

/** Holds processes, lets them go on, or ends them. One that has ended meanwhile is passed over. */
export function signalAll(pids: readonly number[], signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
