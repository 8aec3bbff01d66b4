import { readFileSync } from 'node:fs';
import { rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { signalProcess } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import { makeGroupFolder, makeInTree } from './cgroupTree.ts';
import type { FreezeMethod } from './isolation.ts';

/**
 * Control groups, wherever this host has them: version 2, version 1, or both side by side (then version 2 may offer
 * nothing but freezing). A group is made of one folder per hierarchy; what could not be had is missing, and the caller
 * falls back to process limits and signals.
 */
const CONTROLLERS = ['memory', 'pids', 'freezer', 'cpu', 'cpuacct'] as const;
type Controller = (typeof CONTROLLERS)[number];

export interface CgroupLimits {
  memoryBytes: number | null;
  maxProcesses: number | null;
  /** Processor time at once, in processors. */
  cpus: number | null;
}

/** Processor time is given out by this period, the kernel's own default: short enough that a wait for the next is not felt. */
const CPU_PERIOD_US = 100_000;

/** A freeze that takes longer than this is refused: the pause would otherwise be unfair. */
const FREEZE_TIMEOUT_MS = 5_000;
const REMOVE_TIMEOUT_MS = 5_000;

interface Hierarchies {
  /** The folder of this process's own group in version 2, and the mount's top. */
  v2: { own: string; top: string } | null;
  v1: Map<Controller, string>;
}

/** A file of the kernel's, which waits for no disk: read by Node's threads, it would cost five trips to them for as many microseconds. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

function ownFolder(mountPoint: string, mountRoot: string, path: string): string {
  const inside = mountRoot === '/' ? path : path.startsWith(mountRoot) ? path.slice(mountRoot.length) : '/';
  return join(mountPoint, inside);
}

async function findHierarchies(of = '/proc/self/cgroup'): Promise<Hierarchies> {
  const mounts = (readText('/proc/self/mountinfo') ?? '').split('\n');
  const groups = (readText(of) ?? '').split('\n').map((line) => line.split(':'));
  const found: Hierarchies = { v2: null, v1: new Map() };
  for (const line of mounts) {
    const [before, after] = line.split(' - ');
    const root = before?.split(' ')[3];
    const point = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (!root || !point) continue;
    if (type === 'cgroup2') {
      const path = groups.find((group) => group[0] === '0')?.[2] ?? '/';
      const own = ownFolder(point, root, path);
      found.v2 = { own: (await exists(own)) ? own : point, top: point };
    }
    if (type !== 'cgroup') continue;
    for (const controller of CONTROLLERS) {
      if (!options?.split(',').includes(controller)) continue;
      const path = groups.find((group) => group[1]?.split(',').includes(controller))?.[2] ?? '/';
      const own = ownFolder(point, root, path);
      found.v1.set(controller, (await exists(own)) ? own : point);
    }
  }
  return found;
}

const NOT_LIMITED = { memory: false, processes: false, cpus: false };

/** One group of processes, in as many hierarchies as it takes. */
export class Cgroup {
  readonly folders: string[];
  readonly #v2: string | null;
  readonly #v1: Map<Controller, string>;
  readonly memoryLimited: boolean;
  readonly processesLimited: boolean;
  readonly cpusLimited: boolean;

  private constructor(v2: string | null, v1: Map<Controller, string>, limited: { memory: boolean; processes: boolean; cpus: boolean }) {
    this.#v2 = v2;
    this.#v1 = v1;
    // Hierarchies of version 1 may be mounted together.
    this.folders = [...new Set([...(v2 ? [v2] : []), ...v1.values()])];
    this.memoryLimited = limited.memory;
    this.processesLimited = limited.processes;
    this.cpusLimited = limited.cpus;
  }

  /** Makes a group, or takes the one of that name that an earlier process left. Never fails: what it could not have, it lacks. */
  static async create(name: string, limits: CgroupLimits): Promise<Cgroup> {
    const found = await findHierarchies();
    const wanted = (['memory', 'pids'] as const).filter((controller) => !found.v1.has(controller));
    let v2 = found.v2 ? await makeInTree(name, { ...found.v2, jobId: hostEnvironment()['SLURM_JOB_ID'] ?? null }, wanted) : null;
    if (v2 && !(await exists(join(v2, 'cgroup.freeze')))) {
      await rmdir(v2).catch(() => undefined);
      v2 = null;
    }
    const v1 = new Map<Controller, string>();
    for (const [controller, own] of found.v1) {
      if (controller === 'freezer' && v2) continue;
      const folder = join(own, name);
      if (await makeGroupFolder(folder)) v1.set(controller, folder);
    }
    const set = async (v1File: [Controller, string] | null, v2File: string, value: string) => {
      const v1Folder = v1File ? v1.get(v1File[0]) : undefined;
      const path = v1Folder && v1File ? join(v1Folder, v1File[1]) : v2 ? join(v2, v2File) : null;
      if (path === null || !(await exists(path))) return false;
      return writeFile(path, value).then(
        () => true,
        () => false,
      );
    };
    let memory = false;
    let processes = false;
    if (limits.memoryBytes !== null) {
      memory = await set(['memory', 'memory.limit_in_bytes'], 'memory.max', String(limits.memoryBytes));
      // Swap would only make a memory hog slow instead of ending it. Absent where swap is not accounted.
      await set(['memory', 'memory.memsw.limit_in_bytes'], 'memory.swap.max', v1.has('memory') ? String(limits.memoryBytes) : '0');
    }
    if (limits.maxProcesses !== null) processes = await set(['pids', 'pids.max'], 'pids.max', String(limits.maxProcesses));
    let cpus = false;
    if (limits.cpus !== null) {
      const quotaUs = Math.round(limits.cpus * CPU_PERIOD_US);
      cpus = await set(['cpu', 'cpu.cfs_quota_us'], 'cpu.max', v1.has('cpu') ? String(quotaUs) : `${quotaUs} ${CPU_PERIOD_US}`);
    }
    return new Cgroup(v2, v1, { memory, processes, cpus });
  }

  /** A group of an earlier process, known by its folders. */
  static existing(folders: string[]): Cgroup {
    const v1 = new Map<Controller, string>();
    let v2: string | null = null;
    for (const folder of folders) {
      const controller = CONTROLLERS.find((name) => folder.split('/').some((part) => part.split(',').includes(name)));
      if (controller) v1.set(controller, folder);
      else v2 = folder;
    }
    return new Cgroup(v2, v1, NOT_LIMITED);
  }

  /**
   * The group that somebody else made for `pid`, to read of: only folders whose path has `marker`, so that a process which is
   * in no group of its own is not taken for all of the host's.
   */
  static async ofProcess(pid: number, marker: string): Promise<Cgroup> {
    const found = await findHierarchies(`/proc/${pid}/cgroup`);
    const v1 = new Map([...found.v1].filter(([, folder]) => folder.includes(marker)));
    return new Cgroup(found.v2?.own.includes(marker) ? found.v2.own : null, v1, NOT_LIMITED);
  }

  /** Files to which a process writes `0` to join. */
  get procsFiles(): string[] {
    return this.folders.map((folder) => join(folder, 'cgroup.procs'));
  }

  get freezeMethod(): FreezeMethod {
    if (this.#v2) return 'cgroup2';
    return this.#v1.has('freezer') ? 'cgroup1' : 'signal';
  }

  async pids(): Promise<number[]> {
    const folder = this.folders[0];
    if (!folder) return [];
    const text = readText(join(folder, 'cgroup.procs')) ?? '';
    return text
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** Resolves when every process of the group has stopped. Only where `freezeMethod` is not `signal`. */
  async freeze(): Promise<void> {
    const freezer = this.#v1.get('freezer');
    const done = await (this.#v2
      ? this.#freezeV2(this.#v2)
      : waitUntil(async () => {
          // A group that is being forked into may stay FREEZING until it is told again.
          await writeFile(join(freezer ?? '', 'freezer.state'), 'FROZEN');
          return readText(join(freezer ?? '', 'freezer.state'))?.trim() === 'FROZEN';
        }, FREEZE_TIMEOUT_MS));
    if (done) return;
    await this.thaw();
    throw new AppError('unavailable', 'The sandbox did not stop within five seconds, so the clock was not paused. Try again.');
  }

  async #freezeV2(folder: string): Promise<boolean> {
    await writeFile(join(folder, 'cgroup.freeze'), '1');
    return waitUntil(async () => /^frozen 1$/m.test(readText(join(folder, 'cgroup.events')) ?? ''), FREEZE_TIMEOUT_MS);
  }

  async thaw(): Promise<void> {
    const freezer = this.#v1.get('freezer');
    if (this.#v2) await writeFile(join(this.#v2, 'cgroup.freeze'), '0').catch(ignoreMissing);
    // An engine puts its containers into both hierarchies, and freezes in the older one.
    if (freezer) await writeFile(join(freezer, 'freezer.state'), 'THAWED').catch(ignoreMissing);
  }

  /** Ends every process of the group, frozen or not, and resolves when none is left. */
  async kill(): Promise<void> {
    if (this.folders.length === 0) return;
    if (this.#v2) await writeFile(join(this.#v2, 'cgroup.kill'), '1').catch(() => undefined);
    const ended = await waitUntil(async () => {
      const pids = await this.pids();
      for (const pid of pids) signalProcess(pid, 'SIGKILL');
      // Frozen processes of version 1 die only once thawed; the signal is already pending, so none of them runs on.
      await this.thaw();
      return pids.length === 0;
    }, REMOVE_TIMEOUT_MS);
    if (!ended) throw new AppError('unavailable', 'Processes of the sandbox could not be ended.');
  }

  /** How often the kernel ended a process of the group for want of memory; null where it does not say. */
  async outOfMemoryKills(): Promise<number | null> {
    const v1 = this.#v1.get('memory');
    const text = v1 ? readText(join(v1, 'memory.oom_control')) : this.#v2 ? readText(join(this.#v2, 'memory.events')) : null;
    const count = /^oom_kill (\d+)$/m.exec(text ?? '')?.[1];
    return count === undefined ? null : Number(count);
  }

  /** Processor time since the group was made; null where it is not counted. */
  async cpuMs(): Promise<number | null> {
    const v1 = this.#v1.get('cpuacct');
    if (v1) return Math.round(Number(readText(join(v1, 'cpuacct.usage'))) / 1e6);
    const usec = /^usage_usec (\d+)$/m.exec((this.#v2 && readText(join(this.#v2, 'cpu.stat'))) || '')?.[1];
    return usec === undefined ? null : Math.round(Number(usec) / 1000);
  }

  async memoryBytes(): Promise<number | null> {
    const v1 = this.#v1.get('memory');
    const text = v1 ? readText(join(v1, 'memory.usage_in_bytes')) : this.#v2 ? readText(join(this.#v2, 'memory.current')) : null;
    return text === null ? null : Number(text);
  }

  /** Memory that no cache of files is, so that the kernel cannot take it back; null where it is not counted. */
  async heldMemoryBytes(): Promise<number | null> {
    const v1 = this.#v1.get('memory');
    const folder = v1 ?? this.#v2;
    const text = folder ? readText(join(folder, 'memory.stat')) : null;
    const counts = (v1 ? ['total_rss', 'total_shmem'] : ['anon', 'shmem']).map(
      (name) => new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1],
    );
    return counts[0] === undefined ? null : counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
  }

  /** Removes the empty group. Idempotent. */
  async remove(): Promise<void> {
    for (const folder of this.folders) {
      await waitUntil(async () => {
        try {
          await rmdir(folder);
          return true;
        } catch (error) {
          // A process that just ended may still be counted for a moment.
          return (error as NodeJS.ErrnoException).code !== 'EBUSY';
        }
      }, REMOVE_TIMEOUT_MS);
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'ENODEV') throw error;
}
