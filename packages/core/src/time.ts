/** Where time comes from. Production uses the system's clock; tests step one by hand. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  nowMs(): number;
  /** Monotonic clock in milliseconds from an arbitrary origin: for measuring, never for dating. */
  monoMs(): number;
  /** Calls `fn` once, `delayMs` from now, unless cancelled. */
  setTimer(delayMs: number, fn: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}
