import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { AppError } from '@plumbline/core';
import { runHostCommand } from '../../host/hostProcess.ts';
import { isShell, type ProcessStat, processStat } from '../../host/processTable.ts';
import { waitUntil } from '../../host/waiting.ts';
import type { Cgroup } from '../cgroups.ts';
import { AGENT_UID, IN_VIEW_PATHS, SYSTEM_PATH, viewEnvironment } from '../inView.ts';
import type {
  CommandOptions,
  FreezeMethod,
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
import { ownWork, processesInside, usageOf } from '../participantProcesses.ts';
import { writeRecord } from '../sandboxState.ts';
import { unmountVolume } from '../workspaceVolume.ts';
import { VIEWS } from './containers.ts';
import { doorCommand, giveBack } from './door.ts';
import type { Engine } from './engine.ts';

const FREEZE_TIMEOUT_MS = 5_000;
/** An engine that hangs is not waited for at an end, for which a runner has eight seconds in all. */
const PING_TIMEOUT_MS = 2_000;
const END_TIMEOUT_MS = 5_000;
/** See `container_door.py`: the container ended, or could not be entered any more. */
const CUT_SHORT: readonly (number | null)[] = [128 + 9, 125];
/** A container that ends lets its command go a little before, or after, the connection that holds it. */
const ENDING_TIMEOUT_MS = 1_000;

/** One view: its container, the connection that holds it, and the group in which the engine counts it. */
export interface ViewContainer {
  name: string;
  door: string;
  life: Socket;
  group: Cgroup;
  /** The first process as the host counts. */
  first: { pid: number; startTime: string };
}

interface Parts {
  spec: SandboxSpec;
  engine: Engine;
  containers: Record<View, ViewContainer>;
  /** The image's own variables. */
  imageEnv: Record<string, string>;
  networks: { stop: () => Promise<void> }[];
  freezeMethod: FreezeMethod;
  storeDir: string;
  warnings: string[];
}

/** Whose a process is, whatever it says of itself; null where it is gone. */
async function userOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return uid === undefined ? null : Number(uid);
}

