import type { RequestResult } from '@plumbline/protocol';

type Process = RequestResult<'sandbox.processes'>['processes'][number];

/** A shell that waits at its prompt, as terminals begin with one: without a script or a command of its own. */
const WAITING_SHELL = /^-?(\S*\/)?(ba|z|da|fi)?sh( --init-file \S+| --rcfile \S+| -[il]+| --login)*$/;

/** Those that were started in a terminal, and end with it; all where nobody says where they were. */
export function programsOf(terminal: number, processes: readonly Process[]): Process[] {
  return ownPrograms(processes).filter((process) => process.terminal === undefined || process.terminal === terminal);
}

/** The processes that are the person's work: all but the shells, whose programs stand beside them. */
export function ownPrograms(processes: readonly Process[]): Process[] {
  return processes.filter(({ command }) => !WAITING_SHELL.test(command));
}
