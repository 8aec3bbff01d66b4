import type { ClockDisplay } from './clockDisplay.ts';
import { someOf } from './timeWarnings.ts';

/** The rest of an attempt in which nobody should have to think of saving. */
const LAST_MINUTE_MS = 60_000;

export interface LastMinuteOptions {
  clock: Pick<ClockDisplay, 'current' | 'remainingMs'>;
  files: { saveUnasked(): Promise<string[]>; readonly unsaved: string[] };
  say: (text: string) => void;
}

/** Saves what is unsaved once the last minute begins, and says what was saved and what waits for an answer. */
export class LastMinute {
  private readonly options: LastMinuteOptions;
  private begun = false;

  constructor(options: LastMinuteOptions) {
    this.options = options;
  }

  /** To be called about each second. */
  async look(): Promise<void> {
    const { clock, files, say } = this.options;
    if (!isLastMinute(clock)) {
      // Time may be given back.
      this.begun = false;
      return;
    }
    if (this.begun) return;
    this.begun = true;
    if (files.unsaved.length === 0) return;
    const saved = await files.saveUnasked();
    if (saved.length > 0) say(`The last minute has begun. Saved by itself: ${someOf(saved)}.`);
    const { unsaved } = files;
    if (unsaved.length > 0) say(`Not saved, and so not part of the final state: ${someOf(unsaved)}. Save it before the time is up.`);
  }
}

/** Whether the clock runs and less than a minute is left, in an attempt that has more than that. */
export function isLastMinute(clock: LastMinuteOptions['clock']): boolean {
  const { current } = clock;
  return current?.running === true && current.limitMs > LAST_MINUTE_MS && clock.remainingMs() <= LAST_MINUTE_MS;
}
