import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, cp, mkdir, rename, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { AppError } from '@plumbline/core';
import { gpuDevices, hasGpuDriver } from '../../host/gpuDevices.ts';
import { processStat } from '../../host/processTable.ts';
import { Cgroup } from '../cgroups.ts';
import { claimHostUid, giveTree, releaseHostUid } from '../hostUid.ts';
import { PYTHON } from '../inView.ts';
import type { Isolation, IsolationCapabilities, Sandbox, SandboxSpec } from '../isolation.ts';
import { InternetNamespace, requireInternetTools, SLIRP_NAMESERVER } from '../networkNamespace.ts';
import { copyAssets, endLeftovers, readRecord, requireReachable, writeRecord } from '../sandboxState.ts';
import { canMakeVolumes, mountVolume, unmountVolume } from '../workspaceVolume.ts';
import { type EntererConfig, entererCommand } from './enterer.ts';
import { prepareBubblewrapImage } from './image.ts';
import { BubblewrapSandbox, type Holder } from './sandbox.ts';
import { BWRAP, type ViewSources, viewArguments, writeEtc } from './views.ts';

const START_TIMEOUT_MS = 15_000;
/** The first process only waits. Ignoring SIGCHLD makes the kernel reap what is orphaned to it. */
const WAIT = ['/bin/sh', '-c', 'trap "" CHLD; echo ready; exec sleep infinity'];
/** A process limit below this cannot even hold the shells. */
const MIN_PROCESSES = 16;

const ID = /^[A-Za-z0-9_-]{1,64}$/;

async function requireTools(): Promise<void> {
  for (const [path, name] of [
    [BWRAP, 'bubblewrap'],
    [PYTHON, 'python3'],
    ['/usr/bin/flock', 'util-linux'],
  ] as const) {
    if (
      !(await access(path).then(
        () => true,
        () => false,
      ))
    ) {
      throw new AppError(
        'sandbox_unavailable',
        `Sandboxes need the package ${name} on this host. Install it, or set PLUMBLINE_ISOLATION=none for development.`,
      );
    }
  }
}

