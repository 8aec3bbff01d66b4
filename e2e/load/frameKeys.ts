import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { type Latency, latencyOf } from './summary.ts';
import { nextGapMs, randomLetter } from './typing.ts';

const DRAW_LIMIT_MS = 10_000;
/** So many letters fit into a line. */
const LINE = 50;

/** Lets keys in a page be timed, from its next load on: in any editor and terminal whose rows are elements as Monaco's and xterm.js's are. */
export async function watchKeys(page: Page): Promise<void> {
  await page.addInitScript((limitMs) => {
    let now: { keyMs: number; done: (ms: number) => void } | null = null;
    window.addEventListener(
      'keydown',
      (event) => {
        if (event.ctrlKey || event.key.length !== 1) return;
        const frameMs = new Promise<number>((done, reject) => {
          now = { keyMs: event.timeStamp, done };
          setTimeout(() => reject(new Error(`the letter ${event.key} was not drawn within ${limitMs} ms`)), limitMs);
        });
        Object.assign(window, { frameMs });
      },
      { capture: true },
    );
    // A message that is sent from within a frame comes once the frame is made.
    const afterFrame = (then: () => void) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = then;
      port2.postMessage(null);
    };
    let inFrame = false;
    const request = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (callback) =>
      request((atMs) => {
        inFrame = true;
        afterFrame(() => {
          inFrame = false;
        });
        callback(atMs);
      });
    new MutationObserver((changes) => {
      const isRow = ({ target }: MutationRecord) =>
        (target instanceof Element ? target : target.parentElement)?.closest('.xterm-rows, .view-lines');
      if (now === null || !changes.some(isRow)) return;
      const { keyMs, done } = now;
      now = null;
      const framed = () => done(performance.now() - keyMs);
      if (inFrame) afterFrame(framed);
      else request(() => afterFrame(framed));
    }).observe(document, { childList: true, subtree: true, characterData: true });
  }, DRAW_LIMIT_MS);
}

/** From `keydown`, by the browser's stamp, to the frame that has the letter, for letters typed where the focus is. */
export async function keysTo(page: Page, samples: number, emptyLine: () => Promise<void>): Promise<Latency> {
  const times: number[] = [];
  while (times.length < samples) {
    await sleep(nextGapMs());
    await page.keyboard.press(randomLetter());
    times.push(await page.evaluate(() => (window as unknown as { frameMs: Promise<number> }).frameMs));
    if (times.length % LINE === 0 || times.length === samples) await emptyLine();
  }
  return latencyOf(times);
}
