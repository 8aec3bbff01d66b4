import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { nextGapMs, randomLetter } from './typing.ts';

/** So many letters fit into a line with its prompt. */
const LINE = 50;
const PAINT_LIMIT_MS = 10_000;

/** What the page under test measures by itself, so that the way between it and this process is in no figure. */
interface Measured {
  keyAtMs: number;
  typed: string;
  painted: (elapsedMs: number) => void;
  next: Promise<number>;
}

/**
 * A person's own browser: the workspace of a running attempt in Chromium, in whose terminal letters are typed. A letter counts
 * from its `keydown`, by the browser's stamp, to the first frame that begins after the terminal drew its cell into the page:
 * so at most one frame too long, and never too short.
 */
export class PaintedKeys {
  /** Everything that was typed so far. */
  typed = '';
  readonly #page: Page;
  readonly #work: WorkspacePage;

  private constructor(page: Page) {
    this.#page = page;
    this.#work = new WorkspacePage(page);
  }

  /** Opens the workspace, and a terminal that nothing was typed into yet. */
  static async open(page: Page, account: { email: string; password: string }, attemptId: string): Promise<PaintedKeys> {
    const keys = new PaintedKeys(page);
    await new People(page).signIn(account.email, account.password);
    await page.goto(`/attempts/${attemptId}/work`);
    await keys.#work.terminal(1).waitFor();
    await keys.#work.expectOnScreen(1, /\$$/m);
    await keys.#work.terminal(1).locator('.xterm-screen').click();
    await page.evaluate(watchPaint, PAINT_LIMIT_MS);
    return keys;
  }

  /** Types so many letters, one after the other is painted, and answers how long each took (ms). */
  async measure(samples: number): Promise<number[]> {
    const times: number[] = [];
    while (times.length < samples) {
      await sleep(nextGapMs());
      times.push(await this.#type(randomLetter()));
      if (times.length % LINE === 0) await this.#emptyLine();
    }
    return times;
  }

  async #type(letter: string): Promise<number> {
    this.typed += letter;
    await this.#page.keyboard.press(letter);
    return this.#page.evaluate(() => (window as unknown as { measured: Measured }).measured.next);
  }

  async #emptyLine(): Promise<void> {
    this.typed += '\x15';
    await this.#page.keyboard.press('Control+U');
    await this.#work.expectOnScreen(1, /\$$/m);
  }
}

/** Runs in the page. The renderer puts a row's new cells into the document within one frame; the next frame shows that it ended. */
function watchPaint(limitMs: number): void {
  const measured = { keyAtMs: 0, typed: '', painted: () => {}, next: Promise.resolve(0) } as Measured;
  Object.assign(window, { measured });
  window.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.key.length !== 1) {
        if (event.ctrlKey && event.key.toLowerCase() === 'u') measured.typed = '';
        return;
      }
      measured.keyAtMs = event.timeStamp;
      measured.typed += event.key;
      measured.next = new Promise((resolve, reject) => {
        measured.painted = resolve;
        setTimeout(() => reject(new Error(`the letter ${event.key} was not painted within ${limitMs} ms`)), limitMs);
      });
    },
    { capture: true },
  );
  const rows = document.querySelector('.xterm-rows');
  if (!rows) throw new Error('the terminal is not drawn into the document');
  new MutationObserver((changes) => {
    if (measured.typed === '') return;
    for (const { target } of changes) {
      const row = target instanceof Element ? target.closest('.xterm-rows > div') : target.parentElement?.closest('.xterm-rows > div');
      if (!row?.textContent?.replaceAll('\u00a0', ' ').trimEnd().endsWith(` ${measured.typed}`)) continue;
      const { keyAtMs, painted } = measured;
      requestAnimationFrame(() => painted(performance.now() - keyAtMs));
      return;
    }
  }).observe(rows, { childList: true, subtree: true, characterData: true });
}