/** Since 5.14 Linux counts a user's processes in each user namespace apart. */
function countsProcessesPerNamespace(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

/** Limits that control groups did not take are set on each process instead: weaker, and said so. */
function fallbackLimits(spec: SandboxSpec, group: Cgroup): { rlimits: Record<string, number>; warnings: string[] } {
  const rlimits: Record<string, number> = {};
  const warnings: string[] = [];
  if (spec.memoryBytes !== null && !group.memoryLimited) {
    rlimits['DATA'] = spec.memoryBytes;
    warnings.push('No control group for memory could be had: the memory limit holds for each process, not for all together.');
  }
  if (spec.maxProcesses !== null && !group.processesLimited) {
    if (countsProcessesPerNamespace()) rlimits['NPROC'] = Math.max(spec.maxProcesses, MIN_PROCESSES);
    warnings.push(
      countsProcessesPerNamespace()
        ? 'No control group for processes could be had: a limit of each process stands in for it.'
        : 'No control group for processes could be had, and this kernel counts all processes of the user together: processes are not limited.',
    );
  }
  if (spec.cpus !== null && !group.cpusLimited) {
    warnings.push('No control group for processor time could be had: the sandbox takes as many processors as the host gives it.');
  }
  if (group.freezeMethod === 'signal') {
    warnings.push(
      'No control group for freezing could be had: a pause stops processes by signal, and a shell may show its foreground job as stopped.',
    );
  }
  return { rlimits, warnings };
}

async function startHolder(config: EntererConfig, args: string[], env: Record<string, string>): Promise<Holder> {
  const command = entererCommand(config, [BWRAP, '--info-fd', '3', ...args, '--', ...WAIT], env);
  const child = spawn(command.file, command.args, {
    env: command.env,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let errors = '';
  // Whole only at its end: where this process was held up, the first word of the sandbox is read before it.
  const info = text(child.stdio[3] as Readable);
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  const failed = new AbortController();
  child.once('exit', () => failed.abort());
  child.once('error', () => failed.abort());
  try {
    await once(child.stdout as Readable, 'data', { signal: AbortSignal.any([failed.signal, AbortSignal.timeout(START_TIMEOUT_MS)]) });
    const pid: unknown = JSON.parse(await info)['child-pid'];
    const first = typeof pid === 'number' ? processStat(pid) : null;
    if (first === null) throw new Error('bwrap did not say which process it started');
    return { child, pid: first.pid, startTime: first.startTime };
  } catch (error) {
    await endChild(child);
    throw new AppError('sandbox_unavailable', 'The sandbox could not be started on this host. The log of its runner has the cause.', {
      cause: new Error(errors.trim() || 'bwrap did not start', { cause: error }),
    });
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function prepareSources(spec: SandboxSpec, uid: number | null, nameserver: string | null): Promise<ViewSources> {
  const from: ViewSources = {
    workspace: spec.workspaceDir,
    env: join(spec.imageDir, 'env'),
    root: join(spec.dir, 'root'),
    protected: join(spec.dir, 'protected'),
    store: join(spec.dir, 'store'),
    socket: spec.socketDir,
    assets: join(spec.dir, 'assets'),
    etc: join(spec.dir, 'etc'),
    readOnly: spec.readOnly ?? [],
  };
  for (const dir of [from.workspace, from.protected, from.store, from.socket]) await mkdir(dir, { recursive: true });
  if ((await stat(from.root).catch(() => null)) === null) {
    const half = `${from.root}.half`;
    await cp(join(spec.imageDir, 'family'), half, { recursive: true, verbatimSymlinks: true, force: true });
    await rename(half, from.root);
  }
  await writeEtc(from.etc, nameserver);
  await copyAssets(from.assets, spec.assets);
  if (uid !== null) for (const dir of [from.workspace, from.root, from.protected, from.store]) await giveTree(dir, uid);
  const { readOnly, ...own } = from;
  for (const dir of [...Object.values(own), ...readOnly.map(({ hostPath }) => hostPath)]) await requireReachable(dir, uid);
  return from;
}

async function create(spec: SandboxSpec): Promise<Sandbox> {
  if (!ID.test(spec.id)) throw new AppError('internal', 'A sandbox needs a short plain name.');
  await requireTools();
  await mkdir(spec.dir, { recursive: true });
  // Others may walk through, never list: the parts of the sandbox are mounted from here by its own user.
  await chmod(spec.dir, 0o711);
  await endLeftovers(spec.dir);
  if (spec.network === 'internet') await requireInternetTools();
  const uid = await claimHostUid(spec.dir, (await readRecord(spec.dir))?.hostUid ?? null);
  const undo: (() => Promise<void>)[] = [() => releaseHostUid(spec.dir, uid)];
  try {
    undo.push(() => unmountVolume(spec.workspaceDir));
    const { workspaceDir } = spec;
    await writeRecord(spec.dir, { id: spec.id, cgroups: [], hostUid: uid, holder: null, workspaceDir });
    const diskWarnings = await mountVolume(spec.dir, workspaceDir, spec.diskBytes);
    const internet = spec.network === 'internet';
    const from = await prepareSources(spec, uid, internet ? SLIRP_NAMESERVER : null);
    const groups = {
      participant: await Cgroup.create(`plumbline-${spec.id}-agent`, spec),
      scorer: await Cgroup.create(`plumbline-${spec.id}-scorer`, spec),
      // Without limits: it is there so that nothing of it is left behind.
      platform: await Cgroup.create(`plumbline-${spec.id}-platform`, { memoryBytes: null, maxProcesses: null, cpus: null }),
    };
    for (const group of Object.values(groups)) undo.push(() => group.kill().then(() => group.remove()));
    const record = { id: spec.id, cgroups: Object.values(groups).map((group) => group.folders), hostUid: uid, holder: null, workspaceDir };
    await writeRecord(spec.dir, record);
    const networks: InternetNamespace[] = [];
    if (internet) {
      for (let n = 0; n < 2; n++) {
        const network = await InternetNamespace.start(uid);
        networks.push(network);
        undo.push(() => network.stop());
      }
    }
    const [participantNetwork, scorerNetwork] = networks;
    const { rlimits, warnings } = fallbackLimits(spec, groups.participant);
    const devices = await gpuDevices(spec.gpuIds);
    const seen = { ownNetwork: !internet, devices, memoryBytes: spec.memoryBytes };
    const args = {
      scorer: await viewArguments('scorer', from, seen),
      platform: await viewArguments('platform', from, { ownNetwork: true, devices: [], memoryBytes: null }),
    };
    const config: EntererConfig = { mode: 'launch', uid, cgroups: groups.participant.procsFiles, network: participantNetwork?.pid };
    const holder = await startHolder(config, [...(await viewArguments('participant', from, seen)), '--chdir', '/home/agent'], {
      PATH: '/usr/bin:/bin',
    });
    await writeRecord(spec.dir, { ...record, holder: { pid: holder.pid, startTime: holder.startTime } });
    return new BubblewrapSandbox({
      spec,
      uid,
      from,
      groups,
      networks,
      scorerNetwork,
      holder,
      args,
      rlimits,
      warnings: [...diskWarnings, ...warnings],
    });
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function capabilities(): Promise<IsolationCapabilities> {
  await requireTools();
  const probe = await Cgroup.create(`plumbline-probe-${randomUUID()}`, { memoryBytes: 1 << 30, maxProcesses: 1000, cpus: 1 });
  await probe.remove();
  return {
    ownImage: false,
    views: true,
    networkNone: true,
    networkInternet: await requireInternetTools().then(
      () => true,
      () => false,
    ),
    filesystem: true,
    memoryLimit: probe.memoryLimited,
    processLimit: probe.processesLimited,
    cpuLimit: probe.cpusLimited,
    diskLimit: (await canMakeVolumes()) ? 'hard' : null,
    gpus: await hasGpuDriver(),
    scorerIsRoot: false,
    freezeMethod: probe.freezeMethod,
  };
}

/** One Linux host, no daemon: bubblewrap, as root (a host user per sandbox) or as an ordinary user (that user's own). */
export const bubblewrapIsolation: Isolation = { name: 'bubblewrap', capabilities, create, prepareImage: prepareBubblewrapImage };
