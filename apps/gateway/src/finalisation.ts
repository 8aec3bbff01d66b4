import { AppError, rowThatCounts } from '@plumbline/core';
import { enqueue, listScores, moveAttempt, requestScore, type ScoreRecord } from '@plumbline/database';
import type { LiveAttempt } from './liveAttempt.ts';

/** The attempt's state is polled at this interval while a score runs: the rows are the truth, whoever writes them. */
const POLL_MS = 250;

/** Above what the runner allows the family's `teardown()`. */
const TEARDOWN_WITHIN_MS = 90_000;

/**
 * A score of the platform's own that came to nothing is tried again after each of these waits, and then no more: a full disk or
 * a `start()` that fails would otherwise add rows without end, and hold the machine for good.
 */
const RETRY_AFTER_MS: readonly number[] = [5_000, 30_000, 120_000];

/**
 * Takes an ended attempt to `completed`: participant's processes end, pending scores finish, the final state is scored,
 * the row that counts is scored again in clean sandboxes, the recording is sealed. Each step is found in the database or
 * done again harmlessly, so that any process may die at any point and the next attach goes on.
 */
export class Finalisation {
  readonly #attempt: LiveAttempt;
  readonly #retryAfterMs: readonly number[];
  #running = false;

  constructor(attempt: LiveAttempt, retryAfterMs = RETRY_AFTER_MS) {
    this.#attempt = attempt;
    this.#retryAfterMs = retryAfterMs;
  }

  /** Starts, or goes on, unless it is under way or no sandbox is attached. */
  advance(): void {
    if (this.#running || this.#attempt.runner === null) return;
    this.#running = true;
    this.#run()
      .catch((error) => {
        this.#attempt.gateway.log.warn(
          { attempt: this.#attempt.id, error: String(error) },
          'finalising stopped; it goes on when the sandbox is back',
        );
        // Without a new attach nobody would start it again.
        setTimeout(() => this.advance(), 2_000).unref();
      })
      .finally(() => {
        this.#running = false;
      });
  }

  async #run(): Promise<void> {
    const { gateway, id } = this.#attempt;
    await this.#settled();
    await this.#runner().call('finalise', {}, 120_000);
    const rows = await this.#scoreUntil(1, await this.#settled(), 'final');
    const { settings } = this.#attempt.view;
    const counts = rowThatCounts(rows, settings);
    if (counts !== null && counts.submissionHash !== null) {
      await this.#scoreUntil(settings.cleanRescores, rows, 'clean', { id: counts.id, submissionHash: counts.submissionHash });
    }
    await this.#tearDown();
    const recorder = this.#attempt.recorder;
    if (recorder === null) throw new AppError('sandbox_unavailable', 'The sandbox left while the recording was being sealed.');
    await recorder.takeOutbox();
    await recorder.finish();
    await moveAttempt(gateway.db, id, 'completed', {});
    await enqueue(gateway.db, 'retire', { attemptId: id });
    await enqueue(gateway.db, 'index', { attemptId: id });
    await this.#attempt.refresh();
  }

  /**
   * Scores until `wanted` of these rows came to an outcome, or until trying again is of no use; whoever reviews the attempt then
   * reads what is missing. Counts rows of earlier lives of this process too.
   *
   * @returns all rows.
   */
  async #scoreUntil(
    wanted: number,
    before: readonly ScoreRecord[],
    trigger: 'final' | 'clean',
    of?: { id: string; submissionHash: string },
  ): Promise<readonly ScoreRecord[]> {
    const { gateway, id } = this.#attempt;
    let rows = before;
    for (;;) {
      const own = rows.filter((row) => row.trigger === trigger && row.ofScoreId === (of?.id ?? null));
      const failed = own.filter((row) => row.status === 'cancelled');
      if (own.length - failed.length >= wanted) return rows;
      if (failed.length > this.#retryAfterMs.length) {
        gateway.log.error(
          { attempt: id, trigger, reason: failed.at(-1)?.message },
          'a score could not be taken; the attempt ends without it',
        );
        return rows;
      }
      if (failed.length > 0) await new Promise((resolve) => setTimeout(resolve, this.#retryAfterMs[failed.length - 1]));
      // One that left meanwhile is no failure of the scorer's.
      this.#runner();
      await this.#score(trigger, of);
      rows = await this.#settled();
    }
  }

  async #score(trigger: 'final' | 'clean', of?: { id: string; submissionHash: string }): Promise<void> {
    const row = await requestScore(this.#attempt.gateway.db, this.#attempt.id, trigger, of === undefined ? {} : { ofScoreId: of.id });
    await this.#attempt.scoring.start(row, of?.submissionHash);
  }

  /** The family's own end. Nothing of an attempt rests on it, so that one which fails or hangs keeps none from its end. */
  async #tearDown(): Promise<void> {
    const { gateway, id } = this.#attempt;
    await this.#runner()
      .call('teardown', {}, TEARDOWN_WITHIN_MS)
      .catch((error: unknown) => gateway.log.warn({ attempt: id, error: String(error) }, 'the environment was not torn down'));
  }

  /** All score rows, once none is running. */
  async #settled(): Promise<ScoreRecord[]> {
    for (;;) {
      const rows = await listScores(this.#attempt.gateway.db, this.#attempt.id);
      if (rows.every((row) => row.status !== 'running')) return rows;
      this.#runner();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #runner() {
    const { runner } = this.#attempt;
    if (runner === null) throw new AppError('sandbox_unavailable', 'The sandbox is not connected.');
    return runner;
  }
}
