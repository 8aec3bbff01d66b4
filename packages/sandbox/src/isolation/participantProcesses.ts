import { commandLine, innerPid, type ProcessStat, processStat, terminalOf } from '../host/processTable.ts';
import { LANGUAGE_SERVER_LINE } from '../language/languageServerPrograms.ts';
import type { Cgroup } from './cgroups.ts';
import type { SandboxProcess, Usage } from './isolation.ts';
import { networkUse } from './networkUse.ts';

/** What is told of a participant's processes, for isolations that see them in the host's process table. */

/**
 * Without the platform's own helper. It is told by its name, which the participant can take too: that would hide work from
 * nobody but the one who is asked about it before a pause.
 */
export async function ownWork(stats: readonly ProcessStat[]): Promise<ProcessStat[]> {
  const lines = await Promise.all(stats.map(commandLine));
  return stats.filter((_, at) => !LANGUAGE_SERVER_LINE.test(lines[at] ?? ''));
}

/** As the participant sees them. One that ends meanwhile, such as the shell of a terminal that is closed, is not told of. */
export async function processesInside(stats: readonly ProcessStat[]): Promise<SandboxProcess[]> {
  const terminals = new Map<number, Promise<string | null>>();
  const seen = await Promise.all(
    (await ownWork(stats)).map(async (stat) => {
      const terminal = terminals.get(stat.session) ?? terminalOf(stat.session);
      terminals.set(stat.session, terminal);
      const process = {
        pid: await innerPid(stat.pid),
        command: await commandLine(stat),
        cpuMs: stat.cpuMs,
        // One that has left its terminal may read from there all the same, and does not end with it.
        terminal: stat.hasTerminal ? await terminal : null,
      };
      return process.command === `[${stat.name}]` && isEnding(stat) ? null : process;
    }),
  );
  return seen.filter((process) => process !== null);
}

/** Its memory, and its command line with it, is gone before it is a zombie. */
function isEnding({ pid, startTime }: ProcessStat): boolean {
  const now = processStat(pid);
  return now === null || now.startTime !== startTime || now.state === 'Z' || now.residentBytes === 0;
}

/**
 * What they use, by their group where it counts and else by their sum.
 *
 * @param networkPid a process of the host's in their network; null where they have none.
 */
export async function usageOf(stats: readonly ProcessStat[], group: Cgroup, networkPid: number | null): Promise<Usage> {
  const sum = (value: (stat: ProcessStat) => number) => stats.reduce((total, stat) => total + value(stat), 0);
  const network = networkPid === null ? null : await networkUse(networkPid);
  return {
    cpuMs: (await group.cpuMs()) ?? sum((stat) => stat.cpuMs),
    memoryBytes: (await group.memoryBytes()) ?? sum((stat) => stat.residentBytes),
    processes: stats.length,
    ...(network === null ? {} : { network }),
  };
}
