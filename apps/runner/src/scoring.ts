import { rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, type Clock } from '@plumbline/core';
import type { RUNNER_CALLS, RunningScore, ScoreResult, ScoreStep } from '@plumbline/protocol';
import type { Sandbox, WorkspaceFiles } from '@plumbline/sandbox';
import { replaceFile } from '@plumbline/storage';
import { runScore, type ScoreOutcome, submissionPaths } from '@plumbline/taskstandard';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Blobs } from './blobs.ts';
import type { EventLog } from './eventLog.ts';
import type { FamilyTask } from './familyTask.ts';
import type { FreezeHolds } from './freezeHolds.ts';
import { installedPackages } from './installedPackages.ts';
import type { Models } from './models.ts';
import type { Snapshots } from './snapshots.ts';

/**
 * Scores, one at a time: the submission is captured by content, the family's scorer runs over it, and the outcome is a
 * row whatever happened. Results go into the journal, so that no ending of any process loses one.
 */

export type ScoreOrder = z.infer<(typeof RUNNER_CALLS)['score']['args']>;

/** A fresh sandbox with the family's `start()` already run, for a clean re-score. */
export interface FreshSandbox {
  readonly sandbox: Sandbox;
  /** Host path of the sandbox's own folder. */
  readonly sandboxDir: string;
  readonly files: WorkspaceFiles;
  /** Ends it and removes all of it. */
  discard(): Promise<void>;
}

export interface ScoringOptions {
  readonly stateDir: string;
  readonly task: FamilyTask;
  readonly sandbox: Sandbox;
  readonly sandboxDir: string;
  readonly models: Models;
  readonly files: WorkspaceFiles;
  readonly blobs: Blobs;
  readonly snapshots: Snapshots;
  readonly holds: FreezeHolds;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the family's scorer gets besides its sandbox's environment. */
  readonly secrets: Record<string, string>;
  readonly createFresh: (name: string) => Promise<FreshSandbox>;
  readonly onStep: (score: RunningScore) => void;
}

/** Parts of an outcome that come from a scorer are cut to what a row may hold. */
const MESSAGE_MAX_BYTES = 64 * 1024;
const DETAILS_MAX_BYTES = 1024 * 1024;
const ENDED = 'The sandbox was ended while the scorer ran. Score again once it is back.';
/** A result waits so long for its submission to be stored; then it is told anyway, and the upload goes on. */
const UPLOAD_WAIT_MS = 15_000;

interface Running {
  readonly order: ScoreOrder;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** A scorer's outcome, or a score that never came to one. */
type Outcome = Omit<ScoreOutcome, 'status'> & { status: ScoreResult['status'] };

interface Scored {
  readonly outcome: Outcome;
  readonly hashBefore: string;
  readonly hashAfter: string;
}

export class Scoring {
  readonly #options: ScoringOptions;
  #running: Running | null = null;
  #step: { scoreId: string; step: ScoreStep; sinceMonoMs: number } | null = null;
  #closed = false;

  constructor(options: ScoringOptions) {
    this.#options = options;
  }

  /** The score under way whose result is not journalled yet, or null. */
  get current(): string | null {
    return this.#running?.order.scoreId ?? null;
  }

