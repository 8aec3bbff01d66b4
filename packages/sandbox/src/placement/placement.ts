import { AppError } from '@plumbline/core';
import type { HostInventory, RunnerConfig } from '@plumbline/protocol';
import type { Asset } from '@plumbline/taskstandard/settings';

/**
 * Where a runner runs. A placement starts one somewhere that has the resources, tells whether it still runs, and stops
 * it; it knows nothing of what the runner does. Folders of the runner's config are paths of the machine that it runs on,
 * so the placement fills them in.
 */

export type PlacementName = 'local' | 'ssh' | 'slurm';

/** What finds a runner again after a restart of the platform. Kept as JSON; only the placement that made it reads the rest. */
export interface RunnerHandle {
  readonly placement: PlacementName;
  readonly attemptId: string;
  readonly [key: string]: unknown;
}

export type RunnerStatus =
  /** Not started yet, or stopped for now by a scheduler: in words for the person who waits, with how many are ahead where that is known. */
  | { readonly state: 'queued'; readonly reason: string; readonly ahead: number | null }
  | { readonly state: 'running' }
  /**
   * It runs no more. `folderKept` tells whether another start on the same host finds its state folder; `failedNode` names the node of a
   * cluster that failed, or that ended it before it could be of use.
   */
  | { readonly state: 'gone'; readonly cause: string; readonly folderKept: boolean; readonly failedNode?: string };

/** What a runner is to do, before it is known where. */
export interface RunnerRequest extends Omit<RunnerConfig, 'stateDir' | 'imageDir' | 'assetsDir' | 'familyDir'> {
  /** The family's folder on this machine; a placement elsewhere copies it, once per content. */
  readonly familyDir: string;
  readonly familyHash: string;
  /** What a scheduler is to reserve. GPUs that a lease has chosen already are in `gpuIds`. */
  readonly resources: RunnerResources;
}

export interface RunnerResources {
  readonly gpuCount: number;
  /** As the host's own tools name it, in part and whatever the case: `h100`. Null: any. */
  readonly gpuModel: string | null;
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  /** Nothing else may run on its machine: its scores are times. */
  readonly exclusive: boolean;
  /** Nodes of a cluster that it must not be put on, by the scheduler's names. */
  readonly avoidNodes: readonly string[];
  /** After this long at most the platform has stopped the runner itself: limit + pauses + margin. */
  readonly maxDurationMs: number;
}

/**
 * The name of an attempt's folders on a host.
 *
 * @throws AppError `invalid_input` for what would name anything else.
 */
export function attemptFolderName(attemptId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(attemptId)) throw new AppError('invalid_input', 'That is no attempt’s name.');
  return attemptId;
}

export interface Placement {
  readonly name: PlacementName;
  /**
   * Starts a runner detached from this process, which may end at once. The token reaches it by no argument, environment
   * or file that others read. Rejects with `sandbox_unavailable` and what to do where it cannot be started.
   */
  start(request: RunnerRequest): Promise<RunnerHandle>;
  /** Rejects with `unavailable` where the machine cannot be asked: that is no sign of death. */
  status(handle: RunnerHandle): Promise<RunnerStatus>;
  /** Asks it to end, makes it end after 10 s, and ends what it left running. Idempotent; resolves once it is proven gone. */
  stop(handle: RunnerHandle): Promise<void>;
  /** The runner last started for this attempt, alive or not; null where none was. */
  find(attemptId: string): Promise<RunnerHandle | null>;
  /** Every runner of ours that lives or waits, whatever this platform's own books say. */
  list(): Promise<RunnerHandle[]>;
  /**
   * Removes all that an attempt left on the host: its runner's folder with the workspace, the disk of that and the journal. Whether
   * the attempt is over is for the caller to know. Idempotent; rejects with `conflict` while a runner lives or waits, or where not all
   * could be removed, with `invalid_input` for what is no attempt's name, and with `unavailable` where the host cannot be asked.
   */
  remove(attemptId: string): Promise<void>;
}

/** What is copied and fetched before anybody needs it. */
export interface WarmFamily {
  readonly familyDir: string;
  readonly familyHash: string;
  readonly assets: readonly Asset[];
}

/** What a runner there would be told. */
export type InspectOptions = Pick<RunnerConfig, 'isolation' | 'docker' | 'gatewayUrl'>;

/** A placement whose host an operator looks after. */
export interface CheckedPlacement extends Placement {
  /** What the host has. What is wrong with it is a problem in the inventory; rejects with `unavailable` where it cannot be asked. */
  inspect(options: InspectOptions): Promise<HostInventory>;
  /** Puts a family there and fetches its assets. */
  warm(family: WarmFamily): Promise<void>;
  /** Gives up what it holds, such as a connection. Runners go on. */
  close(): Promise<void>;
}
