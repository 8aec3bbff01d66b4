import type { Clock, Timer } from '@plumbline/core';
import type { EventData } from '@plumbline/protocol';
import type { WorkspaceFiles } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { Blobs } from './blobs.ts';
import type { EventLog } from './eventLog.ts';
import type { ServerTime } from './serverTime.ts';

export type SnapshotCause = EventData<'snapshot.taken'>['cause'];

/** Saves come in bursts; one snapshot stands for all within this time. */
const AFTER_SAVE_MS = 3_000;
const PERIOD_MS = 5 * 60_000;
/** A snapshot of so short a time ago stands for now: one is a walk of the whole workspace. */
const FRESH_MS = 10_000;
/** An event names only so many paths that were left out. */
const SKIPPED_MAX = 200;

export interface SnapshotsOptions {
  readonly files: WorkspaceFiles;
  readonly blobs: Blobs;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly time: ServerTime;
  readonly logger: Logger;
  /** Whether the workspace can have changed at all. */
  readonly isRunning: () => boolean;
  /** The snapshot that the workspace was just brought back from; null where it was not. */
  readonly restoredCommit: string | null;
}

/** Trees of the workspace over time, one at a time. A snapshot that fails is logged and never in anybody's way. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  #turn: Promise<void> = Promise.resolve();
  #afterSave: Timer | null = null;
  #period: Timer | null = null;
  #closed = false;
  /** When one of now was last asked for. */
  #askedMonoMs: number | null = null;
  /**
   * The commit that the next snapshot may build on: the last that was recorded, with no blob lost since. What was taken and not recorded,
   * as where the runner ended in between, is nothing to build on.
   */
  #base: string | null;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#base = options.log.state.snapshotBase ?? options.restoredCommit;
    this.#armPeriod();
  }

  /** A file was saved in the editor. */
  saved(): void {
    if (this.#closed) return;
    this.#afterSave ??= this.#options.clock.setTimer(AFTER_SAVE_MS, () => {
      this.#afterSave = null;
      void this.take('save');
    });
  }

  /** Takes one and resolves with the bundle's hash, or null where nothing changed or it failed. */
  async take(cause: SnapshotCause): Promise<string | null> {
    return this.#inTurn(cause).catch((error: unknown) => {
      this.#options.logger.error({ err: error, cause }, 'a snapshot could not be taken');
      return null;
    });
  }

  /** Has the newest snapshot be one of now, where the workspace can have changed. */
  async takeFresh(): Promise<void> {
    const { clock, isRunning } = this.#options;
    if (!isRunning() || (this.#askedMonoMs !== null && clock.monoMs() - this.#askedMonoMs < FRESH_MS)) return;
    this.#askedMonoMs = clock.monoMs();
    await this.take('periodic');
  }

  /** The same for what rests on it: rejects where it failed. */
  async takeSurely(cause: SnapshotCause): Promise<void> {
    await this.#inTurn(cause);
  }

  #inTurn(cause: SnapshotCause): Promise<string | null> {
    const taken = this.#turn.then(() => (this.#closed ? null : this.#take(cause)));
    this.#turn = taken.then(
      () => undefined,
      () => undefined,
    );
    return taken;
  }

  /** A blob is lost: snapshots that rest on it cannot be had, and the next one rests on none. */
  blobLost(): void {
    this.#base = null;
  }

  close(): void {
    this.#closed = true;
    this.#afterSave?.cancel();
    this.#period?.cancel();
  }

  #armPeriod(): void {
    this.#period = this.#options.clock.setTimer(PERIOD_MS, () => {
      if (this.#options.isRunning()) void this.take('periodic');
      this.#armPeriod();
    });
  }

  async #take(cause: SnapshotCause): Promise<string | null> {
    const { files, blobs, log, time } = this.#options;
    const base = this.#base;
    const taken = await files.snapshot({ message: cause, atMs: time.nowMs(), base });
    const { bundlePath, bundleHash, tree, commit } = taken;
    if (bundlePath === null && cause === 'periodic') return null;
    if (bundlePath !== null && bundleHash !== null) await blobs.add(bundlePath, bundleHash, false);
    // What it builds on was lost while it was taken.
    if (this.#base !== base) return this.#take(cause);
    this.#base = commit;
    log.event('snapshot.taken', 0, {
      cause,
      tree,
      commit,
      ...(bundleHash === null ? {} : { bundle: bundleHash, base: taken.base }),
      files: taken.files,
      bytes: taken.bytes,
      skipped: taken.skipped.slice(0, SKIPPED_MAX),
      skippedCount: taken.skippedCount,
    });
    return bundleHash;
  }
}
