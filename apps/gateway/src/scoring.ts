import { AppError, toAppError } from '@plumbline/core';
import { cancelScore, findScore, finishScore, runningScore, type ScoreRecord, storeScoreDetails } from '@plumbline/database';
import type { EventData, EventInput, RunningScore, ScoreProgress } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import { LostScore } from './lostScore.ts';
import { scoreRowFor } from './scoreView.ts';

/** While something waits for a score to end, its row is read this often. */
const POLL_MS = 200;

/** An attempt's scores as they pass through the gateway: from a row to the runner, and from the runner's events to the row. */
export class Scoring {
  readonly #attempt: LiveAttempt;
  #progress: ScoreProgress | null = null;
  readonly #starting = new Set<string>();

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  /**
   * Asks the runner for a score whose row stands. A runner that cannot start it makes the row a `cancelled` one with the
   * reason, and the error goes to whoever asked.
   */
  async start(row: ScoreRecord, submissionHash?: string): Promise<void> {
    const { gateway, id, runner } = this.#attempt;
    this.#starting.add(row.id);
    try {
      await this.#publish(row.id);
      await runner?.call('score', {
        scoreId: row.id,
        n: row.n,
        trigger: row.trigger as 'participant',
        ...(submissionHash === undefined ? {} : { submissionHash }),
      });
      if (runner === null) throw new Error('no sandbox');
    } catch (error) {
      const { message } = toAppError(error);
      await finishScore(gateway.db, id, { scoreId: row.id, status: 'cancelled', score: null, message: { error: message }, durationMs: 0 });
      await this.#publish(row.id);
      throw error;
    } finally {
      this.#starting.delete(row.id);
    }
  }

  /** Whether the runner is being asked for it, and need not know of it yet. */
  isStarting(scoreId: string): boolean {
    return this.#starting.has(scoreId);
  }

  /** What the score that runs is at, where a runner has said so. */
  get progress(): ScoreProgress | null {
    return this.#progress;
  }

  /** The runner has come to a step of a score, or says again which one it is at. */
  cameTo({ scoreId, step, stepElapsedMs }: RunningScore): void {
    const { gateway, view } = this.#attempt;
    const sinceMs = gateway.time.nowMs() - stepElapsedMs;
    this.#progress = { scoreId, step, sinceMs, scorerLimitMs: view.settings.scoreTimeoutSeconds * 1000 };
    this.#attempt.browsers.broadcast({ t: 'scoreProgress', progress: this.#progress });
  }

  async isRunning(): Promise<boolean> {
    return (await runningScore(this.#attempt.gateway.db, this.#attempt.id)) !== null;
  }

  /** Resolves when no score is running; one that is lost is closed. */
  async settled(lost = new LostScore(this.#attempt)): Promise<void> {
    for (;;) {
      const row = await runningScore(this.#attempt.gateway.db, this.#attempt.id);
      if (row === null) return;
      await lost.look(row);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /**
   * Writes the rows of scores whose events are about to become durable. Run before they are acknowledged: a score that
   * the runner has let go of is always a row. Doing it twice gives the same row.
   */
  async beforeDurable(events: readonly EventInput[]): Promise<void> {
    const { gateway, id } = this.#attempt;
    for (const event of events) {
      try {
        if (event.type === 'score.details') await storeScoreDetails(gateway.db, id, event.data);
        if (event.type === 'score.finished') await this.#finish(event.data);
      } catch (error) {
        // A score that nobody asked for must not hold up everything that was recorded after it.
        if (!(error instanceof AppError && error.code === 'not_found')) throw error;
        gateway.log.error({ attempt: id, type: event.type }, 'the runner finished a score that does not exist');
      }
    }
  }

  /** Closes rows whose scorer died with its runner: running in the table, and known to nobody. */
  async cancelLost(runningScoreId: string | null): Promise<void> {
    const { gateway, id } = this.#attempt;
    const lost = await runningScore(gateway.db, id);
    if (lost === null || lost.id === runningScoreId) return;
    await cancelScore(gateway.db, id, 'The sandbox was lost while the scorer ran. Score again; this row does not count.');
    await this.#publish(lost.id);
  }

  async #finish(data: EventData<'score.finished'>): Promise<void> {
    const { gateway, id } = this.#attempt;
    const { scoreId, score, message, durationMs } = data;
    await finishScore(gateway.db, id, { scoreId, status: data.status, score, message, durationMs });
    await this.#publish(scoreId);
    this.#attempt.clock.publish();
  }

  async #publish(scoreId: string): Promise<void> {
    const row = await findScore(this.#attempt.gateway.db, this.#attempt.id, scoreId);
    if (row === null) return;
    if (row.status !== 'running' && this.#progress?.scoreId === scoreId) this.#progress = null;
    for (const browser of this.#attempt.browsers) {
      browser.send({ t: 'score', row: scoreRowFor(row, this.#attempt.view) });
    }
  }
}
