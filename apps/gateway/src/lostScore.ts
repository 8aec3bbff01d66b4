import type { ScoreRecord } from '@plumbline/database';
import type { LiveAttempt } from './liveAttempt.ts';

/** So often the runner is asked while something waits for a score. */
const ASK_EVERY_MS = 3_000;

/**
 * Finds, for who waits, a score that runs in the table and in no sandbox: where the database went away as it was begun, nobody
 * could close its row, and everything would wait for it without end.
 */
export class LostScore {
  readonly #attempt: LiveAttempt;
  readonly #askEveryMs: number;
  #askedAtMs = performance.now();
  #suspect: string | null = null;

  constructor(attempt: LiveAttempt, askEveryMs = ASK_EVERY_MS) {
    this.#attempt = attempt;
    this.#askEveryMs = askEveryMs;
  }

  /** Closes the row of a running score once the runner, asked now and then, has not known it twice: a row stands before it is asked for. */
  async look(row: ScoreRecord): Promise<void> {
    const { runner, scoring } = this.#attempt;
    if (runner === null || performance.now() - this.#askedAtMs < this.#askEveryMs) return;
    this.#askedAtMs = performance.now();
    const said = await runner.call('score.current', {}).catch(() => null);
    // A result that is journalled is a row as soon as it is durable.
    const isUnknown = said !== null && said.scoreId !== row.id && this.#attempt.runnerMark >= said.lastN && !scoring.isStarting(row.id);
    if (isUnknown && this.#suspect === row.id) await scoring.cancelLost(said.scoreId);
    this.#suspect = isUnknown ? row.id : null;
  }
}
