import type { IsolationName } from '@plumbline/protocol';

/**
 * How a participant is kept in. An isolation turns "run this argv in this view" into a command line of the host, and
 * creates, freezes, thaws, limits and destroys. Terminals, files, search and scoring all go through this one door, and
 * `contract.ts` holds what every isolation must keep of what it declares.
 */

/**
 * `participant`: the workspace and the task socket; all terminals share processes, network and /tmp.
 * `scorer`: also the family's copy at /root and /protected; never seen, traced or signalled by the participant.
 * `platform`: the workspace and the platform's own store (snapshots, captures); own processes, no network, never frozen.
 */
export type View = 'participant' | 'scorer' | 'platform';

/** A command line of the host, for node-pty or child_process. `env` is the whole environment, not an addition. */
export interface HostCommand {
  file: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface SandboxSpec {
  /** Unique on the host: letters, digits, `-` and `_`, at most 64. */
  id: string;
  /** This sandbox's own folder in the runner's state folder. What `create` finds there from an earlier life is used again. */
  dir: string;
  workspaceDir: string;
  /** What `prepareImage` returned: `family/` (becomes /root of the scorer) and `env/` (packages, /opt/env). */
  imageDir: string;
  network: 'none' | 'internet';
  memoryBytes: number | null;
  /** For the workspace and the rest of what the participant can write; null: no limit. */
  diskBytes: number | null;
  maxProcesses: number | null;
  /** Processor time at once, in processors, for the participant and for the scorer; null: no limit. */
  cpus: number | null;
  /** The GPUs that the participant and the scorer see, as `nvidia-smi` names them; none where it is empty. */
  gpuIds: readonly string[];
  /**
   * Host files and folders mounted read-only in the participant's and the scorer's view, or in one of them alone. What is for the scorer
   * alone is a folder, which a scorer that is root keeps from everybody else in its view.
   */
  readOnly?: readonly { hostPath: string; path: string; only?: 'participant' | 'scorer' }[];
  /** Added to the environment of the participant and the scorer. Secrets of the scorer go with each `run`. */
  env: Record<string, string>;
  /** Mounted read-only at /run/plumbline of the participant: the task socket and the `task` command (`bin/` is on PATH). */
  socketDir: string;
  /** Host files and folders copied into `paths.assets` under their base names: programs that the scorer's view runs. */
  assets?: string[];
}

export interface CommandOptions {
  /** A path of the view; the default is the home folder (scorer: /root). */
  cwd?: string;
  env?: Record<string, string>;
  /** The caller gives a terminal (node-pty): the command becomes its session's leader and owns it. */
  tty?: boolean;
}

export interface RunOptions {
  input?: string | Uint8Array;
  timeoutMs: number;
  /** For stdout and stderr each; what goes beyond is dropped and `truncated` says so. */
  maxOutputBytes: number;
  /** Ends the command, as a time-out does, once either output goes beyond. */
  endsAtMaxOutput?: boolean;
  cwd?: string;
  env?: Record<string, string>;
  /** Ends the command as a time-out does. */
  signal?: AbortSignal;
  /** Given every line of both outputs as it comes, beyond `maxOutputBytes` too. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface RunResult {
  /** Null where the command did not end by itself. A command ended by signal n inside the sandbox has 128 + n. */
  exitCode: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: Buffer;
  timedOut: boolean;
  truncated: boolean;
  /** The kernel ended a process of this view for want of memory while the command ran. False where that cannot be known. */
  outOfMemory: boolean;
  durationMs: number;
}

/** Same shape as `Sandbox.run` with its view filled in; what the task standard's host is given. */
export type Exec = (argv: string[], options: RunOptions) => Promise<RunResult>;

export type FreezeMethod = 'cgroup2' | 'cgroup1' | 'signal';

export interface FreezeResult {
  method: FreezeMethod;
  /** Present where the method is not reliable for interactive shells. */
  warning?: string;
}

export interface SandboxProcess {
  /** As the participant sees it. */
  pid: number;
  command: string;
  cpuMs: number;
  /** What whoever leads its session reads from, as `terminalNamed` names terminals; null where that is none. */
  terminal: string | null;
}

export interface Usage {
  cpuMs: number;
  memoryBytes: number;
  processes: number;
  /** Present where the isolation can tell, and the sandbox has a network at all. */
  network?: NetworkUse;
}

export interface NetworkUse {
  /** Since the sandbox was created. */
  receivedBytes: number;
  sentBytes: number;
  /** What the sandbox has connections to now, each once; at most `PEERS_MAX`. */
  peers: { address: string; port: number }[];
}

/** Paths as the views see them. Under `none` they are paths of the host. */
export interface SandboxPaths {
  home: string;
  /** The family's copy. Scorer only. */
  root: string;
  /** Scorer only. */
  protected: string;
  /** Prepared packages, read-only. */
  env: string;
  /** The task socket's folder. Participant only. */
  run: string;
  /** Platform only: snapshots, captures. */
  store: string;
  /** Programs of the platform, readable in the scorer's and the platform's view. */
  assets: string;
}

export interface Sandbox {
  readonly id: string;
  readonly isolation: string;
  readonly paths: SandboxPaths;
  readonly freezeMethod: FreezeMethod;
  /** The host uid that owns the workspace and must be able to use the task socket; null where it is the runner's own. */
  readonly hostUid: number | null;
  /** Host path of `paths.store`. */
  readonly storeDir: string;
  /** Things a person who runs this should know, such as limits that could not be set. */
  readonly warnings: readonly string[];

