import { AppError, type Clock, type Timer } from '@plumbline/core';
import type { GatewayToRunner } from '@plumbline/protocol';
import type { Logger } from 'pino';
import type { FreezeHolds } from './freezeHolds.ts';

/**
 * The runner's end of the attempt's clock: it freezes, thaws and ends the participant as told, and stops it by itself
 * when time is up or the gateway stays away. It never decides how much time is left.
 */

type ClockMessage = Extract<GatewayToRunner, { t: 'clock' }>;
/** So long the participant may go on without a gateway; what it does meanwhile is in the journal. */
const ABSENCE_MS = 30_000;
/** Node's timers hold less than 2^31 ms; a longer wait is taken in steps. */
const TIMER_MAX_MS = 3_600_000;

export interface ParticipantClockOptions {
  readonly clock: Clock;
  readonly holds: FreezeHolds;
  readonly logger: Logger;
  /** Time is up and the participant is frozen. */
  readonly onZero: (clockN: number) => void;
  /** The attempt has ended: the participant's processes are to go. */
  readonly onEnded: () => Promise<void>;
}

export class ParticipantClock {
  readonly #options: ParticipantClockOptions;
  #n = -1;
  #state: ClockMessage['state'] = 'waiting';
  #deadlineMonoMs = Number.POSITIVE_INFINITY;
  #expiry: Timer | null = null;
  #absence: Timer | null = null;
  #zeroN: number | null = null;

  constructor(options: ParticipantClockOptions) {
    this.#options = options;
  }

  get state(): ClockMessage['state'] {
    return this.#state;
  }

  /** The clock's number at which this runner stopped by itself, if it did and nothing newer has come. */
  get zeroN(): number | null {
    return this.#zeroN;
  }

  /** Whether the participant may act now. */
  get running(): boolean {
    return this.#state === 'running' && !this.#options.holds.frozen;
  }

  /**
   * Resolves where the participant may change things; waits for a thaw that the clock has ordered, since pages hear of the clock before
   * the sandbox runs, and ask at once. Rejects with `clock_not_running`.
   */
  async whenRunning(): Promise<void> {
    if (this.#state === 'running') await this.#options.holds.settled();
    if (this.running) return;
    throw new AppError('clock_not_running', 'The clock is not running, so nothing in the sandbox can be changed now.');
  }

  /** Throws `conflict` once the clock has begun. */
  assertWaiting(): void {
    if (this.#state === 'waiting') return;
    throw new AppError('conflict', 'The clock has started, so the sandbox is no longer set up.');
  }

  /** Takes over the clock's state. Older than what is known: ignored. The same again: timers are set anew, nothing else. */
  apply(message: ClockMessage): void {
    if (message.n < this.#n || (this.#state === 'ended' && message.state !== 'ended')) return;
    const { holds } = this.#options;
    this.#n = message.n;
    const before = this.#state;
    this.#state = message.state;
    this.#expiry?.cancel();
    this.#cancelAbsence();
    this.#deadlineMonoMs = Number.POSITIVE_INFINITY;
    switch (message.state) {
      case 'running':
        this.#zeroN = null;
        this.#deadlineMonoMs = this.#options.clock.monoMs() + message.remainingMs;
        this.#armExpiry();
        this.#run(holds.release('clock', 'pausing', 'zero', 'absence'));
        return;
      case 'frozen':
        // The new reason comes first, so that no moment lies between in which the participant runs.
        this.#run(holds.insist('clock').finally(() => holds.release('pausing', 'zero', 'absence')));
        return;
      case 'ended':
        if (before !== 'ended') this.#run(this.#options.onEnded());
        return;
      case 'waiting':
        return;
    }
  }

  /** The gateway is away; if it stays so while the clock runs, the participant is frozen until it is back. */
  gatewayLost(): void {
    if (this.#absence !== null || this.#state !== 'running') return;
    this.#absence = this.#options.clock.setTimer(ABSENCE_MS, () => {
      this.#absence = null;
      if (this.#state !== 'running') return;
      this.#options.logger.warn('no gateway; the participant is frozen until there is one');
      this.#run(this.#options.holds.insist('absence'));
    });
  }

  /** Attached again; what was frozen for absence thaws when the clock says so. */
  gatewayFound(): void {
    this.#cancelAbsence();
  }

  stop(): void {
    this.#expiry?.cancel();
    this.#cancelAbsence();
  }

  #cancelAbsence(): void {
    this.#absence?.cancel();
    this.#absence = null;
  }

  #armExpiry(): void {
    const { clock } = this.#options;
    const leftMs = this.#deadlineMonoMs - clock.monoMs();
    this.#expiry = clock.setTimer(Math.max(0, Math.min(leftMs, TIMER_MAX_MS)), () => {
      if (clock.monoMs() < this.#deadlineMonoMs) this.#armExpiry();
      else this.#run(this.#expire());
    });
  }

  async #expire(): Promise<void> {
    const clockN = this.#n;
    const { holds, logger } = this.#options;
    // Told in any case: the end that follows is what stops a participant who could not be frozen.
    await holds.insist('zero').catch((error: unknown) => logger.error({ err: error }, 'the participant goes on past zero'));
    if (this.#n !== clockN || this.#state !== 'running') return;
    this.#zeroN = clockN;
    this.#options.onZero(clockN);
  }

  #run(work: Promise<void>): void {
    work.catch((error) => this.#options.logger.error({ err: error }, 'the clock could not be followed'));
  }
}
