import { readdir, readFile, readlink } from 'node:fs/promises';
import { isSameProcess, processStat } from '../../host/processTable.ts';
import { foldersInMemory, IN_VIEW_PATHS } from '../inView.ts';
import type { SandboxSpec, View } from '../isolation.ts';
import type { Engine } from './engine.ts';

/** What of a sandbox is which container, and what each may. */

export const VIEWS: readonly View[] = ['participant', 'scorer', 'platform'];
/** In every container: the programs of its first process, and the socket through which it is asked. */
export const DOOR_PATH = '/.plumbline';
const INIT = `${DOOR_PATH}/container_init.py`;
/** The image's own: environments bring what they like on the path. */
const IMAGE_PYTHON = '/usr/bin/python3';

const LABEL = 'plumbline.runner';
const NO_LIMIT = -1;
/** Deep recursions of numerical code, as NVIDIA advises for its images. */
const STACK_BYTES = 64 * 1024 ** 2;
const MAX_OPEN_FILES = 65_536;

/** What the first process needs to give files, to become the participant, and to end what it started. */
const INIT_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETPCAP', 'SETUID'];
/** A family's scorer is root, as the Task Standard has it: it gives files away and becomes the participant. No more than that. */
const SCORER_CAPABILITIES = [...INIT_CAPABILITIES, 'FSETID', 'NET_BIND_SERVICE', 'AUDIT_WRITE'];
const BUILD_CAPABILITIES = [...SCORER_CAPABILITIES, 'MKNOD', 'SETFCAP', 'SYS_CHROOT'];

interface Owned {
  path: string;
  uid: number;
  /** A number, or a group's name in the image. */
  gid: number | string;
  mode: number | null;
  /** With all that is in it, unless its top is this user's already. Without, what is in it is mounted, and stays whose it is. */
  deep: boolean;
}

/** See `container_init.py`. */
export interface InitConfig {
  owner: number;
  become: number | null;
  sweep: boolean;
  own: Owned[];
  seed: string | null;
}

export interface Mount {
  source: string;
  target: string;
  readOnly?: boolean;
}

export interface ContainerOptions {
  image: string;
  init: InitConfig;
  mounts: Mount[];
  network: 'none' | 'host';
  kind: View | 'build';
  limits: Pick<SandboxSpec, 'memoryBytes' | 'maxProcesses' | 'cpus' | 'gpuIds'>;
  labels: Record<string, string>;
  /** The control group in which the engine makes the container's; null for the engine's own choice. */
  parentGroup: string | null;
  /** False where this engine may not lift the limit on locked memory. */
  lockMemory: boolean;
}

function capabilitiesOf(kind: ContainerOptions['kind']): string[] {
  if (kind === 'build') return BUILD_CAPABILITIES;
  return kind === 'scorer' ? SCORER_CAPABILITIES : INIT_CAPABILITIES;
}

