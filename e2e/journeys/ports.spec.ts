import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page } from '@playwright/test';
import { expertWith } from '../support/accounts.ts';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { Tab } from '../support/tab.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;
const PORT = 8765;

test.describe.configure({ mode: 'serial' });

test.describe('pages that a sandbox serves', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let tab: Tab;
  let served: Page;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const { account, session } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    const attemptId = await startAttempt(session, PRACTICE);
    tab = new Tab(session, attemptId);
    await tab.open();
    const text = await readFile(new URL('../../apps/gateway/src/ports/servedPages.fixture.py', import.meta.url), 'utf8');
    await tab.request('file.write', { tab: tab.id, path: 'pages.py', text, baseHash: null });
    context = await browser.newContext({ baseURL: platform.baseUrl });
    page = await context.newPage();
    await new People(page).signIn(account.email, account.password);
    work = new WorkspacePage(page);
    await page.goto(`/attempts/${attemptId}/work`);
    await expect(work.terminal(1)).toBeVisible();
  });

  test.afterAll(async () => {
    tab?.end();
    await context?.close();
  });

  test('are listed with their program, and open in a tab with a WebSocket', async () => {
    await page.getByTestId('tab-ports').click();
    await expect(page.getByText('Nothing is served in the sandbox')).toBeVisible();
    await work.type(1, `python3 pages.py ${PORT} & echo http://localhost:${PORT}/linked?a=1\n`);
    await expect(page.getByTestId('port')).toContainText('python3 pages.py');
    [served] = await Promise.all([context.waitForEvent('page'), page.getByRole('button', { name: `Open port ${PORT}` }).click()]);
    await expect(served.getByRole('heading', { name: 'Served in the sandbox' })).toBeVisible();
    await expect(served.locator('#said')).toHaveText('echo hello');
    expect(await served.evaluate(() => [document.cookie, window.opener])).toEqual(['own=1', null]);
    // Nothing that the page did to cookies reaches the platform's pages, nor the other way round.
    const cookies = await context.cookies();
    expect(cookies.filter(({ name }) => name === 'tossed')).toEqual([]);
    expect(cookies.find(({ name }) => name === 'plumbline-session')?.domain).toBe('localhost');
    expect(cookies.find(({ name }) => name === 'plumbline-port')?.domain).toBe(new URL(served.url()).hostname);
  });

  test('open by a link of a terminal, at its path', async () => {
    await work.followLink(1, /^http:/);
    await expect(page.getByRole('alertdialog')).toContainText('Open a page that the sandbox serves?');
    const [linked] = await Promise.all([context.waitForEvent('page'), page.getByRole('button', { name: 'Open the page' }).click()]);
    await expect(linked.locator('#said')).toHaveText('echo hello');
    expect(new URL(linked.url()).search).toBe('?a=1');
    expect(new URL(linked.url()).origin).toBe(new URL(served.url()).origin);
    await linked.close();
  });

  test('are closed while the attempt is paused, and come back by themselves', async () => {
    await tab.request('pause', { reason: 'break' });
    await expect(served.locator('#said')).toHaveText('echo hello, closed');
    await served.reload();
    await expect(served.getByText('The attempt is paused')).toBeVisible();
    await expect(tab.request('port.open', { port: PORT, path: '/' })).rejects.toThrow(/clock_not_running/);
    await tab.request('resume', {});
    await expect(served.locator('#said')).toHaveText('echo hello');
  });

  test('what was opened is recorded, and ends with the attempt', async ({ platform }) => {
    await until('the opening is durable', async () => {
      const events = await readEvents(platform, tab.attemptId);
      const ports = events.filter((event) => event.type === 'port.opened').map(({ data }) => data as { port: number; path: string });
      return ports.some(({ port, path }) => port === PORT && path === '/linked');
    });
    const { terminal } = await tab.request('terminal.open', { cols: 120, rows: 40 });
    tab.watch(terminal);
    tab.type(terminal, 'task instructions && echo shown-$((1+1))\n');
    await until('the instructions are shown', () => /^shown-2$/m.test(tab.text(terminal)));
    const { markdown } = await tab.request('instructions', {});
    const firstLine = /^# (.+)$/m.exec(markdown)?.[1] as string;
    expect(tab.text(terminal)).toContain(firstLine);
    // Without the word of a person, or of a program that means it, nothing ends.
    tab.type(terminal, 'task submit < /dev/null; echo refused-with-$?\n');
    await until('it is refused', () => /^refused-with-2$/m.test(tab.text(terminal)));
    expect((await tab.request('status', {})).state).toBe('running');
    tab.type(terminal, 'task submit --yes\n');
    await tab.next((message) => message.t === 'clock' && message.clock.state === 'finalising');
    await served.reload();
    await expect(served.getByText('The attempt has ended')).toBeVisible();
  });
});
