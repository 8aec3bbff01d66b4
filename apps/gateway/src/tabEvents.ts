import type { EventInput } from '@plumbline/protocol';
import type { AttemptRecorder } from '@plumbline/recording';
import type { BrowserConnection } from './browserConnection.ts';

/** What one connection has brought so far. */
interface Sequence {
  /** The recorder knows the tab's numbers from the first that the tab holds on: whatever is missing now is held by nobody. */
  whole: boolean;
  /** The highest number that came. */
  seenN: number;
}

const LOST = 'the browser lost these before they were recorded';

/**
 * The way of the tabs' own events into the recording. A tab sends what it holds in order, once after its welcome and again when
 * the sandbox is back. So a number that is missing is either still to come, sent to a recorder that this one replaced; or no page
 * holds it any more, because a browser that keeps no database was reloaded. The first is waited for. The second is recorded as a
 * gap: refusing what follows it would end the recording of this tab.
 */
export class TabEvents {
  readonly #sequences = new Map<BrowserConnection, Sequence>();

  /** The tab is told by its welcome how far this recorder knows it, and sends all that it holds beyond. */
  welcomed(browser: BrowserConnection, recorder: AttemptRecorder | null): void {
    this.#sequences.set(browser, { whole: recorder !== null, seenN: 0 });
    if (recorder !== null) skipLost(browser, recorder);
  }

  /** What is on its way was sent to another recorder; each tab will go back to the first that it holds. */
  recorderOpened(recorder: AttemptRecorder): void {
    for (const [browser, sequence] of this.#sequences) {
      sequence.whole = false;
      skipLost(browser, recorder);
    }
  }

  /** Whether the recorder took it, and will say that it is durable. */
  offer(browser: BrowserConnection, recorder: AttemptRecorder | null, n: number, event: EventInput): boolean {
    const sequence = this.#sequences.get(browser);
    if (sequence === undefined) return false;
    const { seenN } = sequence;
    sequence.seenN = Math.max(seenN, n);
    if (recorder === null) return false;
    if (n <= seenN) sequence.whole = true;
    const source = sourceOf(browser);
    const outcome = recorder.offer(source, n, event);
    if (outcome !== 'gap' || !sequence.whole) return outcome === 'taken';
    recorder.skip(source, n - 1, LOST);
    return recorder.offer(source, n, event) === 'taken';
  }

  left(browser: BrowserConnection): void {
    this.#sequences.delete(browser);
  }
}

/** What a tab did not hold when it came will never come. */
function skipLost(browser: BrowserConnection, recorder: AttemptRecorder): void {
  recorder.skip(sourceOf(browser), browser.firstEventN - 1, LOST);
}

function sourceOf({ tab }: BrowserConnection): string {
  return `tab:${tab}`;
}
