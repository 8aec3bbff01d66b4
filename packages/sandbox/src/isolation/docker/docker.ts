import { chmod, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { processStat } from '../../host/processTable.ts';
import { Cgroup } from '../cgroups.ts';
import { AGENT_UID, IN_VIEW_PATHS } from '../inView.ts';
import type { FreezeMethod, Isolation, IsolationCapabilities, Sandbox, SandboxSpec, View } from '../isolation.ts';
import { ownJobGroup } from '../jobGroup.ts';
import { joinInternet, requireInternetTools, SLIRP_NAMESERVER } from '../networkNamespace.ts';
import { copyAssets, endLeftovers, writeRecord } from '../sandboxState.ts';
import { canMakeVolumes, mountVolume, unmountVolume } from '../workspaceVolume.ts';
import { containerSpec, type InitConfig, removeOrphans, runnerLabel, scorerFolders, VIEWS, viewMounts } from './containers.ts';
import { holdContainer, layDoor } from './door.ts';
import { Engine, EngineError } from './engine.ts';
import { discardDockerImage, engineImageOf, prepareDockerImage, SEED } from './image.ts';
import { DockerSandbox, type ViewContainer } from './sandbox.ts';

export interface DockerOptions {
  /** The image that families are built on; it has `/usr/bin/python3`, bash, git and tar. */
  baseImage: string;
  /** The engine's socket on this host. */
  socketPath: string;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** A process limit below this cannot even hold the shells. */
const MIN_PROCESSES = 16;
const SEED_PATH = '/run/seed.tar';
const LIMIT_REFUSED = /rlimit|ulimit|operation not permitted/i;
/** How an engine says that it has no way to give GPUs to a container. */
const GPUS_REFUSED = /could not select device driver|unknown or invalid runtime name|nvidia-container|unresolvable CDI devices/i;
const NO_GPUS =
  'The Docker engine of this host cannot give its GPUs to containers. Install NVIDIA’s Container Toolkit (nvidia-container-toolkit), run `nvidia-ctk runtime configure --runtime=docker`, and restart the engine.';
const NO_LOCKED_MEMORY =
  'The Docker engine may not lift the limit on locked memory, so it stays as the engine has it. Start the engine with LimitMEMLOCK=infinity for training on GPUs.';
const OUTSIDE_JOB =
  'The Docker engine of this node has systemd keep its containers’ groups, so they are outside the job’s: they have the attempt’s own limits, and the job’s do not count them. Start the engine with --exec-opt native.cgroupdriver=cgroupfs.';

/** A container's first process as the host counts, with what it takes to be sure of it. */
async function firstProcess(engine: Engine, name: string): Promise<{ container: string; pid: number; startTime: string }> {
  const container = await engine.inspect(name);
  const first = container?.running ? processStat(container.pid) : null;
  if (container === null || first === null) throw new AppError('sandbox_unavailable', 'A container of the sandbox ended at once.');
  return { container: container.id, pid: first.pid, startTime: first.startTime };
}

/** What each view's first process does before anything runs. */
function initOf(view: View, spec: SandboxSpec, seed: boolean): InitConfig {
  const agents = (path: string) => ({ path, uid: AGENT_UID, gid: AGENT_UID, mode: null, deep: true });
  const owner = process.getuid?.() ?? 0;
  if (view === 'participant') return { owner, become: AGENT_UID, sweep: false, own: [], seed: null };
  if (view === 'platform') {
    // Whoever runs the sandboxes takes files out of the store and puts some in, and need not be root.
    const store = { ...agents(IN_VIEW_PATHS.store), mode: owner === 0 ? null : 0o777 };
    return { owner, become: AGENT_UID, sweep: true, own: [agents(IN_VIEW_PATHS.home), store], seed: null };
  }
  const root = { path: IN_VIEW_PATHS.root, uid: 0, gid: 0, mode: 0o700, deep: true };
  const guarded = { path: IN_VIEW_PATHS.protected, uid: 0, gid: 'protected', mode: 0o750, deep: true };
  // A participant's code that the scorer runs has the participant's user.
  const closed = scorerFolders(spec).map(({ path }) => ({ ...root, path, deep: false }));
  return { owner, become: null, sweep: true, own: [root, guarded, ...closed], seed: seed ? SEED_PATH : null };
}

/** Lays the folders that are mounted. Returns whether this is the sandbox's first life, which the image's own files go into. */
async function laySources(spec: SandboxSpec): Promise<boolean> {
  const at = (name: string) => join(spec.dir, name);
  for (const dir of [spec.workspaceDir, at('store'), at('etc'), spec.socketDir]) await mkdir(dir, { recursive: true });
  await mkdir(at('protected'), { recursive: true, mode: 0o750 });
  await writeFile(at('etc/resolv.conf'), spec.network === 'internet' ? `nameserver ${SLIRP_NAMESERVER}\n` : '');
  await copyAssets(at('assets'), spec.assets);
  const root = at('root');
  if ((await stat(root).catch(() => null)) !== null) return false;
  const half = `${root}.half`;
  await rm(half, { recursive: true, force: true });
  await cp(join(spec.imageDir, 'family'), half, { recursive: true, verbatimSymlinks: true, force: true });
  await rename(half, root);
  return (await readdir(spec.workspaceDir).catch(() => [])).length === 0;
}

async function startView(engine: Engine, spec: object, name: string, door: string): Promise<Socket> {
  await engine.start(name, spec);
  return holdContainer(engine, name, door);
}

async function create(engine: Engine, spec: SandboxSpec): Promise<Sandbox> {
  if (!ID.test(spec.id)) throw new AppError('internal', 'A sandbox needs a short plain name.');
  await mkdir(spec.dir, { recursive: true });
  await chmod(spec.dir, 0o711);
  await endLeftovers(spec.dir);
  await removeOrphans(engine);
  if (spec.network === 'internet') await requireInternet();
  const image = await engineImageOf(engine, spec.imageDir);
  const names = VIEWS.map((view) => `plumbline-${spec.id}-${view}`);
  // Written before there is a container, so that none is ever without a record.
  const { id, workspaceDir } = spec;
  const record = { id, cgroups: [], hostUid: null, holder: null, containers: { socketPath: engine.socketPath, names }, workspaceDir };
  await writeRecord(spec.dir, record);
  const networks: { stop: () => Promise<void> }[] = [];
  const lives: Socket[] = [];
  try {
    const warnings = await mountVolume(spec.dir, workspaceDir, spec.diskBytes);
    const isFirstLife = await laySources(spec);
    const labels = await runnerLabel();
    const info = await engine.info();
    const parentGroup = await engine.parentGroup();
    const isOutsideJob = parentGroup === null && (await ownJobGroup()) !== null;
    const started = await Promise.allSettled(
      VIEWS.map(async (view): Promise<[View, ViewContainer]> => {
        const name = `plumbline-${spec.id}-${view}`;
        const door = join(spec.dir, 'doors', view);
        await engine.remove(name);
        await layDoor(door);
        const mounts = await viewMounts(view, spec, door);
        const seed = view === 'scorer' && isFirstLife;
        if (seed) mounts.push({ source: join(spec.imageDir, SEED), target: SEED_PATH, readOnly: true });
        const limited = view !== 'platform';
        const limits = {
          memoryBytes: limited ? spec.memoryBytes : null,
          maxProcesses: limited && spec.maxProcesses !== null ? Math.max(spec.maxProcesses, MIN_PROCESSES) : null,
          // The engine refuses more than the host has.
          cpus: limited && spec.cpus !== null ? Math.min(spec.cpus, info.NCPU) : null,
          gpuIds: limited ? spec.gpuIds : [],
        };
        const container = (lockMemory: boolean) =>
          containerSpec({
            image: image.id,
            init: initOf(view, spec, seed),
            mounts,
            network: 'none',
            kind: view,
            limits,
            labels,
            parentGroup,
            lockMemory,
          });
        const life = await startView(engine, container(engine.mayLockMemory), name, door).catch((error: unknown) => {
          if (!(error instanceof EngineError && LIMIT_REFUSED.test(error.message))) throw error;
          engine.mayLockMemory = false;
          return startView(engine, container(false), name, door);
        });
        lives.push(life);
        const { container: its, ...first } = await firstProcess(engine, name);
        const group = await Cgroup.ofProcess(first.pid, its);
        return [view, { name, door, life, group, first }];
      }),
    );
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    const containers = Object.fromEntries(started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))) as Record<
      View,
      ViewContainer
    >;
    await requireSameWorkspace(containers.platform.first.pid, workspaceDir);
    if (spec.network === 'internet') {
      for (const view of ['participant', 'scorer'] as const) networks.push(await joinInternet(containers[view].first.pid));
    }
    await writeRecord(spec.dir, { ...record, holder: containers.participant.first });
    return new DockerSandbox({
      spec,
      engine,
      containers,
      imageEnv: image.env,
      networks,
      freezeMethod: freezeMethodOf(info),
      storeDir: join(spec.dir, 'store'),
      warnings: [...warnings, ...(engine.mayLockMemory ? [] : [NO_LOCKED_MEMORY]), ...(isOutsideJob ? [OUTSIDE_JOB] : [])],
    });
  } catch (error) {
    for (const network of networks) await network.stop();
    for (const life of lives) life.destroy();
    // An engine that is away now has them named by the record.
    await Promise.allSettled(names.map((name) => engine.remove(name)));
    await unmountVolume(workspaceDir);
    if (!(error instanceof EngineError)) throw error;
    const refusesGpus = spec.gpuIds.length > 0 && GPUS_REFUSED.test(error.message);
    throw new AppError('sandbox_unavailable', refusesGpus ? NO_GPUS : `The Docker engine refused: ${error.message}`, { cause: error });
  }
}

