import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { allPids, isSameProcess, processStat } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import type { Placement, RunnerHandle, RunnerRequest } from './placement.ts';

/**
 * What a check of a placement works with. The placement under test starts `CONTRACT_RUNNER` where it would start a runner; checks read what that
 * program wrote, and the host's process table. Everything runs on this machine.
 */

/** The program to be placed instead of a runner: one file without imports. */
export const CONTRACT_RUNNER = fileURLToPath(new URL('./contractRunner.ts', import.meta.url));

/** A placement in a place of its own, made by each test file for its kind. */
export interface PlacementWorld {
  /** Opens the placement as a platform that was started anew would: with nothing in memory. */
  open(): Promise<OpenPlacement>;
  /**
   * What checks before left open for the next one, as a platform that goes on has it; whoever made the world closes it in the end. Absent
   * where opening costs nothing.
   */
  readonly idle?: OpenPlacement[];
  /**
   * JavaScript that makes the same placement in another process: a module's text that declares `placement`. Imports name
   * files by absolute path.
   */
  readonly source: string;
  /** A folder for what checks make up, such as the family's files. */
  readonly dir: string;
  /** Folders that the placement writes to, searched for what others could read. */
  readonly writtenDirs: readonly string[];
  /** The state folder of an attempt, as a path of this machine. */
  stateDir(attemptId: string): string;
  /** Starts something that is no runner, and makes the handle as it would be had its number been given to that since. */
  stranger(handle: RunnerHandle): Promise<Stranger>;
}

export interface Stranger {
  readonly handle: RunnerHandle;
  lives(): Promise<boolean>;
  end(): Promise<void>;
}

/** For handles that hold a process number. */
export async function strangerProcess(withPid: (pid: number) => RunnerHandle): Promise<Stranger> {
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid as number;
  const startTime = processStat(pid)?.startTime as string;
  return {
    handle: withPid(pid),
    lives: async () => isSameProcess(pid, startTime),
    end: async () => {
      child.kill('SIGKILL');
    },
  };
}

export interface OpenPlacement {
  readonly placement: Placement;
  close(): Promise<void>;
}

export interface PlacementCheck {
  readonly name: string;
  readonly run: (trial: PlacementTrial) => Promise<void>;
}

const Report = z.object({
  pid: z.int(),
  config: z.record(z.string(), z.unknown()),
  arguments: z.array(z.string()),
  environment: z.string(),
  family: z.string(),
  foldersUsable: z.boolean(),
});
type Report = z.infer<typeof Report>;

/** What the placed program does after its report: `task` of the request. */
export type Behaviour = 'listens' | 'deaf' | 'ends' | 'litters';

const REPORT_WITHIN_MS = 60_000;
/** In the environment of the process that starts a runner, and nowhere of the runner's. */
export const PLATFORM_SECRET = 'postgresql://not-for-runners';
export const FAMILY_TEXT = 'FROM_THE_PLATFORM = 1\n';

/** A check's hold on a world: makes requests, reads reports, and stops what it started. */
export class PlacementTrial {
  readonly world: PlacementWorld;
  #open: OpenPlacement;
  readonly #started = new Map<string, RunnerHandle>();

  private constructor(world: PlacementWorld, open: OpenPlacement) {
    this.world = world;
    this.#open = open;
  }