  /** What it is at, or null. */
  get step(): RunningScore | null {
    if (this.#step === null) return null;
    const { scoreId, step, sinceMonoMs } = this.#step;
    return { scoreId, step, stepElapsedMs: this.#options.clock.monoMs() - sinceMonoMs };
  }

  /** Answers for a score that an earlier life of this runner had begun: it will never finish. */
  async recover(): Promise<void> {
    const path = this.#markPath();
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return;
    const order = JSON.parse(text) as ScoreOrder;
    this.#report(order, cancelled('The sandbox was started again while the scorer ran. Score again.'), '', '');
    await rm(path, { force: true });
  }

  /** Begins a score and returns; its result comes through the event log. Throws `conflict` while another one runs. */
  async start(order: ScoreOrder): Promise<void> {
    if (this.#running !== null) {
      // The gateway asks again after a break of the link.
      if (this.#running.order.scoreId === order.scoreId) return;
      throw new AppError('conflict', 'Another score is running. Wait until it is finished, or cancel it.');
    }
    if (this.#closed) throw new AppError('sandbox_unavailable', 'The sandbox is being stopped.');
    const abort = new AbortController();
    const done = this.#run(order, abort.signal);
    this.#running = { order, abort, done };
    // Rejections are handled in `#run`; this only keeps an impossible one from ending the process.
    done.catch((error) => {
      this.#running = null;
      this.#step = null;
      this.#options.logger.error({ err: error }, 'a score ended unexpectedly');
    });
  }

  /** Ends the score that runs, if one does; its row says that it was cancelled. */
  cancel(): void {
    this.#running?.abort.abort();
  }

  /** Cancels and waits for the row to be journalled. */
  async close(): Promise<void> {
    this.#closed = true;
    this.cancel();
    await this.#running?.done;
  }

  async #run(order: ScoreOrder, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    let scored: Scored;
    try {
      await replaceFile(this.#markPath(), JSON.stringify(order), 0o600);
      scored =
        order.trigger === 'clean' || order.trigger === 'retro'
          ? await this.#scoreClean(order, signal)
          : await this.#scoreLive(order, signal);
    } catch (error) {
      logger.error({ err: error, scoreId: order.scoreId }, 'a score could not be taken');
      const reason =
        error instanceof AppError && error.code !== 'internal'
          ? error.message
          : 'The scorer could not be run. This is the platform’s fault; score again.';
      scored = { outcome: cancelled(reason), hashBefore: '', hashAfter: '' };
    }
    if (signal.aborted) scored = { ...scored, outcome: { ...cancelled(this.#closed ? ENDED : undefined), output: scored.outcome.output } };
    if (scored.hashBefore !== '') await this.#options.blobs.uploaded(scored.hashBefore, UPLOAD_WAIT_MS);
    // In one go: whoever hears of the result may ask for the next score at once.
    this.#report(order, scored.outcome, scored.hashBefore, scored.hashAfter);
    rmSync(this.#markPath(), { force: true });
    this.#running = null;
    this.#step = null;
  }

  #at({ scoreId }: ScoreOrder, step: ScoreStep): void {
    const { clock, onStep } = this.#options;
    this.#step = { scoreId, step, sinceMonoMs: clock.monoMs() };
    onStep({ scoreId, step, stepElapsedMs: 0 });
  }

  /** Scores the workspace as it stands. */
  async #scoreLive(order: ScoreOrder, signal: AbortSignal): Promise<Scored> {
    const { sandbox, sandboxDir, files, holds, task, log, blobs, snapshots } = this.#options;
    const freezes = task.settings.whileScoring.participant === 'frozen';
    this.#at(order, 'capturing');
    if (freezes) await holds.hold('scoring');
    try {
      const { maxGb } = task.settings.submission;
      const paths = submissionPaths(task.settings.submission.paths, task.scoringKind);
      const capture = await files.capture(paths, { maxBytes: maxGb * 1e9 });
      await blobs.add(capture.tarPath, capture.tarHash, true);
      await snapshots.take('score');
      this.#at(order, 'preparing');
      const packages = await installedPackages(sandbox);
      const outcome = await this.#runScorer(order, sandbox, sandboxDir, signal);
      const after = await files.hashTree(paths);
      const hashAfter = after.hash === capture.hash ? capture.tarHash : after.hash;
      log.event('submission.captured', 0, {
        scoreId: order.scoreId,
        hash: capture.tarHash,
        bytes: capture.bytes,
        files: capture.files,
        packages,
        hashAfter,
      });
      return { outcome, hashBefore: capture.tarHash, hashAfter };
    } finally {
      if (freezes) await holds.release('scoring');
    }
  }

  /** Scores a captured submission where nothing else of the attempt is. */
  async #scoreClean(order: ScoreOrder, signal: AbortSignal): Promise<Scored> {
    const { blobs, task } = this.#options;
    const hash = order.submissionHash;
    if (hash === undefined) throw new AppError('invalid_input', 'A clean score needs the submission to score.');
    this.#at(order, 'preparing');
    const tarPath = (await blobs.find(hash)) ?? (await blobs.fetch(hash));
    const fresh = await this.#options.createFresh(order.scoreId);
    try {
      const paths = submissionPaths(task.settings.submission.paths, task.scoringKind);
      await clearPaths(fresh.files, paths);
      await fresh.files.restore(tarPath);
      const before = await fresh.files.hashTree(paths);
      const outcome = await this.#runScorer(order, fresh.sandbox, fresh.sandboxDir, signal);
      const after = await fresh.files.hashTree(paths);
      return { outcome, hashBefore: hash, hashAfter: after.hash === before.hash ? hash : after.hash };
    } finally {
      await fresh.discard();
    }
  }

  async #runScorer(order: ScoreOrder, sandbox: Sandbox, sandboxDir: string, signal: AbortSignal): Promise<ScoreOutcome> {
    const { task, secrets, models } = this.#options;
    const outcome = await models.forScore(sandbox, sandboxDir, (modelEnv) => {
      this.#at(order, 'scoring');
      return runScore(
        (argv, options) => sandbox.run('scorer', argv, { ...options, signal }),
        task.scoringKind,
        { familyDir: sandbox.paths.root, module: task.family.module, task: task.name },
        { timeoutMs: task.settings.scoreTimeoutSeconds * 1000, env: { ...secrets, ...modelEnv } },
      );
    });
    this.#at(order, 'storing');
    return outcome;
  }

  #report(order: ScoreOrder, outcome: Outcome, hashBefore: string, hashAfter: string): void {
    const { log, task } = this.#options;
    // The details come first: whoever acts on the result finds them.
    log.event('score.details', 0, {
      scoreId: order.scoreId,
      details: bounded(outcome.details, DETAILS_MAX_BYTES),
      output: outcome.output,
      scorerHash: task.family.contentHash,
      hashBefore,
      hashAfter,
    });
    log.event('score.finished', 0, {
      scoreId: order.scoreId,
      n: order.n,
      trigger: order.trigger,
      status: outcome.status,
      score: outcome.status === 'scored' ? outcome.score : null,
      message: bounded(outcome.message, MESSAGE_MAX_BYTES),
      durationMs: outcome.durationMs,
    });
  }

  #markPath(): string {
    return join(this.#options.stateDir, 'score.json');
  }
}

/** A reason, where there is more to say than that it was cancelled. */
function cancelled(reason?: string): Outcome {
  return { status: 'cancelled', score: null, message: reason === undefined ? {} : { reason }, details: {}, output: '', durationMs: 0 };
}

/** What JSON can hold of a value, or a note in its place where it is too large. */
function bounded(value: unknown, maxBytes: number): unknown {
  const text = JSON.stringify(value ?? null) ?? 'null';
  return text.length <= maxBytes ? JSON.parse(text) : { truncated: true, bytes: text.length };
}

/** Makes room for a captured submission: what `start()` put at its paths is not part of it. */
async function clearPaths(files: WorkspaceFiles, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const targets = path === '.' ? (await files.list('.')).entries.map(({ name }) => name) : [path];
    for (const target of targets) {
      await files.delete(target).catch((error) => {
        if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
      });
    }
  }
}
