import { statfs } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '@plumbline/core';
import type { EventData } from '@plumbline/protocol';
import { gpuStates, type NetworkUse, type Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { EventLog } from './eventLog.ts';
import type { WatchedDisk } from './watchedDisk.ts';

/** Often enough that a person sees memory or disk run out before it has. */
const SAMPLE_EVERY_MS = 5_000;
/** A walk through a workspace reads each of its folders. */
const WALK_EVERY_SAMPLES = 6;

export interface ResourcesOptions {
  readonly sandbox: Pick<Sandbox, 'usage'>;
  /** The GPUs of the attempt's lease; a sample counts them in this order, from 0. */
  readonly gpuIds: readonly string[];
  readonly memoryLimitBytes: number | null;
  /** What the participant writes to, and what that lies on: the fuller one counts. */
  readonly diskDirs: readonly string[];
  /** The workspace, where it is no disk that holds it to its limit. */
  readonly watched: WatchedDisk | null;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isRunning: () => boolean;
}

/** Records what the sandbox uses while the clock runs, and its network where that changed. Returns how to stop. */
export function sampleResources(options: ResourcesOptions): () => void {
  const { sandbox, log, clock, logger } = options;
  let stopped = false;
  let timer: Timer;
  let lastNetwork: NetworkUse | undefined;
  let samplesToWalk = 0;
  let walking = false;
  let watchedBytes: number | null = null;
  /** A walk through many files takes longer than a sample is apart from the next: nobody waits for its end. */
  const walk = async (watched: WatchedDisk): Promise<void> => {
    walking = true;
    try {
      watchedBytes = (await watched.usedBytes()) ?? watchedBytes;
    } catch (error) {
      logger.debug({ err: error }, 'what the workspace takes could not be counted');
    } finally {
      walking = false;
      samplesToWalk = WALK_EVERY_SAMPLES - 1;
    }
  };
  const watchedDisk = (): Disk | null => {
    const { watched } = options;
    if (watched === null || watchedBytes === null) return null;
    return { diskBytes: watched.limitBytes, diskFreeBytes: Math.max(0, watched.limitBytes - watchedBytes) };
  };
  // A driver that fails takes nothing from what is known of the rest.
  const gpuUse = async (): Promise<EventData<'resource.sample'>['gpus']> => {
    const states = await gpuStates(options.gpuIds).catch((error: unknown) => {
      logger.warn({ err: error }, 'the GPUs’ use could not be read');
      return [];
    });
    const gpus = states.flatMap(({ id, usePercent, memoryUsedBytes }) =>
      usePercent === null || memoryUsedBytes === null
        ? []
        : [{ index: options.gpuIds.indexOf(id), usePercent, memoryBytes: memoryUsedBytes }],
    );
    return gpus.length === 0 ? undefined : gpus;
  };
  const sample = async () => {
    // A full log has no room for what can be missed.
    if (options.isRunning() && !log.full) {
      if (options.watched !== null && !walking && samplesToWalk-- <= 0) void walk(options.watched);
      try {
        const { cpuMs, memoryBytes, processes, network } = await sandbox.usage();
        const gpus = await gpuUse();
        const disks = [...(await Promise.all(options.diskDirs.map(diskOf))), watchedDisk()].filter((one) => one !== null);
        const fullest = fullestOf(disks);
        const limit = options.memoryLimitBytes === null ? {} : { memoryLimitBytes: options.memoryLimitBytes };
        if (!stopped)
          log.event('resource.sample', 0, { cpuMs, memoryBytes, ...limit, ...fullest, processes, ...(gpus === undefined ? {} : { gpus }) });
        if (!stopped && network !== undefined && !isDeepStrictEqual(network, lastNetwork)) log.event('network.sample', 0, network);
        lastNetwork = network;
      } catch (error) {
        logger.debug({ err: error }, 'the sandbox’s use could not be read');
      }
    }
    if (!stopped) timer = clock.setTimer(SAMPLE_EVERY_MS, () => void sample());
  };
  timer = clock.setTimer(SAMPLE_EVERY_MS, () => void sample());
  return () => {
    stopped = true;
    timer.cancel();
  };
}

/** The disk with the fewest bytes left, and the fewest files that any has left. */
function fullestOf(disks: readonly Disk[]): Partial<Disk> {
  const byBytes = disks.toSorted((a, b) => a.diskFreeBytes - b.diskFreeBytes)[0];
  const byFiles = disks
    .filter(({ diskFreeFiles }) => diskFreeFiles !== undefined)
    .toSorted((a, b) => Number(a.diskFreeFiles) - Number(b.diskFreeFiles))[0];
  return { ...byBytes, ...(byFiles === undefined ? {} : { diskFiles: byFiles.diskFiles, diskFreeFiles: byFiles.diskFreeFiles }) };
}

type Disk = Required<Pick<EventData<'resource.sample'>, 'diskBytes' | 'diskFreeBytes'>> &
  Pick<EventData<'resource.sample'>, 'diskFiles' | 'diskFreeFiles'>;

/** How large the disk is, and what a user who is not root may still write there; null where it does not say. */
async function diskOf(dir: string): Promise<Disk | null> {
  try {
    const { blocks, bavail, bsize, files, ffree } = await statfs(dir);
    return { diskBytes: blocks * bsize, diskFreeBytes: bavail * bsize, ...(files > 0 ? { diskFiles: files, diskFreeFiles: ffree } : {}) };
  } catch {
    return null;
  }
}