  static async run(world: PlacementWorld, check: PlacementCheck): Promise<void> {
    const trial = new PlacementTrial(world, world.idle?.pop() ?? (await world.open()));
    const [checked] = await Promise.allSettled([check.run(trial)]);
    const [stopped] = await Promise.allSettled([trial.#stopAll()]);
    const isGood = [checked, stopped].every(({ status }) => status === 'fulfilled');
    const [left] = await Promise.allSettled([trial.#leave(isGood)]);
    const problems = [checked, stopped, left].flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    // What went wrong first explains the rest.
    if (problems.length > 0) throw problems[0];
  }

  async #stopAll(): Promise<void> {
    for (const handle of this.#started.values()) await this.placement.stop(handle);
  }

  async #leave(isGood: boolean): Promise<void> {
    const { idle } = this.world;
    if (isGood && idle !== undefined) idle.push(this.#open);
    else await this.#open.close();
  }

  get placement(): Placement {
    return this.#open.placement;
  }

  /** As if the platform had been started anew. */
  async reopen(): Promise<void> {
    await this.#open.close();
    this.#open = await this.world.open();
  }

  async request(behaviour: Behaviour, attemptId: string = randomUUID()): Promise<RunnerRequest> {
    const familyDir = join(this.world.dir, 'contract-family');
    await mkdir(familyDir, { recursive: true });
    await writeFile(join(familyDir, 'family.py'), FAMILY_TEXT);
    return {
      attemptId,
      token: `token-${randomUUID()}`,
      gatewayUrl: 'ws://127.0.0.1:9/realtime/runner',
      familyDir,
      familyHash: 'c'.repeat(64),
      task: behaviour,
      isolation: 'none',
      docker: null,
      memoryBytes: null,
      diskBytes: null,
      maxProcesses: null,
      cpus: null,
      gpuIds: [],
      restore: null,
      setup: null,
      model: null,
      secrets: {},
      resources: { gpuCount: 0, gpuModel: null, cpus: null, memoryBytes: null, exclusive: false, avoidNodes: [], maxDurationMs: 600_000 },
    };
  }

  /** Remembers to stop it when the check is over. */
  keep(handle: RunnerHandle): RunnerHandle {
    this.#started.set(JSON.stringify(handle), handle);
    return handle;
  }

  async start(behaviour: Behaviour, attemptId?: string): Promise<{ handle: RunnerHandle; request: RunnerRequest; report: Report }> {
    const request = await this.request(behaviour, attemptId);
    const handle = this.keep(await this.placement.start(request));
    return { handle, request, report: await this.report(request) };
  }

  /** What the program that this request started wrote, once it has. */
  async report(request: RunnerRequest): Promise<Report> {
    let report: Report | undefined;
    const path = join(this.world.stateDir(request.attemptId), 'report.json');
    const written = async () => {
      const text = await readFile(path, 'utf8').catch(() => null);
      report = text === null ? undefined : Report.parse(JSON.parse(text));
      return report?.config['token'] === request.token;
    };
    assert.ok(await waitUntil(written, REPORT_WITHIN_MS), `the runner never wrote ${path}`);
    return report as Report;
  }

  async written(attemptId: string, name: string): Promise<string> {
    return readFile(join(this.world.stateDir(attemptId), name), 'utf8').catch(() => '');
  }

  /** Starts from a process of its own, which is then killed with its whole group. */
  async startFromProcessThatDies(request: RunnerRequest): Promise<RunnerHandle> {
    const script = `${this.world.source}
      let text = '';
      for await (const part of process.stdin) text += part;
      console.log(JSON.stringify(await placement.start(JSON.parse(text))));
      setInterval(() => {}, 60_000);`;
    const starter = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      env: { ...hostEnvironment(), DATABASE_URL: PLATFORM_SECRET },
    });
    const ended = once(starter, 'exit');
    starter.stdin.end(JSON.stringify(request));
    let said = '';
    for await (const part of starter.stdout) {
      said += String(part);
      if (said.includes('\n')) break;
    }
    if (starter.pid !== undefined && starter.exitCode === null) process.kill(-starter.pid, 'SIGKILL');
    await ended;
    return this.keep(z.looseObject({ placement: z.enum(['local', 'ssh', 'slurm']), attemptId: z.string() }).parse(JSON.parse(said)));
  }

  async state(handle: RunnerHandle): Promise<string> {
    return (await this.placement.status(handle)).state;
  }

  async listed(): Promise<string[]> {
    return (await this.placement.list()).map(({ attemptId }) => attemptId).sort();
  }
}

/** Command lines that name one of the folders: what a placement that is closed and has stopped everything must not leave. */
export async function processesNaming(dirs: readonly string[]): Promise<string[]> {
  const lines = await Promise.all(allPids().map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.map((line) => line.replaceAll('\0', ' ').trim()).filter((line) => dirs.some((dir) => line.includes(dir)));
}