/** An engine that does not see what this process mounts would keep the work where the next sandbox does not look for it. */
async function requireSameWorkspace(pid: number, workspaceDir: string): Promise<void> {
  // Another user's process is open to root alone, who alone mounts.
  const inside = await stat(`/proc/${pid}/root${IN_VIEW_PATHS.home}`).catch(() => null);
  if (inside === null || inside.dev === (await stat(workspaceDir)).dev) return;
  throw new AppError(
    'sandbox_unavailable',
    'The Docker engine of this host does not see the disks that the sandboxes’ user mounts. Run both in one mount namespace.',
  );
}

function freezeMethodOf({ CgroupVersion }: Awaited<ReturnType<Engine['info']>>): FreezeMethod {
  return CgroupVersion === '2' ? 'cgroup2' : 'cgroup1';
}

/** Joining a container's network is root's right, so an ordinary user of the engine has tasks without a network only. */
async function requireInternet(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new AppError(
      'sandbox_unavailable',
      'This task needs the internet inside its containers. Run the worker as root, or use bubblewrap.',
    );
  }
  await requireInternetTools();
}

async function capabilities(engine: Engine): Promise<IsolationCapabilities> {
  const info = await engine.info();
  return {
    ownImage: true,
    views: true,
    networkNone: true,
    networkInternet: await requireInternet().then(
      () => true,
      () => false,
    ),
    filesystem: true,
    memoryLimit: info.MemoryLimit,
    processLimit: info.PidsLimit,
    cpuLimit: info.CpuCfsQuota,
    diskLimit: (await canMakeVolumes()) ? 'hard' : null,
    gpus: 'nvidia' in info.Runtimes,
    scorerIsRoot: true,
    freezeMethod: freezeMethodOf(info),
  };
}

/** Containers of this host's Docker engine: any image, GPUs. */
export function dockerIsolation(options: DockerOptions): Isolation {
  const engine = new Engine(options.socketPath);
  return {
    name: 'docker',
    capabilities: () => capabilities(engine),
    create: (spec) => create(engine, spec),
    prepareImage: (image) => prepareDockerImage(engine, options.baseImage, image),
    discardImage: (dir) => discardDockerImage(engine, dir),
  };
}
