import type { ChildProcess } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { AppError } from '@plumbline/core';
import { runHostCommand } from '../../host/hostProcess.ts';
import { isShell, type ProcessStat, pidsOfNamespace, processStat, signalProcess } from '../../host/processTable.ts';
import { waitUntil } from '../../host/waiting.ts';
import type { Cgroup } from '../cgroups.ts';
import { releaseHostUid } from '../hostUid.ts';
import { IN_VIEW_PATHS, SYSTEM_PATH, viewEnvironment } from '../inView.ts';
import type {
  CommandOptions,
  FreezeResult,
  HostCommand,
  RunOptions,
  RunResult,
  Sandbox,
  SandboxProcess,
  SandboxSpec,
  Usage,
  View,
} from '../isolation.ts';
import type { InternetNamespace } from '../networkNamespace.ts';
import { ownWork, processesInside, usageOf } from '../participantProcesses.ts';
import { writeRecord } from '../sandboxState.ts';
import { SIGNAL_WARNING, stopBySignal } from '../signalFreeze.ts';
import { unmountVolume } from '../workspaceVolume.ts';
import { entererCommand } from './enterer.ts';
import { BWRAP, type ViewSources } from './views.ts';

const PRLIMIT = '/usr/bin/prlimit';
const END_TIMEOUT_MS = 5_000;
/**
 * Where the kernel must choose, it ends what the participant runs, and not what holds the sandbox or the platform. No more than
 * that takes: the language server, with 1000, should go before a process that uses nearly all of the memory, and not always does.
 */
const PARTICIPANT_OOM_SCORE = 50;

/** The bwrap that keeps the participant's namespaces, and its first process as the host counts. */
export interface Holder {
  child: ChildProcess;
  pid: number;
  startTime: string;
}

interface Parts {
  spec: SandboxSpec;
  uid: number | null;
  from: ViewSources;
  groups: { participant: Cgroup; scorer: Cgroup; platform: Cgroup };
  networks: InternetNamespace[];
  scorerNetwork: InternetNamespace | undefined;
  holder: Holder;
  args: { scorer: string[]; platform: string[] };
  rlimits: Record<string, number>;
  warnings: string[];
}

