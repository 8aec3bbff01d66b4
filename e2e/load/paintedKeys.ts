import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { type Latency, latencyOf } from './summary.ts';
import { nextGapMs, randomLetter } from './typing.ts';

/** So many letters fit into a line with its prompt. */
const LINE = 50;
const PAINT_LIMIT_MS = 10_000;
const FRAME_MARK = 'frame of a letter';
/** What the browser says when a frame is where a screen would show it, and the least of a trace that has it and the marks. */
const DISPLAYED = 'Display::FrameDisplayed';
const TRACED = ['blink.user_timing', 'disabled-by-default-display.framedisplayed'];

export type Renderer = 'webgl' | 'dom';

/** WebGL without a graphics card, as the browsers of servers have it: slower than a person's. */
export const WEBGL_ARGUMENTS = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/** When something became of a letter, by the page's clock (ms). */
interface LetterTimes {
  keyMs: number;
  sentMs: number;
  receivedMs: number;
  drawnMs: number;
}

/** From `keydown`, by the browser's stamp, to the frame on the screen, and where the time between them went. */
export interface PaintLatency extends Latency {
  parts: Record<'keyToSent' | 'sentToReceived' | 'receivedToDrawn' | 'drawnToDisplayed', Latency>;
}

/**
 * A person's own browser: the workspace of a running attempt in Chromium, in whose terminal letters are typed. The page notes when a
 * letter was sent, came back and was drawn, and a trace of the browser when the frame that has it was on the screen.
 */
export class PaintedKeys {
  /** Everything that was typed so far. */
  typed = '';
  readonly attemptId: string;
  readonly #page: Page;
  readonly #work: WorkspacePage;

  private constructor(page: Page, attemptId: string) {
    this.#page = page;
    this.attemptId = attemptId;
    this.#work = new WorkspacePage(page);
  }

  /** Opens the workspace, and a terminal that nothing was typed into yet. */
  static async open(page: Page, account: { email: string; password: string }, attemptId: string, renderer: Renderer): Promise<PaintedKeys> {
    const keys = new PaintedKeys(page, attemptId);
    await page.addInitScript(watchLetters, { limitMs: PAINT_LIMIT_MS, frameMark: FRAME_MARK });
    await new People(page).signIn(account.email, account.password);
    await page.goto(`/attempts/${attemptId}/work?renderer=${renderer}`);
    const screen = keys.#work.terminal(1).locator('.xterm-screen');
    await screen
      .locator(renderer === 'webgl' ? 'canvas' : '.xterm-rows')
      .first()
      .waitFor();
    await screen.click();
    // Its own echo is the sign that the shell reads.
    await keys.#type('x');
    await keys.#emptyLine();
    return keys;
  }

  /** Types so many letters, one after the other was drawn. */
  async measure(samples: number): Promise<PaintLatency> {
    const browser = this.#page.context().browser();
    if (browser === null) throw new Error('the page belongs to no browser');
    await browser.startTracing(this.#page, { categories: TRACED });
    const letters: LetterTimes[] = [];
    while (letters.length < samples) {
      await sleep(nextGapMs());
      letters.push(await this.#type(randomLetter()));
      if (letters.length % LINE === 0) await this.#emptyLine();
    }
    const displayedMs = displayedAfter(await browser.stopTracing(), letters);
    const from = (start: keyof LetterTimes, end: keyof LetterTimes) => latencyOf(letters.map((letter) => letter[end] - letter[start]));
    return {
      ...latencyOf(letters.map(({ keyMs }, at) => (displayedMs[at] as number) - keyMs)),
      parts: {
        keyToSent: from('keyMs', 'sentMs'),
        sentToReceived: from('sentMs', 'receivedMs'),
        receivedToDrawn: from('receivedMs', 'drawnMs'),
        drawnToDisplayed: latencyOf(letters.map(({ drawnMs }, at) => (displayedMs[at] as number) - drawnMs)),
      },
    };
  }

  async #type(letter: string): Promise<LetterTimes> {
    this.typed += letter;
    await this.#page.keyboard.press(letter);
    return this.#page.evaluate(() => (window as unknown as { letter: Promise<LetterTimes> }).letter);
  }

  async #emptyLine(): Promise<void> {
    this.typed += '\x15';
    await this.#page.keyboard.press('Control+U');
    await sleep(200);
  }
}

interface TraceEvent {
  name: string;
  /** Microseconds of the browser's clock. */
  ts: number;
  args: { data?: { startTime?: number } };
}

/** When the frame of each letter was on the screen, by the page's clock (ms): the first one after it was drawn, as between keys none is made. */
function displayedAfter(trace: Buffer, letters: readonly LetterTimes[]): number[] {
  const events = (JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }).traceEvents;
  const mark = events.find((event) => event.name === FRAME_MARK && event.args.data?.startTime !== undefined);
  if (mark === undefined) throw new Error('the trace has none of the page’s marks');
  const pageStartMs = mark.ts / 1_000 - (mark.args.data?.startTime as number);
  const displayed = events
    .filter(({ name }) => name === DISPLAYED)
    .map(({ ts }) => ts / 1_000 - pageStartMs)
    .sort((a, b) => a - b);
  return letters.map(({ drawnMs }) => {
    const atMs = displayed.find((ms) => ms > drawnMs);
    if (atMs === undefined) throw new Error('the trace ends before the last letter was on the screen');
    return atMs;
  });
}

/** Runs in the page before its own scripts. */
function watchLetters({ limitMs, frameMark }: { limitMs: number; frameMark: string }): void {
  let now: (Partial<LetterTimes> & { keyMs: number; code: number; done: (times: LetterTimes) => void }) | null = null;
  window.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.key.length !== 1) return;
      const letter = new Promise<LetterTimes>((done, reject) => {
        now = { keyMs: event.timeStamp, code: event.key.charCodeAt(0), done };
        setTimeout(() => reject(new Error(`the letter ${event.key} was not drawn within ${limitMs} ms`)), limitMs);
      });
      Object.assign(window, { letter });
    },
    { capture: true },
  );
  window.WebSocket = class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => {
        // Of the frames only output is binary, and it ends with the letter.
        if (now?.sentMs === undefined || typeof data === 'string') return;
        if (new Uint8Array(data).at(-1) === now.code) now.receivedMs ??= performance.now();
      });
    }

    override send(data: Parameters<WebSocket['send']>[0]): void {
      if (now !== null && typeof data !== 'string') now.sentMs ??= performance.now();
      super.send(data);
    }
  };
  // A letter is taken in as it comes, since it follows a key: whatever its terminal draws next has it.
  const drew = () => {
    if (now?.receivedMs === undefined) return;
    const letter = { ...now, drawnMs: performance.now() };
    now = null;
    // A message comes after the frame that is being made.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      performance.mark(frameMark);
      letter.done(letter as unknown as LetterTimes);
    };
    port2.postMessage(null);
  };
  const { drawElementsInstanced } = WebGL2RenderingContext.prototype;
  WebGL2RenderingContext.prototype.drawElementsInstanced = function (...what) {
    drawElementsInstanced.apply(this, what);
    drew();
  };
  new MutationObserver((changes) => {
    const isRow = ({ target }: MutationRecord) => (target instanceof Element ? target : target.parentElement)?.closest('.xterm-rows');
    if (changes.some(isRow)) drew();
  }).observe(document, { childList: true, subtree: true, characterData: true });
}