  command(view: View, argv: string[], options?: CommandOptions): HostCommand;
  run(view: View, argv: string[], options: RunOptions): Promise<RunResult>;

  /** Resolves when everything of the participant's has stopped; rejects with `unavailable` after 5 s, and is then to be undone by `thaw`. Idempotent. */
  freeze(): Promise<FreezeResult>;
  /** Rejects where it is not sure to have been done, within a few seconds. Idempotent. */
  thaw(): Promise<void>;
  readonly frozen: boolean;

  /** The participant's processes, without the platform's own. */
  processes(): Promise<SandboxProcess[]>;
  /** Whether nothing but shells runs. */
  isIdle(): Promise<boolean>;
  usage(): Promise<Usage>;
  /** What the participant's processes hold of the memory and nothing but their end gives back: no cache of files. Null where it is not counted. */
  heldMemoryBytes(): Promise<number | null>;

  /**
   * Ends every process of the participant, frozen ones too. The scorer's and the platform's views keep working; a new
   * participant command needs a new `create` on the same folder. Idempotent.
   */
  killParticipant(): Promise<void>;
  /**
   * Called once when a view ended without `killParticipant` or `destroy`, the participant's with its processes or another that is one for
   * all commands: a platform fault.
   */
  onEnded(listener: (view: View) => void): void;
  /** Ends everything and removes what lies outside `dir`: processes, mounts, cgroups. Files in `dir` stay. Idempotent. */
  destroy(): Promise<void>;
}

export interface IsolationCapabilities {
  /** The views are systems of their own from an image, in folders that the engine mounts; else the host's programs, read-only. */
  ownImage: boolean;
  /** The participant cannot see the scorer's files and processes. */
  views: boolean;
  /** The participant has no path to the host's network. */
  networkNone: boolean;
  networkInternet: boolean;
  /** Nothing of the host is readable or writable beyond programs. */
  filesystem: boolean;
  memoryLimit: boolean;
  processLimit: boolean;
  cpuLimit: boolean;
  /** `hard`: the kernel refuses. Null where nothing does: a runner then watches what its workspace takes, and says so. */
  diskLimit: 'hard' | null;
  gpus: boolean;
  /** The scorer's view is root with the group `protected`, so that families which use `runuser` run unchanged. */
  scorerIsRoot: boolean;
  freezeMethod: FreezeMethod;
}

export interface PrepareImageOptions {
  familyDir: string;
  /** Content hash of the family's files and build steps: the cache's key. */
  contentHash: string;
  /** The cache's folder; the image is made in `imageDir/<contentHash>`. */
  imageDir: string;
  /** Runs once, with the host's network, the family's copy at /root and a writable /opt/env. */
  install: (exec: Exec, paths: { root: string; env: string; home: string; assets: string }) => Promise<void>;
  /** As in `SandboxSpec`. */
  assets?: string[];
  /** What the build does and prints, line by line; shown to staff while it goes on. */
  onLog?: (line: string) => void;
  /**
   * Variables that the install may need, beyond the proxy, pip and certificate ones that are passed through: the family's secrets.
   * They are in no image, and hidden in what the install prints.
   */
  env?: Record<string, string>;
  signal?: AbortSignal;
}

export interface PreparedImage {
  /** To be given as `SandboxSpec.imageDir`. */
  dir: string;
  /** False where another run had made it before. */
  built: boolean;
}

export interface Isolation {
  readonly name: IsolationName;
  /** Probes this host; what it says is proved by the contract suite. */
  capabilities(): Promise<IsolationCapabilities>;
  /** Rejects with `sandbox_unavailable` and what to install or change where this host cannot. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  prepareImage(options: PrepareImageOptions): Promise<PreparedImage>;
  /** Removes what an image has outside of its folder; rejects while something uses it. Absent where an image is its folder alone. */
  discardImage?(dir: string): Promise<void>;
}