export class BubblewrapSandbox implements Sandbox {
  readonly isolation = 'bubblewrap';
  readonly paths = IN_VIEW_PATHS;
  readonly #parts: Parts;
  #frozen = false;
  #participantEnded = false;
  #expectedEnd = false;
  #pidNamespace: string | null = null;
  readonly #endListeners: ((view: View) => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.holder.child.once('exit', () => {
      this.#participantEnded = true;
      if (!this.#expectedEnd) for (const listener of this.#endListeners) listener('participant');
    });
  }

  get id() {
    return this.#parts.spec.id;
  }

  get freezeMethod() {
    return this.#parts.groups.participant.freezeMethod;
  }

  get hostUid() {
    return this.#parts.uid;
  }

  get storeDir() {
    return this.#parts.from.store;
  }

  get warnings() {
    return this.#parts.warnings;
  }

  get frozen() {
    return this.#frozen;
  }

  onEnded(listener: (view: View) => void): void {
    this.#endListeners.push(listener);
  }

  command(view: View, argv: string[], options: CommandOptions = {}): HostCommand {
    const { spec, uid, groups, holder, args, rlimits, scorerNetwork } = this.#parts;
    if (argv.length === 0) throw new AppError('internal', 'A command needs a program.');
    const added = view === 'platform' ? options.env : { ...spec.env, ...options.env };
    const env = { ...viewEnvironment(view, IN_VIEW_PATHS, SYSTEM_PATH), ...added };
    if (view === 'participant') {
      if (this.#participantEnded) throw new AppError('sandbox_unavailable', 'The sandbox has ended.');
      const config = { mode: 'enter' as const, uid, rlimits, oomScore: PARTICIPANT_OOM_SCORE, cgroups: groups.participant.procsFiles };
      const place = { pid: holder.pid, cwd: options.cwd ?? IN_VIEW_PATHS.home, tty: options.tty === true };
      return entererCommand({ ...config, ...place }, argv, env);
    }
    const cwd = options.cwd ?? (view === 'scorer' ? IN_VIEW_PATHS.root : IN_VIEW_PATHS.home);
    const cgroups = groups[view].procsFiles;
    const network = view === 'scorer' ? scorerNetwork?.pid : undefined;
    const session = options.tty ? [] : ['--new-session'];
    const limits = view === 'scorer' ? Object.entries(rlimits).map(([name, value]) => `--${name.toLowerCase()}=${value}`) : [];
    // Set inside the view, as the participant's are: there its processes are counted apart.
    const limited = limits.length > 0 ? [PRLIMIT, ...limits, ...argv] : argv;
    return entererCommand(
      { mode: 'launch', uid, cgroups, network },
      [BWRAP, ...args[view], ...session, '--chdir', cwd, '--', ...limited],
      env,
    );
  }

  async run(view: View, argv: string[], options: RunOptions): Promise<RunResult> {
    return runHostCommand(this.command(view, argv, options), options, () => this.#parts.groups[view].outOfMemoryKills());
  }

  async #stats(): Promise<ProcessStat[]> {
    const { holder, groups } = this.#parts;
    if (this.#participantEnded) return [];
    this.#pidNamespace ??= await readlink(`/proc/${holder.pid}/ns/pid`).catch(() => null);
    if (this.#pidNamespace === null) return [];
    const group = groups.participant;
    const pids = pidsOfNamespace(this.#pidNamespace, group.folders.length > 0 ? await group.pids() : undefined);
    const stats = pids.filter((pid) => pid !== holder.pid).map(processStat);
    return stats.filter((stat) => stat !== null && stat.state !== 'Z') as ProcessStat[];
  }

  async processes(): Promise<SandboxProcess[]> {
    return processesInside(await this.#stats());
  }

  async isIdle(): Promise<boolean> {
    return (await ownWork(await this.#stats())).every(isShell);
  }

  async usage(): Promise<Usage> {
    const { groups, holder, spec } = this.#parts;
    const hasNetwork = !this.#participantEnded && spec.network !== 'none';
    return usageOf(await this.#stats(), groups.participant, hasNetwork ? holder.pid : null);
  }

  heldMemoryBytes(): Promise<number | null> {
    return this.#parts.groups.participant.heldMemoryBytes();
  }

  async freeze(): Promise<FreezeResult> {
    const method = this.freezeMethod;
    if (!this.#participantEnded) {
      if (method === 'signal') await stopBySignal(async () => this.#stats());
      else await this.#parts.groups.participant.freeze();
    }
    this.#frozen = true;
    return method === 'signal' ? { method, warning: SIGNAL_WARNING } : { method };
  }

  async thaw(): Promise<void> {
    if (this.freezeMethod === 'signal') for (const stat of await this.#stats()) signalProcess(stat.pid, 'SIGCONT');
    else await this.#parts.groups.participant.thaw();
    this.#frozen = false;
  }

  async killParticipant(): Promise<void> {
    this.#expectedEnd = true;
    const { holder, groups } = this.#parts;
    // The end of a process namespace's first process is the end of all in it. The host's half of bwrap follows by itself.
    if (!this.#participantEnded) signalProcess(holder.pid, 'SIGKILL');
    await groups.participant.kill();
    if (!this.#participantEnded) {
      const ended = await waitUntil(() => this.#participantEnded, END_TIMEOUT_MS);
      if (!ended) holder.child.kill('SIGKILL');
    }
    this.#frozen = false;
  }

  async destroy(): Promise<void> {
    const { groups, networks, spec, uid } = this.#parts;
    await this.killParticipant();
    await groups.scorer.kill();
    await groups.platform.kill();
    for (const network of networks) await network.stop();
    for (const group of Object.values(groups)) await group.remove();
    await unmountVolume(spec.workspaceDir);
    await writeRecord(spec.dir, { id: spec.id, cgroups: [], hostUid: uid, holder: null });
    await releaseHostUid(spec.dir, uid);
  }
}
