import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlatformUnderTest } from '../support/platform.ts';
import { rounded } from './summary.ts';

/** What a process took while it was watched. */
export interface ProcessUse {
  /** The most memory that it had resident, MB. */
  rssPeakMb: number;
  /** Resident when the watch began, MB. */
  rssFirstMb: number;
  /** Processor time of all its threads, seconds. */
  cpuSeconds: number;
}

const SAMPLE_EVERY_MS = 50;
const TICKS_PER_SECOND = 100;

/** Samples the processes of an installation from /proc until `stop`. */
export class ProcessWatch {
  readonly #pids: Map<string, number>;
  readonly #use = new Map<string, { first: number; peak: number }>();
  readonly #cpuAtStart = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(pids: Map<string, number>) {
    this.#pids = pids;
    for (const [name, pid] of pids) this.#cpuAtStart.set(name, cpuSeconds(pid));
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  stop(): Record<string, ProcessUse> {
    clearInterval(this.#timer);
    this.#sample();
    return Object.fromEntries(
      [...this.#use].map(([name, { first, peak }]) => [
        name,
        {
          rssPeakMb: rounded(peak),
          rssFirstMb: rounded(first),
          cpuSeconds: rounded(cpuSeconds(this.#pids.get(name) as number) - (this.#cpuAtStart.get(name) as number)),
        },
      ]),
    );
  }

  #sample(): void {
    for (const [name, pid] of this.#pids) {
      const megabytes = rssMb(pid);
      const use = this.#use.get(name) ?? { first: megabytes, peak: megabytes };
      use.peak = Math.max(use.peak, megabytes);
      this.#use.set(name, use);
    }
  }
}

/** The processes that an attempt's bytes pass through: gateway, web and the attempt's runner. */
export function processesOf(platform: PlatformUnderTest, attemptId: string): Map<string, number> {
  const stateDir = join(platform.dataDir, 'runners', attemptId);
  const file = readdirSync(stateDir).find((name) => name === 'runner.json');
  if (file === undefined) throw new Error(`the runner of ${attemptId} has no runner.json in ${stateDir}`);
  const { pid } = JSON.parse(readFileSync(join(stateDir, file), 'utf8')) as { pid: number };
  return new Map([
    ['gateway', platform.pid('gateway')],
    ['web', platform.pid('web')],
    ['runner', pid],
  ]);
}

/** What a process has resident, MB. */
export function rssMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(ofProcess(pid, 'status'))?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

/** What a process has of memory to itself, MB: its own, without what is mapped from files that all processes of a program share. */
export function privateMb(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(ofProcess(pid, 'status'))?.[1] ?? 0) / 1024;
}

/** A file of /proc; empty for a process that has ended, which the benchmark then notices by itself. */
function ofProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function cpuSeconds(pid: number): number {
  const stat = ofProcess(pid, 'stat');
  // The command's name, in parentheses, may hold spaces; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}
