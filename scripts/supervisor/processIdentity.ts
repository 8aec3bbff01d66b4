/** A process by pid and start time, so that a number that was given to another process is never mistaken for it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between boot and the process's start, as `/proc` says. */
  startTime: string;
}

/** Null when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessIdentity | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The command's name stands in brackets and may hold brackets and spaces itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === 'Z' || !startTime ? null : { pid, startTime };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Kills what is left of the process group that a process led. */
export function killGroup(leaderPid: number): void {
  signal(-leaderPid, 'SIGKILL');
}

/** Asks a process to end, waits `patienceMs`, then kills it and its process group. Resolves when it is gone. */
export async function endProcess(identity: ProcessIdentity, patienceMs: number): Promise<void> {
  if (isRunning(identity)) signal(identity.pid, 'SIGTERM');
  const deadline = performance.now() + patienceMs;
  while (isRunning(identity) && performance.now() < deadline) await sleep(POLL_MS);
  if (isRunning(identity)) {
    // Ours lead groups of their own; one that does not is killed alone.
    killGroup(identity.pid);
    signal(identity.pid, 'SIGKILL');
  }
  while (isRunning(identity)) await sleep(POLL_MS);
}
