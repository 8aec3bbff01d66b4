/** Time and timers as the workspace's models take them, so that tests can step them. */
export interface BrowserTime {
  /**
   * Milliseconds that only go up while the page lives. Counted from the page's origin, so that events kept from an
   * earlier page of the same tab stand on nearly the same line.
   */
  monoMs(): number;
  /** The wall clock: only for noticing that the machine slept. */
  wallMs(): number;
  /** Calls once after `delayMs`; the returned function cancels. */
  after(delayMs: number, fn: () => void): () => void;
}

export const browserTime: BrowserTime = {
  monoMs: () => performance.timeOrigin + performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
};