/** The engine's own description of a container. */
export function containerSpec(options: ContainerOptions): object {
  const { init, kind, limits, mounts } = options;
  const { memoryBytes, maxProcesses, cpus, gpuIds } = limits;
  const gpus = gpuIds.length > 0;
  const inMemory = foldersInMemory(memoryBytes);
  const tmpfs = (bytes: number | null) => `rw,nosuid,nodev,exec,mode=1777${bytes === null ? '' : `,size=${bytes}`}`;
  const ulimits = [
    { Name: 'core', Soft: 0, Hard: 0 },
    ...(options.lockMemory
      ? [
          { Name: 'memlock', Soft: NO_LIMIT, Hard: NO_LIMIT },
          { Name: 'stack', Soft: STACK_BYTES, Hard: STACK_BYTES },
          { Name: 'nofile', Soft: MAX_OPEN_FILES, Hard: MAX_OPEN_FILES },
        ]
      : []),
  ];
  return {
    Image: options.image,
    Entrypoint: [IMAGE_PYTHON, '-I', '-S', INIT, JSON.stringify({ door: DOOR_PATH, ...init })],
    Cmd: [],
    // An engine that ends waits for nobody: the first process heeds no other signal.
    StopSignal: 'SIGKILL',
    User: '0:0',
    WorkingDir: '/',
    Hostname: 'plumbline',
    // An image may ask for all GPUs by itself.
    Env: gpus ? [] : ['NVIDIA_VISIBLE_DEVICES=void'],
    Healthcheck: { Test: ['NONE'] },
    Labels: options.labels,
    HostConfig: {
      // Engines before 24.0.8 end those that remove themselves when they are started again, though they take over all others (moby#46308).
      AutoRemove: false,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
      NetworkMode: options.network,
      ...(options.parentGroup === null ? {} : { CgroupParent: options.parentGroup }),
      IpcMode: 'private',
      UsernsMode: 'host',
      CapDrop: ['ALL'],
      CapAdd: capabilitiesOf(kind),
      SecurityOpt: kind === 'build' ? [] : ['no-new-privileges'],
      // A scorer may write where it likes, as on the standard's own host; nothing of it is seen by the participant.
      ReadonlyRootfs: kind === 'participant' || kind === 'platform',
      Tmpfs:
        kind === 'build'
          ? {}
          : {
              '/tmp': tmpfs(inMemory['/tmp']),
              '/var/tmp': tmpfs(inMemory['/var/tmp']),
              '/run': 'rw,nosuid,nodev,mode=0755',
            },
      Mounts: mounts.map(({ source, target, readOnly }) => ({ Type: 'bind', Source: source, Target: target, ReadOnly: readOnly === true })),
      // Swap would only make a memory hog slow instead of ending it.
      ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(maxProcesses === null ? {} : { PidsLimit: maxProcesses }),
      ...(cpus === null ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      ...(gpus ? { DeviceRequests: [{ Driver: '', DeviceIDs: [...gpuIds], Capabilities: [['gpu']] }] } : {}),
      ShmSize: inMemory['/dev/shm'],
      Ulimits: ulimits,
    },
  };
}

/** The folders of the host that the scorer alone sees. */
export function scorerFolders(spec: SandboxSpec): { hostPath: string; path: string }[] {
  return (spec.readOnly ?? []).filter(({ only }) => only === 'scorer');
}

/** What a view sees of the host: its own folders, and nothing else. */
export async function viewMounts(view: View, spec: SandboxSpec, doorDir: string): Promise<Mount[]> {
  const at = (name: string) => `${spec.dir}/${name}`;
  const mounts: Mount[] = [
    { source: doorDir, target: DOOR_PATH },
    { source: spec.workspaceDir, target: IN_VIEW_PATHS.home },
    { source: at('etc/resolv.conf'), target: '/etc/resolv.conf', readOnly: true },
  ];
  if (view === 'participant') mounts.push({ source: spec.socketDir, target: IN_VIEW_PATHS.run, readOnly: true });
  else mounts.push({ source: at('assets'), target: IN_VIEW_PATHS.assets, readOnly: true });
  if (view === 'platform') mounts.push({ source: at('store'), target: IN_VIEW_PATHS.store });
  else {
    for (const { hostPath, path, only } of spec.readOnly ?? []) {
      if (only === undefined || (only === 'participant' && view === 'participant'))
        mounts.push({ source: hostPath, target: path, readOnly: true });
    }
  }
  if (view === 'scorer') {
    // What is in them and not they themselves, which everybody may read on the host: the folder in the container is root's alone.
    for (const { hostPath, path } of scorerFolders(spec)) {
      for (const name of await readdir(hostPath)) mounts.push({ source: `${hostPath}/${name}`, target: `${path}/${name}`, readOnly: true });
    }
    mounts.push({ source: at('root'), target: IN_VIEW_PATHS.root }, { source: at('protected'), target: IN_VIEW_PATHS.protected });
  }
  return mounts;
}

async function processNamespace(): Promise<string> {
  return readlink('/proc/self/ns/pid');
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Says of a container whose it is: this process, found again by boot, process namespace, pid and start time. */
export async function runnerLabel(): Promise<Record<string, string>> {
  const own = processStat(process.pid);
  return { [LABEL]: [await bootId(), await processNamespace(), process.pid, own?.startTime].join(' ') };
}

/**
 * Removes every container whose runner is no more. Most end with it and are only to be removed; one that was paused then, or had not
 * been asked for anything yet, runs on.
 */
export async function removeOrphans(engine: Engine): Promise<number> {
  const [boot, namespace] = [await bootId(), await processNamespace()];
  let removed = 0;
  for (const { id, labels } of await engine.withLabel(LABEL)) {
    const [itsBoot, itsNamespace, pid = '', startTime = ''] = (labels[LABEL] ?? '').split(' ');
    // Of another process namespace's runner nothing can be said from here.
    if (itsBoot === boot && (itsNamespace !== namespace || isSameProcess(Number(pid), startTime))) continue;
    await engine.remove(id);
    removed++;
  }
  return removed;
}
