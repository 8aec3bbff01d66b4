import { AppError, rowThatCounts } from '@plumbline/core';
import { enqueue, listScores, moveAttempt, requestScore, type ScoreRecord } from '@plumbline/database';
import type { LiveAttempt } from './liveAttempt.ts';

/** The attempt's state is polled at this interval while a score runs: the rows are the truth, whoever writes them. */
const POLL_MS = 250;

/**
 * Takes an ended attempt to `completed`: participant's processes end, pending scores finish, the final state is scored,
 * the row that counts is scored again in clean sandboxes, the recording is sealed. Each step is found in the database or
 * done again harmlessly, so that any process may die at any point and the next attach goes on.
 */
export class Finalisation {
  readonly #attempt: LiveAttempt;
  #running = false;

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
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
    let rows = await this.#settled();
    if (!rows.some((row) => row.trigger === 'final' && row.status !== 'cancelled')) {
      await this.#score('final');
      rows = await this.#settled();
    }
    const { settings } = this.#attempt.view;
    const counts = rowThatCounts(rows, settings);
    if (counts !== null && counts.submissionHash !== null) {
      const done = (all: readonly ScoreRecord[]) =>
        all.filter((row) => row.trigger === 'clean' && row.ofScoreId === counts.id && row.status !== 'cancelled').length;
      while (done(rows) < settings.cleanRescores) {
        await this.#score('clean', { id: counts.id, submissionHash: counts.submissionHash });
        rows = await this.#settled();
      }
    }
    const recorder = this.#attempt.recorder;
    if (recorder === null) throw new AppError('sandbox_unavailable', 'The sandbox left while the recording was being sealed.');
    await recorder.takeOutbox();
    await recorder.finish();
    await moveAttempt(gateway.db, id, 'completed', {});
    await enqueue(gateway.db, 'retire', { attemptId: id });
    await enqueue(gateway.db, 'index', { attemptId: id });
    await this.#attempt.refresh();
  }

  async #score(trigger: 'final' | 'clean', of?: { id: string; submissionHash: string }): Promise<void> {
    const row = await requestScore(this.#attempt.gateway.db, this.#attempt.id, trigger, of === undefined ? {} : { ofScoreId: of.id });
    await this.#attempt.scoring.start(row, of?.submissionHash);
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
