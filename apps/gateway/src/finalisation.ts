import { AppError, rowThatCounts, toAppError } from '@plumbline/core';
import { enqueue, listScores, moveAttempt, requestScore, runningScore, type ScoreRecord, setProgress } from '@plumbline/database';
import { takeOutSealed } from '@plumbline/recording';
import type { LiveAttempt } from './liveAttempt.ts';
import { LostScore } from './lostScore.ts';
import type { RunnerConnection } from './runnerConnection.ts';

/** The attempt's state is polled at this interval while a score runs: the rows are the truth, whoever writes them. */
const POLL_MS = 250;

/** The last snapshot, and the last uploads. */
const FINALISE_WITHIN_MS = 120_000;

/** Above what the runner allows the family's `teardown()`. */
const TEARDOWN_WITHIN_MS = 90_000;

/** A recording is sealed within seconds; one that takes so long waits for the object store. */
const SEALED_WITHIN_MS = 60_000;

/**
 * What came to nothing is tried again after each of these waits. A score of the platform's own, and the participant's end, are
 * then done without: a full disk or a `start()` that fails would otherwise hold the machine for good. What the recording
 * needs is tried on, with the longest wait.
 */
const RETRY_AFTER_MS: readonly number[] = [5_000, 30_000, 120_000];

/** The words of an error that are meant for people, to follow another sentence; nothing of one that only the log explains. */
function reasonOf(error: unknown): string {
  const { code, message } = toAppError(error);
  return code === 'internal' ? '' : ` ${message}`;
}

/**
 * Takes an ended attempt to `completed`: participant's processes end, pending scores finish, the final state is scored,
 * the row that counts is scored again in clean sandboxes, the recording is sealed. Each step is found in the database or
 * done again harmlessly, so that any process may die at any point and the next attach goes on. What holds it up is the
 * attempt's progress, which its participant and staff see.
 */
export class Finalisation {
  readonly #attempt: LiveAttempt;
  readonly #retryAfterMs: readonly number[];
  #running = false;
  #failures = 0;
  /** Goes on then, or with another runner. */
  #waiting: { runner: RunnerConnection; timer: NodeJS.Timeout } | null = null;

  constructor(attempt: LiveAttempt, retryAfterMs = RETRY_AFTER_MS) {
    this.#attempt = attempt;
    this.#retryAfterMs = retryAfterMs;
  }

  /** Starts, or goes on, unless it is under way, waits for its next try, or no sandbox is there: one that is still being made may take long. */
  advance(): void {
    const { runner, sandboxMade, view } = this.#attempt;
    if (this.#running || runner === null || !sandboxMade || view.state !== 'finalising' || this.#waiting?.runner === runner) return;
    clearTimeout(this.#waiting?.timer);
    this.#waiting = null;
    this.#running = true;
    this.#run().then(
      () => {
        this.#running = false;
        this.#failures = 0;
      },
      async (error: unknown) => {
        await this.#heldUp(runner, error);
        this.#running = false;
        this.advance();
      },
    );
  }

  /** Notes what went wrong, and when to go on. A sandbox that left is no failure: its next attach goes on. */
  async #heldUp(runner: RunnerConnection, error: unknown): Promise<void> {
    const { gateway, id } = this.#attempt;
    if (this.#attempt.runner !== runner) {
      gateway.log.info({ attempt: id, error: String(error) }, 'finalising stopped; it goes on when the sandbox is back');
      return;
    }
    const waitMs = this.#waitMs(this.#failures);
    this.#failures += 1;
    gateway.log.error({ attempt: id, error: String(error), failures: this.#failures, waitMs }, 'finalising failed; it is tried again');
    const timer = setTimeout(() => {
      this.#waiting = null;
      this.advance();
    }, waitMs);
    this.#waiting = { runner, timer: timer.unref() };
    await this.#tell(`The attempt could not be finished yet, which is tried again by itself.${reasonOf(error)}`);
  }

  #waitMs(failures: number): number {
    return this.#retryAfterMs[Math.min(failures, this.#retryAfterMs.length - 1)] as number;
  }

  /** Has its participant and staff read what holds up the end; null once nothing does. */
  async #tell(words: string | null): Promise<void> {
    const { gateway, id } = this.#attempt;
    await setProgress(gateway.db, id, words, null).catch((error: unknown) =>
      gateway.log.warn({ attempt: id, error: String(error) }, 'what holds up the end of an attempt could not be told'),
    );
  }

  async #run(): Promise<void> {
    const { gateway, id } = this.#attempt;
    // Known to nobody where the database went away as one was begun: it would be waited for without end.
    if (this.#failures > 0) await this.#attempt.scoring.cancelLost(this.#attempt.scoring.progress?.scoreId ?? null);
    await this.#settled();
    const problem = await this.#endParticipant();
    const rows = await this.#scoreUntil(1, await this.#settled(), 'final');
    const { settings } = this.#attempt.view;
    const counts = rowThatCounts(rows, settings);
    if (counts !== null && counts.submissionHash !== null) {
      await this.#scoreUntil(settings.cleanRescores, rows, 'clean', { id: counts.id, submissionHash: counts.submissionHash });
    }
    await this.#tearDown();
    await this.#seal();
    await takeOutSealed({ db: gateway.db, store: gateway.store, keys: gateway.keys, attemptId: id });
    await moveAttempt(gateway.db, id, 'completed', problem === null ? {} : { progress: problem });
    await enqueue(gateway.db, 'retire', { attemptId: id });
    await enqueue(gateway.db, 'index', { attemptId: id });
    await this.#attempt.refresh();
  }

