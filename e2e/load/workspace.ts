import type { CDPSession, Page } from '@playwright/test';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { rounded } from './summary.ts';

/** What the workspace may cost: above the first two the benchmark fails, the third is printed beside what was measured. */
const BUDGET = { transferredMb: 2.5, heapMb: 250, blockingMs: 200 };
/** Each round opens, edits and closes a file, fills a terminal's screen and looks at every panel. */
const ROUNDS = 40;
const MB = 1_000_000;

/** Loads the workspace with an empty cache, works in it, and says what that took in time, bytes and memory. */
export async function benchWorkspace(): Promise<Record<string, unknown>> {
  const platform = await PlatformUnderTest.start();
  const browser = await launchChromium();
  try {
    const admin = await Session.signIn(platform.baseUrl, 'admin@demo.plumbline.local', platform.demoPassword);
    const { account, session } = await expertWith(platform.baseUrl, admin, /practice/i);
    const attemptId = await startAttempt(session, /practice/i);
    const page = await (await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } })).newPage();
    const signIn = await loadOf(page, () => page.goto('/sign-in'), page.getByLabel('E-mail').waitFor.bind(page.getByLabel('E-mail')));
    await new People(page).signIn(account.email, account.password);
    const work = new WorkspacePage(page);
    await page.goto(`/attempts/${attemptId}/work`);
    await work.terminal(1).waitFor();
    await work.openFile('solution', 'textstats.py');

    const load = await loadOf(
      page,
      () => page.reload({ waitUntil: 'commit' }),
      async () => {
        await page.getByTestId('editor').locator('.view-lines').click({ timeout: 60_000 });
        await page.keyboard.type('#');
        await page.getByTestId('save-state').filter({ hasText: 'Unsaved' }).waitFor();
      },
    );
    await page.keyboard.press('Backspace');

    const cdp = await page.context().newCDPSession(page);
    const heapMb: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await workOnce(page, work, round);
      if (round % 10 === 9) heapMb.push(rounded(await heapUsed(cdp)));
    }
    const faults = [
      ...(load.transferredMb > BUDGET.transferredMb
        ? [`${load.transferredMb} MB before the editor is usable; at most ${BUDGET.transferredMb}`]
        : []),
      ...(Math.max(...heapMb) > BUDGET.heapMb ? [`${Math.max(...heapMb)} MB of heap; at most ${BUDGET.heapMb}`] : []),
    ];
    return {
      bench: 'workspace',
      load,
      signIn,
      ratio: rounded(load.usableMs / signIn.usableMs),
      rounds: ROUNDS,
      heapMb,
      budget: BUDGET,
      faults,
    };
  } finally {
    await browser.close();
    await platform.stop();
  }
}

interface Load {
  usableMs: number;
  transferredMb: number;
  requests: number;
  /** What each task of the page's thread took beyond 50 ms, added up. */
  blockingMs: number;
}

/** What happens from a navigation with an empty cache until the page can be used. */
async function loadOf(page: Page, navigate: () => Promise<unknown>, usable: () => Promise<unknown>): Promise<Load> {
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
  const blockingMs = await page.evaluate(() =>
    (window as unknown as { longTasks: number[] }).longTasks.reduce((sum, duration) => sum + Math.max(0, duration - 50), 0),
  );
  await cdp.detach();
  return {
    usableMs: Math.round(usableMs),
    transferredMb: Math.round(transferred / (MB / 100)) / 100,
    requests,
    blockingMs: Math.round(blockingMs),
  };
}

async function workOnce(page: Page, work: WorkspacePage, round: number): Promise<void> {
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

async function heapUsed(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await cdp.send('Runtime.getHeapUsage')) as { usedSize: number };
  return usedSize / MB;
}