/** Three containers of one image: only the participant's is paused, and each ends with this process. */
export class DockerSandbox implements Sandbox {
  readonly isolation = 'docker';
  readonly paths = IN_VIEW_PATHS;
  readonly hostUid = AGENT_UID;
  readonly #parts: Parts;
  #frozen = false;
  #participantEnded = false;
  readonly #expectedEnds = new Set<View>();
  #isTold = false;
  readonly #endListeners: ((view: View) => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const view of VIEWS) parts.containers[view].life.once('close', () => this.#hasEnded(view));
  }

  #hasEnded(view: View): void {
    if (view === 'participant') this.#participantEnded = true;
    if (this.#expectedEnds.has(view) || this.#isTold) return;
    this.#isTold = true;
    for (const listener of this.#endListeners) listener(view);
  }

  get id() {
    return this.#parts.spec.id;
  }

  get freezeMethod() {
    return this.#parts.freezeMethod;
  }

  get storeDir() {
    return this.#parts.storeDir;
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
    const { spec, containers, imageEnv } = this.#parts;
    if (argv.length === 0) throw new AppError('internal', 'A command needs a program.');
    if (view === 'participant' && this.#participantEnded) throw new AppError('sandbox_unavailable', 'The sandbox has ended.');
    const env = {
      ...imageEnv,
      ...viewEnvironment(view, IN_VIEW_PATHS, imageEnv['PATH'] ?? SYSTEM_PATH),
      ...(view === 'scorer' ? { USER: 'root', LOGNAME: 'root' } : {}),
      ...(view === 'platform' ? {} : spec.env),
      ...options.env,
    };
    const cwd = options.cwd ?? (view === 'scorer' ? IN_VIEW_PATHS.root : IN_VIEW_PATHS.home);
    return doorCommand(containers[view].door, argv, env, cwd, options.tty === true);
  }

  async run(view: View, argv: string[], options: RunOptions): Promise<RunResult> {
    const { group, life } = this.#parts.containers[view];
    const result = await runHostCommand(this.command(view, argv, options), options, () => group.outOfMemoryKills());
    const isCutShort = !result.timedOut && CUT_SHORT.includes(result.exitCode) && options.signal?.aborted !== true;
    // A command that was killed by itself is a result; with its container it has none.
    if (isCutShort && (await waitUntil(() => life.closed, ENDING_TIMEOUT_MS)) && !this.#expectedEnds.has(view)) {
      throw new AppError('sandbox_unavailable', 'The sandbox ended while this ran. This is the platform’s fault; try again.');
    }
    return result;
  }

  /** Root's processes in the container hold it and its commands; the participant's are of another user, and cannot become root. */
  async #stats(): Promise<ProcessStat[]> {
    if (this.#participantEnded) return [];
    const pids = await this.#parts.containers.participant.group.pids();
    const stats = await Promise.all(pids.map(async (pid) => ((await userOf(pid)) === AGENT_UID ? processStat(pid) : null)));
    return stats.filter((stat) => stat !== null && stat.state !== 'Z') as ProcessStat[];
  }

  async processes(): Promise<SandboxProcess[]> {
    return processesInside(await this.#stats());
  }

  async isIdle(): Promise<boolean> {
    return (await ownWork(await this.#stats())).every(isShell);
  }

  async usage(): Promise<Usage> {
    const { group, first } = this.#parts.containers.participant;
    const hasNetwork = !this.#participantEnded && this.#parts.spec.network !== 'none';
    return usageOf(await this.#stats(), group, hasNetwork ? first.pid : null);
  }

  heldMemoryBytes(): Promise<number | null> {
    return this.#parts.containers.participant.group.heldMemoryBytes();
  }

  async freeze(): Promise<FreezeResult> {
    const { engine, containers, freezeMethod } = this.#parts;
    if (!this.#participantEnded) {
      const { name } = containers.participant;
      try {
        await engine.pause(name, FREEZE_TIMEOUT_MS);
      } catch (error) {
        throw new AppError('unavailable', 'The sandbox did not stop within five seconds, so the clock was not paused. Try again.', {
          cause: error,
        });
      }
    }
    this.#frozen = true;
    return { method: freezeMethod };
  }

  async thaw(): Promise<void> {
    if (!this.#participantEnded) await this.#parts.engine.unpause(this.#parts.containers.participant.name, FREEZE_TIMEOUT_MS);
    this.#frozen = false;
  }

  /** Ends a view's processes. Resolves with whether its container is gone too: that takes the engine, and ending need not wait for one. */
  async #end(view: View): Promise<boolean> {
    const { name, life, door, group } = this.#parts.containers[view];
    // Root needs no leave to remove what others own.
    if (view !== 'participant' && process.getuid?.() !== 0 && !life.closed) await giveBack(door);
    let refusal: unknown = null;
    const { engine } = this.#parts;
    const hangs = new AbortController();
    engine.ping(PING_TIMEOUT_MS).catch((error: unknown) => hangs.abort(error));
    await engine.remove(name, hangs.signal).catch(async (error: unknown) => {
      refusal = error;
      await group.kill();
    });
    // The first process is gone, and its end of the connection with it.
    const ended = await waitUntil(() => life.closed, END_TIMEOUT_MS);
    life.destroy();
    if (refusal !== null && !ended) throw refusal;
    return refusal === null;
  }

  async killParticipant(): Promise<void> {
    this.#expectedEnds.add('participant');
    await this.#end('participant');
    this.#frozen = false;
  }

  async destroy(): Promise<void> {
    const { networks, spec } = this.#parts;
    for (const view of VIEWS) this.#expectedEnds.add(view);
    const removed = await Promise.all(VIEWS.map((view) => this.#end(view)));
    for (const network of networks) await network.stop();
    await unmountVolume(spec.workspaceDir);
    // What the record names is removed by the sandbox's next life, or when the runner is stopped.
    if (removed.every(Boolean)) await writeRecord(spec.dir, { id: spec.id, cgroups: [], hostUid: null, holder: null });
  }
}
