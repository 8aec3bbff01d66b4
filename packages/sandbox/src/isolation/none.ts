import { readFileSync } from 'node:fs';
import { cp, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { runHostCommand } from '../host/hostProcess.ts';
import { allPids, isShell, type ProcessStat, processStat, signalProcess } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import { buildOnce, installExec, pipTarget } from './image.ts';
import { viewEnvironment } from './inView.ts';
import type {
  CommandOptions,
  FreezeResult,
  HostCommand,
  Isolation,
  RunOptions,
  RunResult,
  Sandbox,
  SandboxPaths,
  SandboxProcess,
  SandboxSpec,
  Usage,
  View,
} from './isolation.ts';
import { ownWork, processesInside } from './participantProcesses.ts';
import { copyAssets } from './sandboxState.ts';
import { SIGNAL_WARNING, stopBySignal } from './signalFreeze.ts';

/**
 * No isolation: plain processes of this user, with real paths. For development on a machine without bubblewrap; refused
 * where others reach the pages. It declares the life cycle alone: nothing keeps the participant from the scorer's files or the host's.
 */
const END_TIMEOUT_MS = 5_000;
/** Every process of a view carries this variable, and hands it on: that is how they are found. */
const MARK = 'PLUMBLINE_SANDBOX';

function markedProcesses(...marks: string[]): ProcessStat[] {
  const wanted = new Set(marks.map((mark) => `${MARK}=${mark}`));
  const pids = allPids().filter((pid) =>
    environmentOf(pid)
      .split('\0')
      .some((variable) => wanted.has(variable)),
  );
  return pids.map(processStat).filter((stat) => stat !== null && stat.state !== 'Z') as ProcessStat[];
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // Gone, or another user's.
    return '';
  }
}

class PlainSandbox implements Sandbox {
  readonly isolation = 'none';
  readonly freezeMethod = 'signal';
  readonly hostUid = null;
  readonly warnings = ['Without isolation a participant can read the scorer and everything of this user.', SIGNAL_WARNING];
  readonly paths: SandboxPaths;
  readonly storeDir: string;
  readonly #spec: SandboxSpec;
  #frozen = false;

  constructor(spec: SandboxSpec, paths: SandboxPaths) {
    this.#spec = spec;
    this.paths = paths;
    this.storeDir = paths.store;
  }

  get id() {
    return this.#spec.id;
  }

  get frozen() {
    return this.#frozen;
  }

  /** Plain processes do not end together, so this never happens. */
  onEnded(): void {}

  #mark(view: View): string {
    return `${this.#spec.id}:${view}`;
  }

  command(view: View, argv: string[], options: CommandOptions = {}): HostCommand {
    const [file, ...args] = argv;
    if (file === undefined) throw new AppError('internal', 'A command needs a program.');
    const env = {
      ...viewEnvironment(view, this.paths, hostEnvironment()['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'),
      ...(view === 'platform' ? {} : this.#spec.env),
      ...options.env,
      [MARK]: this.#mark(view),
    };
    return { file, args, env, cwd: options.cwd ?? (view === 'scorer' ? this.paths.root : this.paths.home) };
  }

  async run(view: View, argv: string[], options: RunOptions): Promise<RunResult> {
    return runHostCommand(this.command(view, argv, options), options, async () => null);
  }

  #stats(): ProcessStat[] {
    return markedProcesses(this.#mark('participant'));
  }

  async processes(): Promise<SandboxProcess[]> {
    return processesInside(this.#stats());
  }

  async isIdle(): Promise<boolean> {
    return (await ownWork(this.#stats())).every(isShell);
  }

  async usage(): Promise<Usage> {
    const stats = this.#stats();
    const sum = (value: (stat: ProcessStat) => number) => stats.reduce((total, stat) => total + value(stat), 0);
    return { cpuMs: sum((stat) => stat.cpuMs), memoryBytes: sum((stat) => stat.residentBytes), processes: stats.length };
  }

  async heldMemoryBytes(): Promise<null> {
    return null;
  }

  async freeze(): Promise<FreezeResult> {
    await stopBySignal(async () => this.#stats());
    this.#frozen = true;
    return { method: 'signal', warning: SIGNAL_WARNING };
  }

  async thaw(): Promise<void> {
    for (const stat of this.#stats()) signalProcess(stat.pid, 'SIGCONT');
    this.#frozen = false;
  }

  async #end(...views: View[]): Promise<void> {
    const ended = await waitUntil(() => {
      const stats = markedProcesses(...views.map((view) => this.#mark(view)));
      for (const stat of stats) signalProcess(stat.pid, 'SIGKILL');
      return stats.length === 0;
    }, END_TIMEOUT_MS);
    if (!ended) throw new AppError('unavailable', 'Processes of the sandbox could not be ended.');
  }

  async killParticipant(): Promise<void> {
    await this.#end('participant');
    this.#frozen = false;
  }

  async destroy(): Promise<void> {
    await this.#end('participant', 'scorer', 'platform');
    this.#frozen = false;
  }
}

async function create(spec: SandboxSpec): Promise<Sandbox> {
  const paths: SandboxPaths = {
    home: spec.workspaceDir,
    root: join(spec.dir, 'root'),
    protected: join(spec.dir, 'protected'),
    env: join(spec.imageDir, 'env'),
    run: spec.socketDir,
    store: join(spec.dir, 'store'),
    assets: join(spec.dir, 'assets'),
  };
  for (const dir of [paths.home, paths.protected, paths.store, paths.run]) await mkdir(dir, { recursive: true });
  if ((await stat(paths.root).catch(() => null)) === null) {
    const half = `${paths.root}.half`;
    await cp(join(spec.imageDir, 'family'), half, { recursive: true, verbatimSymlinks: true, force: true });
    await rename(half, paths.root);
  }
  await copyAssets(paths.assets, spec.assets);
  const sandbox = new PlainSandbox(spec, paths);
  // What an earlier life left.
  await sandbox.destroy();
  return sandbox;
}

export const noIsolation: Isolation = {
  name: 'none',
  capabilities: async () => ({
    ownImage: false,
    views: false,
    networkNone: false,
    networkInternet: true,
    filesystem: false,
    memoryLimit: false,
    processLimit: false,
    cpuLimit: false,
    diskLimit: null,
    gpus: false,
    scorerIsRoot: false,
    freezeMethod: 'signal',
  }),
  create,
  prepareImage: (options) =>
    buildOnce(options, async (dir) => {
      const paths = { root: join(dir, 'family'), env: join(dir, 'env'), home: join(dir, 'home'), assets: join(dir, 'assets') };
      await mkdir(paths.home);
      await copyAssets(paths.assets, options.assets);
      const all = { ...paths, protected: join(dir, 'protected'), run: dir, store: dir };
      const base = {
        ...hostEnvironment(),
        ...viewEnvironment('scorer', all, hostEnvironment()['PATH'] ?? '/usr/bin:/bin'),
        ...pipTarget(paths.env),
        ...options.env,
      };
      const exec = installExec(options, ([file = '', ...args], run) => {
        const env = { ...base, ...run.env } as Record<string, string>;
        return runHostCommand({ file, args, env, cwd: run.cwd ?? paths.root }, run, async () => null);
      });
      await options.install(exec, paths);
    }),
};
