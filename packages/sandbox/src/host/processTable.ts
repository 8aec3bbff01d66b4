import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

/**
 * What is asked of every process of the host is read at once: the kernel has it in memory, and a promise for each file takes many times as
 * long, of the same thread. What may have to wait for the process's own memory is read by promises.
 */

/** What the kernel says of a process. `startTime` is in clock ticks since boot: with the pid it names a process for good. */
export interface ProcessStat {
  pid: number;
  name: string;
  state: string;
  parent: number;
  /** The pid of the process that leads its session. */
  session: number;
  /** Whether its session has a terminal. */
  hasTerminal: boolean;
  cpuMs: number;
  startTime: string;
  residentBytes: number;
}

/** Linux fixes the tick that /proc shows at 100 per second. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** The kernel gives the file of a process in one piece; a name has 15 bytes, a number 20. */
const STAT = Buffer.alloc(4096);

function statText(pid: number): string | null {
  try {
    const fd = openSync(`/proc/${pid}/stat`, 'r');
    try {
      return STAT.toString('latin1', 0, readSync(fd, STAT));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** A process as /proc has it, or null where it is gone. */
export function processStat(pid: number): ProcessStat | null {
  const text = statText(pid);
  if (text === null) return null;
  // The name may hold spaces and brackets: the fields start behind the last one.
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, close),
    state: fields[0] ?? '?',
    parent: Number(fields[1]),
    session: Number(fields[3]),
    hasTerminal: fields[4] !== '0',
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    startTime: fields[19] ?? '',
    residentBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

/** Every pid of this host that can be seen. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether the process with this pid is still the one that started then, and not a zombie. */
export function isSameProcess(pid: number, startTime: string): boolean {
  const stat = processStat(pid);
  return stat !== null && stat.startTime === startTime && stat.state !== 'Z';
}

/** The pids of one process namespace, given as /proc/PID/ns/pid reads (`pid:[…]`). */
export function pidsOfNamespace(namespace: string, among: readonly number[] = allPids()): number[] {
  return among.filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`) === namespace;
    } catch {
      // Gone, or another user's: not of this namespace in either case.
      return false;
    }
  });
}

/** The command line with spaces between its parts, cut at 500 characters; the name in brackets where there is none. */
export async function commandLine(stat: ProcessStat): Promise<string> {
  try {
    const line = (await readFile(`/proc/${stat.pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    return (line || `[${stat.name}]`).slice(0, 500);
  } catch {
    return `[${stat.name}]`;
  }
}

/** The pid inside the innermost process namespace. */
export async function innerPid(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const line = /^NSpid:\s*(.*)$/m.exec(status)?.[1];
    return Number(line?.split(/\s+/).at(-1) ?? pid);
  } catch {
    return pid;
  }
}

/** Names a terminal's device for good, as `terminalNamed` names it; null where a process reads from none, or is gone. */
export function terminalOf(pid: number): Promise<string | null> {
  return terminalNamed(`/proc/${pid}/fd/0`);
}

/** By the file system as well: a sandbox that has terminals of its own counts them anew. */
export async function terminalNamed(path: string): Promise<string | null> {
  const device = await stat(path).catch(() => null);
  return device?.isCharacterDevice() ? `${device.dev}:${device.rdev}` : null;
}

/** Sends a signal; a process that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const SHELLS = new Set(['bash', 'sh', 'dash', 'zsh', 'fish']);

/** Whether a process is a shell that waits for its user. */
export function isShell(stat: ProcessStat): boolean {
  return SHELLS.has(stat.name);
}

/** Each round stops what the last one's processes had begun before they were stopped; two or three are usual. */
const MAX_ROUNDS = 50;

/**
 * Ends a process with all that descends from it. First everything is stopped, so that nothing is begun unseen: a bwrap
 * that is killed while it sets a sandbox up would leave its other half behind.
 */
export async function endTree(root: number): Promise<void> {
  const stopped = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const stats = allPids().flatMap((pid) => processStat(pid) ?? []);
    const tree = new Set([root]);
    for (let before = 0; before !== tree.size; ) {
      before = tree.size;
      for (const stat of stats) if (tree.has(stat.parent)) tree.add(stat.pid);
    }
    const fresh = [...tree].filter((pid) => !stopped.has(pid));
    for (const pid of fresh) {
      signalProcess(pid, 'SIGSTOP');
      stopped.add(pid);
    }
    if (fresh.length === 0) break;
  }
  for (const pid of stopped) signalProcess(pid, 'SIGKILL');
}
