import type { Page } from '@playwright/test';
import type { WorkspacePage } from './workspacePage.ts';

/** What the workspace may cost. Above the first two a journey and the benchmark fail; the third is printed beside what was measured. */
export const BUDGET = { transferredMb: 2.5, heapMb: 250, blockingMs: 200 };

const MB = 1_000_000;

export interface Load {
  usableMs: number;
  /** Over the wire, compressed, in 10^6 bytes. */
  transferredMb: number;
  requests: number;
  /** What each task of the page's thread took beyond 50 ms, added up. */
  blockingMs: number;
  /** The longest of these tasks. */
  longestTaskMs: number;
}

/** What happens from a navigation with an empty cache until the page can be used. */
export async function loadOf(page: Page, navigate: () => Promise<unknown>, usable: () => Promise<unknown>): Promise<Load> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.clearBrowserCache');
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(window, { longTasks: tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: 'longtask',
      buffered: true,
    });
  });
  let transferred = 0;
  let requests = 0;
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => {
    transferred += encodedDataLength;
    requests += 1;
  });
  const startedMs = performance.now();
  await navigate();
  await usable();
  const usableMs = performance.now() - startedMs;
  const tasks = await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks);
  await cdp.detach();
  return {
    usableMs: Math.round(usableMs),
    transferredMb: Math.round(transferred / (MB / 100)) / 100,
    requests,
    blockingMs: Math.round(tasks.reduce((sum, duration) => sum + Math.max(0, duration - 50), 0)),
    longestTaskMs: Math.round(Math.max(0, ...tasks)),
  };
}

/** A key typed into the file that is shown, until the editor says that it took it; then it is taken back. */
export async function typeOneKey(page: Page): Promise<void> {
  await page.getByTestId('editor').locator('.view-lines').click({ timeout: 60_000 });
  await page.keyboard.type('#');
  await page.getByTestId('save-state').filter({ hasText: 'Unsaved' }).waitFor();
}

/** A round of work: opens, edits and closes a file, fills a terminal's screen and looks at every panel. */
export async function workOnce(page: Page, work: WorkspacePage, round: number): Promise<void> {
  await work.type(1, `seq ${round * 1000} ${round * 1000 + 2000}; echo round-${round}-done\n`);
  await work.expectOnScreen(1, new RegExp(`^round-${round}-done$`, 'm'));
  await page
    .getByTestId('explorer-item')
    .filter({ hasText: /^instructions\.txt$/ })
    .click();
  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.type('some words ');
  for (let n = 0; n < 'some words '.length; n += 1) await page.keyboard.press('Backspace');
  for (const tab of ['score', 'notes', 'clock', 'help', 'instructions']) await page.getByTestId(`tab-${tab}`).click();
  await page.keyboard.press('Control+Shift+P');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Close instructions.txt' }).click();
  const sure = page.getByRole('button', { name: 'Close without saving' });
  if (await sure.isVisible()) await sure.click();
}

export interface Held {
  /** Of the page's scripts, in 10^6 bytes. */
  heapMb: number;
  nodes: number;
  listeners: number;
}

/** What the page holds once what it let go of is collected. Nodes that hang on nothing but a script are counted too. */
export async function heldBy(page: Page): Promise<Held> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await cdp.send('Runtime.getHeapUsage')) as { usedSize: number };
  const { nodes, jsEventListeners } = await cdp.send('Memory.getDOMCounters');
  await cdp.detach();
  return { heapMb: usedSize / MB, nodes, listeners: jsEventListeners };
}