  /** @returns what went wrong where the participant's part could not be ended, for whoever reviews the attempt. */
  async #endParticipant(): Promise<string | null> {
    const { gateway, id } = this.#attempt;
    for (let failures = 0; ; failures += 1) {
      const runner = this.#runner();
      try {
        await runner.call('finalise', {}, FINALISE_WITHIN_MS);
        if (failures > 0) await this.#tell(null);
        return null;
      } catch (error) {
        if (this.#attempt.runner !== runner) throw error;
        gateway.log.error({ attempt: id, error: String(error), failures }, 'the participant’s part could not be ended');
        if (failures >= this.#retryAfterMs.length) {
          return `The programs in the sandbox could not be ended properly, so the last snapshot may be missing.${reasonOf(error)}`;
        }
        await this.#tell(`The programs in the sandbox could not be ended yet, which is tried again by itself.${reasonOf(error)}`);
        await pause(this.#waitMs(failures));
      }
    }
  }

  /**
   * Scores until `wanted` of these rows came to an outcome, or until trying again is of no use; whoever reviews the attempt then
   * reads what is missing, and may have it tried again. Counts rows of earlier lives of this process too.
   *
   * @returns all rows.
   */
  async #scoreUntil(
    wanted: number,
    before: readonly ScoreRecord[],
    trigger: 'final' | 'clean',
    of?: { id: string; submissionHash: string },
  ): Promise<readonly ScoreRecord[]> {
    const { gateway, id, view } = this.#attempt;
    // Set for an attempt that is scored again: what failed before its first end is forgiven.
    const sinceMs = view.completedAtMs ?? 0;
    let rows = before;
    for (;;) {
      const own = rows.filter((row) => row.trigger === trigger && row.ofScoreId === (of?.id ?? null));
      const failed = own.filter((row) => row.status === 'cancelled');
      if (own.length - failed.length >= wanted) return rows;
      const failures = failed.filter((row) => row.requestedAt.getTime() > sinceMs).length;
      if (failures > this.#retryAfterMs.length) {
        gateway.log.error(
          { attempt: id, trigger, reason: failed.at(-1)?.message },
          'a score could not be taken; the attempt ends without it',
        );
        return rows;
      }
      if (failures > 0) await pause(this.#waitMs(failures - 1));
      await this.#score(trigger, of);
      rows = await this.#settled();
    }
  }

  async #score(trigger: 'final' | 'clean', of?: { id: string; submissionHash: string }): Promise<void> {
    // One that left meanwhile is no failure of the scorer's.
    const runner = this.#runner();
    const row = await requestScore(this.#attempt.gateway.db, this.#attempt.id, trigger, of === undefined ? {} : { ofScoreId: of.id });
    await this.#attempt.scoring.start(row, of?.submissionHash).catch((error: unknown) => {
      if (this.#attempt.runner !== runner) throw error;
      // Its row is a cancelled one already, and counts as such, unless the database did not take that.
      return this.#attempt.scoring.cancelLost(null);
    });
  }

  /** The family's own end. Nothing of an attempt rests on it, so that one which fails or hangs keeps none from its end. */
  async #tearDown(): Promise<void> {
    const { gateway, id } = this.#attempt;
    await this.#runner()
      .call('teardown', {}, TEARDOWN_WITHIN_MS)
      .catch((error: unknown) => gateway.log.warn({ attempt: id, error: String(error) }, 'the environment was not torn down'));
  }

  async #seal(): Promise<void> {
    const { recorder } = this.#attempt;
    if (recorder === null) throw new AppError('sandbox_unavailable', 'The sandbox left while the recording was being sealed.');
    const slow = setTimeout(
      () => void this.#tell('The recording waits to be sealed: the object store does not take it. All of it is kept meanwhile.'),
      SEALED_WITHIN_MS,
    ).unref();
    try {
      await recorder.takeOutbox();
      await recorder.finish();
    } finally {
      clearTimeout(slow);
    }
  }

  /** All score rows, once none is running; one that is lost is closed. */
  async #settled(): Promise<ScoreRecord[]> {
    const lost = new LostScore(this.#attempt);
    for (;;) {
      const row = await runningScore(this.#attempt.gateway.db, this.#attempt.id);
      if (row === null) return listScores(this.#attempt.gateway.db, this.#attempt.id);
      this.#runner();
      await lost.look(row);
      await pause(POLL_MS);
    }
  }

  #runner(): RunnerConnection {
    const { runner } = this.#attempt;
    if (runner === null) throw new AppError('sandbox_unavailable', 'The sandbox is not connected.');
    return runner;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
