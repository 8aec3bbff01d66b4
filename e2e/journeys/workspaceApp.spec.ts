import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type BrowserContext, chromium, type Page } from '@playwright/test';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { chromiumOptions } from '../support/chromium.ts';
import { expect, test } from '../support/fixtures.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;

test.describe.configure({ mode: 'serial' });

test.describe('keys as the window system gives them to the browser, which keeps some for itself', () => {
  let server: ChildProcess;
  let display: string;
  let path: string;
  let account: { email: string; password: string };
  let context: BrowserContext;

  /** Keys from outside: those of a test's page never pass the browser's own window. */
  const press = (...keys: string[]) => execFileSync('xdotool', ['key', ...keys], { env: { ...process.env, DISPLAY: display } });

  /** A browser with a window, in which one signs in and whose keyboard is in the first terminal. */
  const openWindow = async (dataDir: string, baseUrl: string, ...args: string[]): Promise<{ page: Page; work: WorkspacePage }> => {
    const options = chromiumOptions('--window-position=0,0', '--window-size=1280,800', ...args);
    context = await chromium.launchPersistentContext(dataDir, {
      ...options,
      headless: false,
      baseURL: baseUrl,
      viewport: null,
      env: { ...process.env, DISPLAY: display },
    });
    const page = context.pages()[0] as Page;
    await new People(page).signIn(account.email, account.password);
    await page.goto(path);
    const work = new WorkspacePage(page);
    await work.shell("echo the-'shell'", /^the-shell$/m);
    // Without a window manager the keyboard is where the pointer is.
    execFileSync('xdotool', ['mousemove', '640', '600'], { env: { ...process.env, DISPLAY: display } });
    return { page, work };
  };

  test.beforeAll(async ({ platform, signIn }) => {
    const { account: made, session } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    account = made;
    path = `/attempts/${await startAttempt(session, PRACTICE)}/work`;
    server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const [number] = (await once(server.stdio[3] as Readable, 'data')) as [Buffer];
    display = `:${number.toString().trim()}`;
  });

  test.afterEach(() => context?.close());
  test.afterAll(() => server?.kill());

  test('installed as an app the workspace has a window in which Ctrl-W, Ctrl-T and Ctrl-N reach the shell, and Ctrl-W closes a file of the editor', async ({
    platform,
  }) => {
    const { page, work } = await openWindow(join(platform.dataDir, 'app'), platform.baseUrl, `--app=${platform.baseUrl}/sign-in`);
    expect(await page.evaluate(() => matchMedia('(display-mode: standalone)').matches)).toBe(true);
    await page.keyboard.type('echo one two');
    await work.expectOnScreen(1, /echo one two$/m);
    press('ctrl+w');
    await work.expectOnScreen(1, /echo one$/m);
    await page.keyboard.type('three; cat -v\n');
    await work.expectOnScreen(1, /^one three$/m);
    press('ctrl+t', 'ctrl+n', 'Return');
    await work.expectOnScreen(1, /^\^T\^N$/m);
    // In the editor it closes the file, and not the window.
    await work.openFile('solution', 'textstats.py');
    const tab = page.getByTestId('editor-tab');
    await page.getByTestId('editor').locator('.view-lines').click();
    press('ctrl+w');
    await expect(tab).toHaveCount(0);
    press('ctrl+w', 'ctrl+shift+t');
    await expect(tab).toHaveAttribute('data-path', 'solution/textstats.py');
    expect(context.pages()).toHaveLength(1);
  });

  test('in a tab of the browser Ctrl-W asks before the page is closed', async ({ platform }) => {
    const { page, work } = await openWindow(join(platform.dataDir, 'tab'), platform.baseUrl);
    const asked = page.waitForEvent('dialog');
    press('ctrl+w');
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await expect(work.terminal(1)).toBeVisible();
    expect(page.isClosed()).toBe(false);
  });
});
