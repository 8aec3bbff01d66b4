import { spawn } from 'node:child_process';
import { AppError } from '@plumbline/core';

/**
 * Slurm's commands and what they print. Only options that Slurm has had for years are used, and no accounting database:
 * `squeue` with a format of our own says the same in every version, where `--json` does not.
 */

/** A controller that does not answer in this time is not there. */
const COMMAND_TIMEOUT_MS = 20_000;
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;

export interface SlurmJob {
  readonly id: string;
  /** `PENDING`, `RUNNING`, `CANCELLED`, … as squeue spells states. */
  readonly state: string;
  /** Why it waits, or what ended it: one of Slurm's words, some with details after a comma. */
  readonly reason: string;
  readonly priority: number;
  /** One, or several with commas while it waits. */
  readonly partitions: readonly string[];
  /** Empty while it waits. */
  readonly nodes: string;
  /** How long it has run, or ran; null where Slurm does not say. */
  readonly ranS: number | null;
  /** The GPUs that it asks for; 0 for none. */
  readonly gpuCount: number;
  readonly gpuType: string | null;
  /** This and the name are empty where others' jobs were asked for. */
  readonly workDir: string;
  readonly name: string;
}

export interface SlurmNode {
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly gpus: readonly { readonly type: string | null; readonly count: number }[];
  /** `idle`, `mixed`, `allocated`, `down`, `drained`, … with a mark such as `*` for one that does not answer. */
  readonly state: string;
}

const MIB = 1024 ** 2;

/** Partitions that are hidden from this user as well: a job there would pass for one that ended. */
const EVEN_HIDDEN = '--all';

/** Free text comes last: a name may hold anything. */
const FORMAT = '%i|%T|%Q|%P|%N|%M|%b|%r|%Z|%j';
/** Other people's jobs are counted and no more, and their folders and names are theirs to choose. */
const FORMAT_OF_OTHERS = '%i|%T|%Q|%P|%N|%M|%b|%r||';
/** An array's task is 7_3, a part of a heterogeneous job 7+0. */
const LINE = /^(\d+)(?:[+_]\S*)?\|([A-Z_]+)\|(\d+)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)$/;
/** So a job begins that may be ours: those are neither arrays nor heterogeneous. */
const PLAIN_JOB = /^\d+\|/;
/** Days, hours, minutes, seconds; the first two where there are any. */
const RAN = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$/;
const GPUS = /\bgpu(?::([^:,()]+))?:(\d+)/;

/** What `squeue` printed in one of our formats. A line that is no job's is left out: a cluster's own wrapper may greet. */
export function parseJobs(said: string): SlurmJob[] {
  return said.split('\n').flatMap((line) => {
    const found = LINE.exec(line);
    return found === null ? [] : [jobOf(found)];
  });
}

/**
 * What `squeue --format=FORMAT` printed of this user's jobs. What follows the first line of a name is left out.
 *
 * @throws AppError `unavailable` for an unreadable line that may be of a job of ours: that would pass for one that ended.
 */
export function parseOwnJobs(said: string): SlurmJob[] {
  const unreadable = said.split('\n').find((line) => PLAIN_JOB.test(line) && !LINE.test(line));
  if (unreadable === undefined) return parseJobs(said);
  throw new AppError('unavailable', 'Slurm’s queue could not be read.', { cause: new Error(`squeue said: ${unreadable}`) });
}

