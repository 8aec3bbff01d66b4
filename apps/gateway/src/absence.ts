/**
 * Tells an expert who is away from one whose training run works for them. Absent is who has had no page open for this
 * long while nothing in the sandbox used the processor either; silence with a busy sandbox is work.
 */
export const ABSENT_AFTER_MS = 30 * 60_000;
/** Shells, prompts and editors that only wait use less than this in a minute. */
const IDLE_CPU_MS_PER_MINUTE = 600;

/** What is known at one look, about once a minute. `cpuMs` is what the participant's processes have used so far. */
export interface Presence {
  nowMs: number;
  connected: boolean;
  cpuMs: number;
}

/** Follows one attempt's presence. Ask `look` regularly; it answers true when the attempt should be paused as absent. */
export class AbsenceWatch {
  #awaySinceMs: number | null = null;
  #last: Presence | null = null;

  look(presence: Presence): boolean {
    const last = this.#last;
    this.#last = presence;
    if (presence.connected || last === null) {
      this.#awaySinceMs = presence.connected ? null : presence.nowMs;
      return false;
    }
    const minutes = Math.max(1, (presence.nowMs - last.nowMs) / 60_000);
    // Processes that ended take their share of the sum with them: a sum that fell says that something ran.
    const usedMs = presence.cpuMs - last.cpuMs;
    const busy = usedMs < 0 || usedMs > IDLE_CPU_MS_PER_MINUTE * minutes;
    if (busy || this.#awaySinceMs === null) this.#awaySinceMs = presence.nowMs;
    return presence.nowMs - this.#awaySinceMs >= ABSENT_AFTER_MS;
  }

  /** The clock does not run: being away then is nothing to act on. */
  reset(): void {
    this.#awaySinceMs = null;
    this.#last = null;
  }
}
