import type { RecordedEvent } from '@plumbline/protocol';
import { expect } from '../support/fixtures.ts';
import { recordedInput, recordedLines } from '../support/recordingCheck.ts';
import type { Tab } from '../support/tab.ts';

const lineTyped = (n: number) => `echo line-$((${n} + 1000000)) >> ran\n`;
const lineRan = (n: number) => `line-${1_000_000 + n}\n`;
// What the lines did is read from a file: when more arrives at once than a terminal's 4096 bytes of buffer, the kernel
// echoes half a line before what an earlier one prints.
const LAST_LINE = 'touch stop; cat ran; echo all-typed\n';

/** A terminal in which lines are typed that write themselves into the file `ran`, and one that counts: two more after each killed runner. */
export class Desk {
  readonly #tab: Tab;
  readonly #typists: { terminal: number; lines: number[] }[] = [];
  readonly #tickers: number[] = [];
  #lines = 0;

  constructor(tab: Tab) {
    this.#tab = tab;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Where lines are typed now. */
  get terminal(): number {
    return this.#typist.terminal;
  }

  /** How often it was opened anew. */
  get reopened(): number {
    return this.#typists.length - 1;
  }

  async open(): Promise<void> {
    const { terminal } = await this.#tab.request('terminal.open', { cols: 120, rows: 30 });
    const { terminal: ticker } = await this.#tab.request('terminal.open', { cols: 80, rows: 24 });
    this.#tab.watch(terminal);
    this.#tab.watch(ticker);
    this.#tab.type(ticker, 'i=0; while [ ! -e stop ]; do echo "tick $i"; i=$((i+1)); sleep 0.02; done\n');
    this.#tickers.push(ticker);
    this.#typists.push({ terminal, lines: [] });
  }

  typeLine(): void {
    this.#tab.type(this.#typist.terminal, lineTyped(this.#lines));
    this.#typist.lines.push(this.#lines);
    this.#lines += 1;
  }

  /** Ends the counting, and has the file printed. */
  typeLast(): void {
    this.#tab.type(this.#typist.terminal, LAST_LINE);
  }

  isWhollyRecorded(events: readonly RecordedEvent[]): boolean {
    return recordedLines(events, this.#typist.terminal).includes('\nall-typed\n');
  }

  /**
   * A killed runner takes its shells with it and leaves the workspace as it is: of the lines typed in such a terminal a
   * first part ran, each once, all of it is still in the file, and all of it was recorded before it ran. In the last
   * terminal everything did. Answers how many ticks there were.
   */
  check(events: readonly RecordedEvent[]): number {
    const output = recordedLines(events, this.#typist.terminal);
    const printed = /\n((?:line-\d+\n)*)all-typed\n/.exec(output)?.[1] ?? '';
    const expected: number[] = [];
    for (const typist of this.#typists) {
      const input = recordedInput(events, this.#tab, typist.terminal);
      if (typist === this.#typist) {
        expect(input).toBe(typist.lines.map(lineTyped).join('') + LAST_LINE);
        expected.push(...typist.lines);
      } else {
        const ran = typist.lines.filter((n) => printed.includes(lineRan(n)));
        const recorded = input.split('\n').length - 1;
        expect(input, `terminal ${typist.terminal} was typed into once and in order`).toBe(
          typist.lines.slice(0, recorded).map(lineTyped).join(''),
        );
        expect(ran.length, `what ran in terminal ${typist.terminal} was recorded`).toBeLessThanOrEqual(recorded);
        expected.push(...typist.lines.slice(0, ran.length));
      }
    }
    expect(printed).toBe(expected.map(lineRan).join(''));
    return this.#tickers.reduce((sum, ticker) => {
      const ticks = recordedLines(events, ticker).match(/^tick \d+$/gm) ?? [];
      expect(ticks, `terminal ${ticker} counted without a gap`).toEqual(ticks.map((_, i) => `tick ${i}`));
      return sum + ticks.length;
    }, 0);
  }

  get #typist(): { terminal: number; lines: number[] } {
    return this.#typists.at(-1) as { terminal: number; lines: number[] };
  }
}