function jobOf(found: RegExpExecArray): SlurmJob {
  const [, id = '', state = '', priority = '', partitions = '', nodes = '', ran = '', gres = '', reason = '', workDir = '', name = ''] =
    found;
  const gpus = GPUS.exec(gres);
  const [days, hours, minutes, seconds] = (RAN.exec(ran)?.slice(1) ?? []).map((part) => Number(part ?? 0));
  return {
    id,
    state,
    reason,
    priority: Number(priority),
    partitions: partitions.split(','),
    nodes,
    ranS: seconds === undefined ? null : (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + seconds,
    gpuCount: Number(gpus?.[2] ?? (/\bgpu\b/.test(gres) ? 1 : 0)),
    gpuType: gpus?.[1] ?? null,
    workDir,
    name,
  };
}

function refusalWords(error: unknown): string {
  const words = error instanceof AppError && error.cause instanceof Error ? error.cause.message : String(error);
  return words.replace(/^(sbatch: (error: )?|allocation failure: )/gm, '').trim();
}

export class SlurmCommands {
  readonly #environment: NodeJS.ProcessEnv;

  /** `environment`: all that Slurm's commands, and the jobs that they start, get to see of this process's. */
  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** All jobs of this process's user that the controller still knows, ended ones too. */
  async ownJobs(): Promise<SlurmJob[]> {
    return parseOwnJobs(await this.#queue(FORMAT, '--states=all', `--user=${process.getuid?.() ?? ''}`));
  }

  /** The jobs that wait in these partitions, each task of an array for itself. */
  async pendingJobs(partitions: readonly string[]): Promise<SlurmJob[]> {
    return parseJobs(await this.#queue(FORMAT_OF_OTHERS, '--states=PENDING', '--array', `--partition=${partitions.join(',')}`));
  }

  /** The nodes that jobs may run on; those of one partition where it is given. */
  async nodes(partition: string | null): Promise<SlurmNode[]> {
    const said = await this.#run('sinfo', [
      '--noheader',
      '--Node',
      `--Format=NodeList:|,CPUs:|,Memory:|,Gres:|,StateLong:`,
      // Not both: one that is named is shown, hidden or not.
      partition === null ? EVEN_HIDDEN : `--partition=${partition}`,
    ]);
    // A node of several partitions is told once for each.
    const nodes = new Map<string, SlurmNode>();
    for (const line of said.split('\n').filter((text) => text.trim() !== '')) {
      const [name = '', cpus = '', mib = '', gres = '', state = ''] = line.split('|').map((part) => part.trim());
      const gpus = [...gres.matchAll(new RegExp(GPUS, 'g'))].map(([, type, count]) => ({ type: type ?? null, count: Number(count) }));
      nodes.set(name, { name, cpus: Number(cpus), memoryBytes: Number(mib) * MIB, gpus, state });
    }
    return [...nodes.values()];
  }

  /** Submits a script by standard input and resolves with the job's number. Rejects with `sandbox_unavailable` and Slurm's own words. */
  async submit(options: readonly string[], script: string): Promise<string> {
    const said = await this.#run('sbatch', ['--parsable', ...options], script).catch((cause: unknown) => {
      throw new AppError('sandbox_unavailable', `Slurm did not take the job: ${refusalWords(cause)}`, { cause });
    });
    // With several clusters it is JOB;CLUSTER.
    const id = /^(\d+)(;|$)/.exec(said.trim())?.[1];
    if (id === undefined) throw new AppError('sandbox_unavailable', 'Slurm gave the job no number.', { cause: new Error(said) });
    return id;
  }

  /** Why Slurm would not take a job with these options now, in its own words; null where it would. Nothing is submitted. */
  async refusal(options: readonly string[]): Promise<string | null> {
    return this.#run('sbatch', ['--test-only', ...options], '#!/bin/sh\n').then(() => null, refusalWords);
  }

  /** Ends a job as Slurm does: asks, and after the cluster's KillWait ends it. A job that has ended is fine. */
  async cancel(jobId: string): Promise<void> {
    await this.#run('scancel', ['--quiet', jobId]).catch(() => undefined);
  }

  /** Sends a signal to the job's script alone. A job that has ended is fine. */
  async signal(jobId: string, signal: 'TERM' | 'USR2'): Promise<void> {
    await this.#run('scancel', ['--quiet', `--signal=${signal}`, '--batch', jobId]).catch(() => undefined);
  }

  #queue(format: string, ...filter: readonly string[]): Promise<string> {
    return this.#run('squeue', ['--noheader', EVEN_HIDDEN, `--format=${format}`, ...filter]);
  }

  /** Rejects with `unavailable`, the words of the command as its cause. */
  #run(command: string, args: readonly string[], input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { env: this.#environment, stdio: 'pipe', timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL' });
      const out: Buffer[] = [];
      let bytes = 0;
      let errors = '';
      const failed = (cause: unknown) => reject(new AppError('unavailable', `Slurm’s ${command} did not answer.`, { cause }));
      child.once('error', failed);
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > OUTPUT_MAX_BYTES) child.kill('SIGKILL');
        else out.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
      child.once('close', (code, signal) => {
        if (code === 0) resolve(Buffer.concat(out).toString());
        else failed(new Error(errors.trim() || `${command} ended with ${signal ?? code}`));
      });
    });
  }
}
