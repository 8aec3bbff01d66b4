import type { RecordedEvent } from '@plumbline/protocol';
import type { Tab } from '../support/tab.ts';

/** What a clock of another process, and the way to it on a busy machine, may make of a moment. */
const OFF_BY_MS = 1_000;

/** When a tab saw and did things, by the wall clock of the machine that it shares with the platform. */
export class Witness {
  readonly #fromMs = Date.now();
  readonly #tab: Tab;
  readonly #shown: { terminal: number; end: number; atMs: number }[] = [];
  readonly #editedAtMs: number[] = [];
  /** When the tab was told that an edit is durable. */
  readonly #durableAtMs: number[] = [];

  constructor(tab: Tab) {
    this.#tab = tab;
    const { onOutput, onMessage } = tab;
    tab.onMessage = (message) => {
      const durable = message.t === 'durable' ? message.events : message.t === 'welcome' ? message.eventsDurable : 0;
      for (let n = this.#durableAtMs.length; n <= durable; n++) this.#durableAtMs[n] = Date.now();
      onMessage(message);
    };
    tab.onOutput = (terminal, bytes) => {
      const stretch = tab.shown.get(terminal)?.at(-1);
      if (stretch !== undefined) this.#shown.push({ terminal, end: stretch.offset + stretch.length, atMs: Date.now() });
      onOutput(terminal, bytes);
    };
  }

  edit(): void {
    this.#tab.edit();
    this.#editedAtMs[this.#tab.eventCount] = Date.now();
  }

  /**
   * What is wrong with the times of a recording, in words: those of a source that run backwards, those from before the witness was
   * there or from later than now, edits that are dated before they were made or after the tab knew that they are durable, output that is
   * younger than when it was shown. `sources` has each event's source, in the order of `seq`.
   */
  faults(events: readonly RecordedEvent[], sources: readonly string[]): string[] {
    const faults: string[] = [];
    const lastMs = new Map<string, number>();
    const untilMs = Date.now() + OFF_BY_MS;
    const outputs = new Map<number, { end: number; atMs: number }[]>();
    for (const [i, event] of events.entries()) {
      const { seq, type, atMs } = event;
      const source = sources[i] ?? 'nobody';
      const before = lastMs.get(source) ?? 0;
      // A gap is dated when it was found; the events after it may have been kept since before.
      if (type !== 'connection.gap') {
        if (atMs < before) faults.push(`${type} of ${source} (seq ${seq}) is ${before - atMs} ms older than what it said before`);
        lastMs.set(source, Math.max(before, atMs));
      }
      if (atMs > untilMs) faults.push(`${type} of ${source} (seq ${seq}) is from the future, by ${atMs - untilMs} ms`);
      if (event.type === 'editor.changed' && event.data.tab === this.#tab.id) {
        const { version } = event.data;
        const isAfter = atMs >= (this.#editedAtMs[version] ?? 0) - OFF_BY_MS;
        const isBefore = atMs <= (this.#durableAtMs[version] ?? untilMs) + OFF_BY_MS;
        if (!isAfter || !isBefore)
          faults.push(
            `edit ${version} (seq ${seq}) is dated ${atMs}, and was made at ${this.#editedAtMs[version]} and durable by ${this.#durableAtMs[version]}`,
          );
      }
      if (event.type !== 'terminal.output') continue;
      if (atMs < this.#fromMs - OFF_BY_MS) faults.push(`output (seq ${seq}) is from before anybody was there`);
      const own = outputs.get(event.stream) ?? [];
      own.push({ end: event.data.offset + event.data.bytes.length, atMs });
      outputs.set(event.stream, own);
    }
    for (const { terminal, end, atMs } of this.#shown) {
      const own = outputs.get(terminal) ?? [];
      // The event that has the last byte which was shown; of what was not recorded, others tell.
      let [low, high] = [0, own.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((own[middle]?.end ?? 0) < end) low = middle + 1;
        else high = middle;
      }
      const recordedMs = own[low]?.atMs ?? 0;
      if (recordedMs > atMs + OFF_BY_MS)
        faults.push(`terminal ${terminal}: byte ${end} is dated ${recordedMs - atMs} ms after it was shown`);
    }
    return faults.slice(0, 20);
  }
}
