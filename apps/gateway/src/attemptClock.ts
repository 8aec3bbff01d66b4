import {
  AppError,
  clockFigures,
  deadlineMs,
  lastStaffEvent,
  nextWarningMs,
  openStaffPause,
  toAppError,
  warningsCrossed,
} from '@plumbline/core';
import { appendClockEvent, databaseNowMs } from '@plumbline/database';
import type { AttemptStatus, ClockView } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import { Turn } from './turn.ts';

/** Timers of Node hold at most 2^31 ms; a longer wait is cut and armed again. */
const TIMER_MAX_MS = 60_000;
/** How long to wait before a deadline is served again when the database did not answer. */
const RETRY_MS = 1_000;
/** The least remaining time for which the runner's own zero is taken: its timer may be this much ahead of the database. */
const ZERO_TOLERANCE_MS = 50;

/**
 * Serves one attempt's clock: sends it to the runner and the browsers, warns, and ends the attempt at zero. It computes
 * nothing itself: the figures are `core`'s over the stored events, on the database's clock.
 */
export class AttemptClock {
  /**
   * Pauses, resumes and the begins of scores. Each looks at what the one before it left: one that is refused beside another would have the
   * sandbox go on that the other has just stopped.
   */
  readonly turn = new Turn();
  readonly #attempt: LiveAttempt;
  #timer: NodeJS.Timeout | null = null;
  #lastRemainingMs = Number.NaN;
  #ending = false;
  /** The runner is told of no running clock with a lower number. */
  #runningFromN = 0;
  #heldBack = false;

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  clockView(): ClockView {
    const { view, gateway } = this.#attempt;
    const rollback = view.events.findLast((event) => event.kind === 'rollback');
    const staff = lastStaffEvent(view.events, view.ownerUserId);
    const pause = openStaffPause(view.state, view.events, view.ownerUserId);
    return {
      ...clockFigures(view, gateway.time.nowMs()),
      ...(rollback === undefined ? {} : { rollback: { n: rollback.n, toElapsedMs: rollback.toElapsedMs, reason: rollback.reason } }),
      ...(staff === null ? {} : { staff }),
      ...(pause === null ? {} : { staffPause: { reason: pause.reason } }),
    };
  }

  status(): AttemptStatus {
    const { state, elapsedMs, remainingMs, limitMs, pausesLeft, pauseLeftMs } = this.clockView();
    const { view, recordingStalled } = this.#attempt;
    return { state, elapsedMs, remainingMs, limitMs, pausesLeft, pauseLeftMs, scoreVisible: view.scoreVisible, recordingStalled };
  }

  /** Sends the clock as it is now to everybody, with the warning that fell due since it was looked at last, and arms the timer. */
  publish(): void {
    const clock = this.clockView();
    // Of several that a correction passed at once, the nearest to the end says enough.
    const warningMs = this.#crossed(clock).at(-1);
    this.#attempt.browsers.broadcast({ t: 'clock', clock, ...(warningMs === undefined ? {} : { warningMs }) });
    this.sendToRunner(clock);
    this.#arm(clock);
  }

  sendToRunner(clock: ClockView = this.clockView()): void {
    const { state } = clock;
    const runnerState =
      state === 'running' ? 'running' : state === 'paused' ? 'frozen' : state === 'provisioning' || state === 'ready' ? 'waiting' : 'ended';
    if (runnerState === 'running' && clock.n < this.#runningFromN) {
      this.#heldBack = true;
      return;
    }
    this.#attempt.runner?.send({ t: 'clock', n: clock.n, state: runnerState, remainingMs: Math.max(0, clock.remainingMs) });
  }

  /**
   * A pause is being made: until it is written, or has failed, the runner is told of no clock that runs. Whatever changes meanwhile, a
   * message or a note, would have the sandbox go on that is about to stand still.
   */
  beginPause(): void {
    this.#runningFromN = Number.POSITIVE_INFINITY;
    this.#heldBack = false;
  }

  /** The pause stands as the clock's event `n`: what is older than that is old news. */
  pauseWritten(n: number): void {
    this.#runningFromN = n;
  }

  /** The clock runs on, and the runner is told what it was not. */
  pauseFailed(): void {
    this.#runningFromN = 0;
    if (this.#heldBack) this.sendToRunner();
  }

  /** Gives back the time in which the host slept. */
  async hostSlept({ fromMs, toMs }: { fromMs: number; toMs: number }): Promise<void> {
    const { gateway, id } = this.#attempt;
    // By the database's own clock: to the runner's, or to this process's, it may be a moment earlier, and the future is refused.
    const endMs = Math.min(toMs, await databaseNowMs(gateway.db.pool));
    const outage = { kind: 'outage', fromMs, toMs: endMs, cause: "the sandbox's host slept" } as const;
    await appendClockEvent(gateway.db, id, outage, { by: null });
  }

  /** The runner froze at its own zero; where time is left after all, it is told so and thaws. */
  runnerReachedZero(): void {
    if (this.#attempt.view.state !== 'running') return this.sendToRunner();
    if (this.clockView().remainingMs > ZERO_TOLERANCE_MS) return this.sendToRunner();
    void this.#expire();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(clock: ClockView): void {
    this.stop();
    if (!clock.running) return;
    const dueMs = Math.min(clock.remainingMs - (nextWarningMs(clock.remainingMs, clock.limitMs) ?? 0), TIMER_MAX_MS);
    this.#timer = setTimeout(() => this.#due(), Math.max(1, dueMs + 1));
  }

  #due(): void {
    const { view, gateway } = this.#attempt;
    const nowMs = gateway.time.nowMs();
    const deadline = deadlineMs(view.events, nowMs, view.limits.limitMs);
    if (deadline !== null && nowMs >= deadline) {
      void this.#expire();
      return;
    }
    const clock = this.clockView();
    if (warningsCrossed(this.#lastRemainingMs, clock.remainingMs, clock.limitMs).length > 0) this.publish();
    else this.#arm(clock);
  }

  #crossed(clock: ClockView): number[] {
    const fromMs = this.#lastRemainingMs;
    this.#lastRemainingMs = clock.remainingMs;
    return warningsCrossed(fromMs, clock.remainingMs, clock.limitMs);
  }

  async #expire(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    const { gateway, id } = this.#attempt;
    try {
      await appendClockEvent(gateway.db, id, { kind: 'expired' }, { by: null, ifRemainingAtMostMs: ZERO_TOLERANCE_MS });
      await this.#attempt.refresh();
    } catch (error) {
      // A conflict means that time is left or that it has ended already: what is stored decides.
      if (error instanceof AppError && error.code === 'conflict') await this.#attempt.refresh().catch(() => {});
      else if (error instanceof AppError && error.code === 'sandbox_unavailable') {
        // Time is due back, and the sandbox stands still at zero until it was given.
        this.#timer = setTimeout(() => this.#due(), RETRY_MS);
      } else {
        gateway.log.warn(
          { attempt: id, error: String(toAppError(error).cause ?? error) },
          'could not end the attempt at its limit; trying again',
        );
        this.#timer = setTimeout(() => this.#due(), RETRY_MS);
      }
    } finally {
      this.#ending = false;
    }
  }
}
