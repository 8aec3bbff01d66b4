import { AppError, type Clock, type Timer } from '@plumbline/core';
import type { FreezeMethod, Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';

/** Why the participant stands still. While any reason holds, it does; a reason only ever takes back itself. */
export type FreezeReason =
  /** The clock says `frozen`. */
  | 'clock'
  /** The gateway is about to commit a pause. */
  | 'pausing'
  /** The runner's own timer reached zero. */
  | 'zero'
  /** No gateway for too long: nobody could take the participant's input or record it. */
  | 'absence'
  /** The environment freezes the participant while its scorer runs. */
  | 'scoring';

type Freezable = Pick<Sandbox, 'freeze' | 'thaw' | 'freezeMethod'>;

/** A thaw takes milliseconds. One that takes longer costs the participant time that the platform has to give back. */
const THAW_WITHIN_MS = 2_000;
const AGAIN_AFTER_MS = 1_000;
/**
 * An engine that is started again is back within this; later another sandbox is worth more than what runs in this one, and what could
 * not be stopped has computed off the clock for long enough.
 */
const GIVEN_UP_AFTER_MS = 120_000;

export interface FreezeHoldsOptions {
  readonly sandbox: Freezable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The participant stands still, or may, though no reason holds, or runs, or may, though it must not; or no longer. */
  readonly onStuck: (stuck: boolean) => void;
  /** It was so for two minutes, and this sandbox is of no use any more. */
  readonly onGivenUp: () => void;
}

/**
 * Freezes and thaws a sandbox, one change at a time, to what the set of reasons asks for. A thaw that fails is tried until it is done,
 * and so is a freeze that was insisted on.
 */
export class FreezeHolds {
  readonly #options: FreezeHoldsOptions;
  readonly #reasons = new Set<FreezeReason>();
  /** Those of the reasons that stay though the participant cannot be stopped. */
  readonly #insisted = new Set<FreezeReason>();
  /** Unsure after a freeze or a thaw that failed: it may have taken effect, or do so yet. */
  #state: 'running' | 'frozen' | 'unsure' = 'running';
  #turn: Promise<void> = Promise.resolve();
  #over = false;
  /** Something failed since the last change that was sure: an engine that wakes may yet undo it. */
  #failedBefore = false;
  #again: Timer | null = null;
  /** Set while the participant is stuck. */
  #givingUp: Timer | null = null;

  constructor(options: FreezeHoldsOptions) {
    this.#options = options;
  }

  /** Whether the participant stands still, or may. */
  get frozen(): boolean {
    return this.#state !== 'running';
  }

  /** Whether it does so against what is asked for. */
  get stuck(): boolean {
    return this.#givingUp !== null;
  }

  get method(): FreezeMethod {
    return this.#options.sandbox.freezeMethod;
  }

  /** Resolves when everything of the participant's stands still; rejects, with the reason taken back, where it cannot be stopped. */
  async hold(reason: FreezeReason): Promise<void> {
    this.#reasons.add(reason);
    try {
      await this.#settle();
    } catch (error) {
      await this.release(reason);
      throw error;
    }
  }

  /**
   * As `hold`, for a clock that stands already: where the participant cannot be stopped it rejects too, but the reason stays and the freeze
   * is tried until it is done. What cannot be stopped for two minutes is given up, so that nothing goes on computing off the clock.
   */
  async insist(reason: FreezeReason): Promise<void> {
    this.#reasons.add(reason);
    this.#insisted.add(reason);
    await this.#settle();
  }

  /** Takes reasons back; resolves when the participant runs again, another reason keeps it, or it is stuck. Never rejects. */
  async release(...reasons: FreezeReason[]): Promise<void> {
    for (const reason of reasons) for (const set of [this.#reasons, this.#insisted]) set.delete(reason);
    await this.#settle().catch(() => {});
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await this.#turn.catch(() => {});
  }

  /** The participant's processes are about to end: from now on nothing is frozen or thawed. Waits for a change under way. */
  async finish(): Promise<void> {
    this.#over = true;
    this.#again?.cancel();
    this.#asAsked();
    await this.settled();
  }

  #settle(): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(() => this.#change());
    this.#turn = turn;
    return turn;
  }

  async #change(): Promise<void> {
    if (this.#over) return;
    if (this.#reasons.size > 0) await this.#freeze();
    else await this.#thaw();
  }

  async #freeze(): Promise<void> {
    const stoodAlready = this.#state === 'frozen';
    if (stoodAlready && !this.#failedBefore) return;
    const { sandbox, clock, logger } = this.#options;
    const startedMs = clock.monoMs();
    try {
      await sandbox.freeze();
    } catch (error) {
      this.#state = 'unsure';
      this.#failedBefore = true;
      if (this.#insisted.size > 0) {
        logger.error({ err: error, reasons: [...this.#reasons] }, 'the participant could not be frozen; it is tried again');
        this.#isStuck();
        this.#tryAgain();
      }
      throw new AppError('unavailable', 'The sandbox could not be stopped for a pause. It goes on running; try again.', { cause: error });
    }
    this.#state = 'frozen';
    this.#asAsked();
    this.#isSure(stoodAlready);
    logger.info({ reasons: [...this.#reasons], tookMs: Math.round(clock.monoMs() - startedMs) }, 'the participant is frozen');
  }

  async #thaw(): Promise<void> {
    const ranAlready = this.#state === 'running';
    if (ranAlready && !this.#failedBefore) return;
    const { sandbox, clock, logger } = this.#options;
    const late = clock.setTimer(THAW_WITHIN_MS, () => this.#isStuck());
    try {
      await sandbox.thaw();
    } catch (error) {
      logger.error({ err: error }, 'the participant could not be thawed; it is tried again');
      this.#state = 'unsure';
      this.#failedBefore = true;
      this.#isStuck();
      this.#tryAgain();
      return;
    } finally {
      late.cancel();
    }
    this.#state = 'running';
    this.#asAsked();
    this.#isSure(ranAlready);
  }

  /** A change was done. An engine that wakes carries out in any order what was asked of it meanwhile, also what nobody waits for. */
  #isSure(wasSoAlready: boolean): void {
    if (!wasSoAlready && this.#failedBefore) this.#tryAgain();
    else this.#failedBefore = false;
  }

  #tryAgain(): void {
    this.#again?.cancel();
    this.#again = this.#over ? null : this.#options.clock.setTimer(AGAIN_AFTER_MS, () => void this.#settle().catch(() => {}));
  }

  #isStuck(): void {
    if (this.stuck || this.#over) return;
    this.#givingUp = this.#options.clock.setTimer(GIVEN_UP_AFTER_MS, this.#options.onGivenUp);
    this.#options.onStuck(true);
  }

  #asAsked(): void {
    if (this.#givingUp === null) return;
    this.#givingUp.cancel();
    this.#givingUp = null;
    this.#options.onStuck(false);
  }
}
