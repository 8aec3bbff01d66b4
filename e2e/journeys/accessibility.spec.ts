import type { Browser, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { expertWith } from '../support/accounts.ts';
import { prepareAttempt } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { NarrowProxy } from '../support/narrowProxy.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { People, WorkspacePage, watchedPage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;

/** The parts of the workspace that change. The rest is looked at whole once, and its editor and terminals take seconds each time. */
const SIDE_PANEL = '[data-tabset-id=right]';
const SEARCH_PANEL = '[data-testid=search-panel]';
const IMAGE = '[data-testid=image-view]';
const PLAYER_LISTS = '[role=tabpanel]';
const DIALOG = '[role=dialog], [role=alertdialog]';
const MENU = '[role=menu]';

const ONE_PIXEL_GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

test.describe.configure({ mode: 'serial' });

/** Goes on with Tab until something has the focus, as one does without a mouse. */
async function tabTo(target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 100; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await target.page().keyboard.press('Tab');
  }
  throw new Error(`${target} cannot be reached with Tab`);
}

async function openPage(browser: Browser, platform: PlatformUnderTest, email: string, password: string): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } })).newPage();
  await new People(page).signIn(email, password);
  return page;
}

test.describe('every page can be used by everybody', () => {
  let expert: Page;
  let staff: Page;
  let attemptId: string;
  let startClock: () => Promise<unknown>;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const { account, session } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    attemptId = await prepareAttempt(session, PRACTICE);
    startClock = () => session.mutate('attempt.start', { attemptId });
    expert = await openPage(browser, platform, account.email, account.password);
    staff = await openPage(browser, platform, 'admin@demo.plumbline.local', platform.demoPassword);
  });

  test.afterAll(async () => {
    await expert?.context().close();
    await staff?.context().close();
  });

  test('signing in, and being refused', async ({ page }) => {
    await page.goto('/sign-in');
    await expectAccessible(page, 'sign-in');
    await page.getByLabel('E-mail').fill('nobody@example.org');
    await page.getByLabel('Password').fill('not-the-password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.locator('form').getByRole('alert')).toBeVisible();
    await expectAccessible(page, 'sign-in that was refused');
    await expert.goto('/users');
    await expect(expert.getByRole('heading', { name: /may not open/ })).toBeVisible();
    await expectAccessible(expert, 'forbidden');
    await expert.goto('/attempts/nothing');
    await expect(expert.getByRole('heading', { name: /nothing at this address/ })).toBeVisible();
    await expectAccessible(expert, 'not found');
  });

  test('the system check says of a small window, of a network without WebSockets and of one far away what that means and what to do', async ({
    browser,
    platform,
  }) => {
    const proxy = await NarrowProxy.start();
    const context = await browser.newContext({
      baseURL: platform.baseUrl,
      storageState: await expert.context().storageState(),
      viewport: { width: 1024, height: 600 },
      proxy: { server: proxy.url },
    });
    const page = await context.newPage();
    const found = (name: string) => page.getByRole('listitem').filter({ hasText: new RegExp(`^${name}`) });
    proxy.allowsTunnels = false;
    await page.goto(`/attempts/${attemptId}`);
    await expect(found('Browser')).toContainText('Has everything that the workspace needs.');
    await expect(found('Window')).toContainText(
      '1024 × 600 pixels. The workspace is made for 1280 × 720 or more: enlarge the window or zoom out.',
    );
    await expect(found('WebSocket')).toContainText(
      'A proxy, a VPN or an extension may block it: try without them or from another network.',
    );
    await expect(found('WebSocket').getByRole('img', { name: 'bad' })).toBeVisible();
    await expect(found('Latency')).toHaveCount(0);
    await expectAccessible(page, 'a system check that fails');

    proxy.allowsTunnels = true;
    proxy.delayMs = 200;
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole('button', { name: 'Check again' }).click();
    await expect(found('Window')).toContainText('1440 × 900 pixels.');
    await expect(found('WebSocket')).toContainText('Opened and answered');
    await expect(found('Latency')).toContainText('typing in a terminal will feel slow. A nearer or wired network helps.');
    await expect(found('Latency').getByRole('img', { name: 'warning' })).toBeVisible();
    await context.close();
    proxy.stop();
  });

  test('the pages of an expert', async () => {
    await expert.goto(`/attempts/${attemptId}`);
    await expect(expert.getByRole('button', { name: 'Start the clock' })).toBeVisible();
    await expectAccessible(expert, 'the lobby');
    await expert.getByRole('button', { name: 'Start the clock' }).click();
    await expect(expert.getByRole('alertdialog')).toBeVisible();
    await expectAccessible(expert, 'starting the clock', [], DIALOG);
    await expert.getByRole('button', { name: 'Not yet' }).click();
    await expert.getByRole('button', { name: 'Read or change' }).click();
    await expect(expert.getByTestId('agreement').getByRole('radio').first()).toBeVisible();
    await expectAccessible(expert, 'the lobby, with the agreement');
    await startClock();
    for (const path of ['/', '/help', `/attempts/${attemptId}`]) {
      await expert.goto(path);
      await expect(expert.getByRole('heading', { level: 1 })).toBeVisible();
      await expectAccessible(expert, path);
    }
  });

  test('the workspace with its panels and dialogs', async ({ signIn }) => {
    // All of it is computing: twice as long on a machine that is busy with something else.
    test.setTimeout(600_000);
    const work = new WorkspacePage(expert);
    await expert.goto(`/attempts/${attemptId}/work`);
    await expect(expert.getByTestId('instructions')).toBeVisible();
    await expect(work.terminal(1)).toBeVisible();
    await expectAccessible(expert, 'workspace, instructions', [], SIDE_PANEL);
    await work.openFile('solution', 'textstats.py');
    await work.score();
    await expectAccessible(expert, 'workspace, score');
    await expert.getByTestId('tab-notes').click();
    await expert.getByTestId('note-text').fill('A note to be read.');
    await expert.getByTestId('note-send').click();
    await expect(expert.getByTestId('note')).toBeVisible();
    await expectAccessible(expert, 'workspace, notes', [], SIDE_PANEL);
    for (const tab of ['clock', 'ports', 'help']) {
      await expert.getByTestId(`tab-${tab}`).click();
      await expectAccessible(expert, `workspace, ${tab}`, [], SIDE_PANEL);
    }
    await expert.keyboard.press('Control+Shift+M');
    await expectAccessible(expert, 'workspace, problems', [], '[data-tabset-id=below]');
    await expert.getByTestId('tab-terminals').click();
    await expert.getByTestId('tab-search').click();
    await expert.getByTestId('search-query').fill('def');
    await expect(expert.getByTestId('search-match').first()).toBeVisible();
    await expectAccessible(expert, 'workspace, search', [], SEARCH_PANEL);
    await expert.getByTestId('search-replacement').fill('def');
    await expert.getByRole('button', { name: 'Replace all' }).click();
    await expectAccessible(expert, 'replacing all', [], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('tab-files').click();
    await expert.getByTestId('upload-input').setInputFiles({ name: 'dot.gif', mimeType: 'image/gif', buffer: ONE_PIXEL_GIF });
    await expert.getByTestId('explorer-item').filter({ hasText: 'dot.gif' }).click();
    await expect(expert.getByTestId('image-view').locator('img')).toBeVisible();
    await expectAccessible(expert, 'workspace, an image', [], IMAGE);
    await expert.getByTestId('explorer-item').filter({ hasText: 'dot.gif' }).click({ button: 'right' });
    await expect(expert.getByRole('menuitem', { name: 'Rename…' })).toBeVisible();
    await expectAccessible(expert, 'the menu of a file', ['region'], MENU);
    await expert.getByRole('menuitem', { name: 'Rename…' }).click();
    await expect(expert.getByTestId('name-field')).toBeFocused();
    await expectAccessible(expert, 'renaming', [], DIALOG);
    await expert.keyboard.press('Escape');
    await work.openFile('solution', 'textstats.py');
    await expert.getByTestId('indentation').click();
    await expect(expert.getByRole('menu')).toBeVisible();
    await expectAccessible(expert, 'indentation', ['region'], MENU);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('editor').locator('.view-lines').click();
    await expert.keyboard.type('x');
    await expect(expert.getByTestId('save-state')).toHaveText('Unsaved');
    await expert.getByTestId('explorer-item').filter({ hasText: 'textstats.py' }).click({ button: 'right' });
    await expert.getByRole('menuitem', { name: 'Delete' }).click();
    await expect(expert.getByRole('alertdialog')).toContainText('for good');
    await expectAccessible(expert, 'deleting for good', [], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByRole('button', { name: 'Close solution/textstats.py' }).click();
    await expect(expert.getByRole('alertdialog')).toBeVisible();
    await expectAccessible(expert, 'closing without saving', [], DIALOG);
    await expert.getByRole('button', { name: 'Close without saving' }).click();
    await work.shell('echo busy-$((1+1)); sleep 600', /^busy-2$/m);
    await expert.getByRole('button', { name: /^Close Terminal/ }).click();
    await expect(expert.getByRole('alertdialog')).toContainText('sleep 600');
    await expectAccessible(expert, 'closing a terminal', [], DIALOG);
    await expert.keyboard.press('Escape');
    await work.terminal(1).locator('.xterm-screen').click();
    await expert.keyboard.press('Control+C');
    await work.openFile('solution', 'textstats.py');
    await expert.getByTestId('editor-split').click();
    await expert.getByTestId('compare-toggle').click();
    await expect(expert.getByTestId('compare')).toBeVisible();
    // The word at the caret is marked a moment later.
    await expect(expert.getByTestId('compare').locator('.wordHighlightText').first()).toBeAttached();
    await expectAccessible(expert, 'workspace, split and compared', [], '[data-testid=compare]');
    await expert.getByTestId('commands').click();
    await expect(expert.getByPlaceholder('What would you like to do?')).toBeVisible();
    await expectAccessible(expert, 'command palette', ['region'], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('commands').click();
    await expert.getByTestId('command-seal').click();
    await expect(expert.getByRole('dialog').getByRole('heading')).toBeVisible();
    await expectAccessible(expert, 'seal dialog', [], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('commands').click();
    await expert.getByTestId('command-open').click();
    await expect(expert.getByRole('option').first()).toBeVisible();
    await expectAccessible(expert, 'quick open', ['region'], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('submit').click();
    await expect(expert.getByTestId('submit-sure')).toBeVisible();
    await expectAccessible(expert, 'submit dialog', [], DIALOG);
    await expert.keyboard.press('Escape');
    await expert.getByTestId('pause').click();
    await expect(expert.getByTestId('pause-dialog')).toBeVisible();
    await expectAccessible(expert, 'pause dialog', [], DIALOG);
    await expert.getByTestId('pause-confirm').click();
    await expect(expert.getByTestId('resume')).toBeVisible();
    await expectAccessible(expert, 'paused');
    await expert.getByTestId('resume').click();
    await expect(work.terminal(1)).toBeVisible();
    const admin = await signIn('admin');
    await admin.mutate('clock.pause', { attemptId, reason: 'A disk is being replaced' });
    await expect(expert.getByRole('heading', { name: 'Staff paused your attempt' })).toBeVisible();
    await expectAccessible(expert, 'paused by staff');
    await admin.mutate('clock.resume', { attemptId, reason: 'The new disk is there' });
    await expect(work.terminal(1)).toBeVisible();
  });

  test('keyboard alone completes an attempt, from sign-in to the result', async ({ browser, platform, signIn }) => {
    const { account } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    const context = await browser.newContext({
      baseURL: platform.baseUrl,
      viewport: { width: 1280, height: 720 },
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await page.addInitScript(() => localStorage.setItem('plumbline.terminal.renderer', 'dom'));
    const { keyboard } = page;
    const press = async (target: Locator, key = 'Enter') => {
      await tabTo(target);
      await keyboard.press(key);
    };
    const command = async (words: string) => {
      await keyboard.press('Control+Shift+P');
      await expect(page.getByPlaceholder('What would you like to do?')).toBeFocused();
      await keyboard.type(words);
      await keyboard.press('Enter');
    };
    await page.goto('/sign-in');
    await tabTo(page.getByLabel('E-mail'));
    await keyboard.type(account.email);
    await tabTo(page.getByLabel('Password'));
    await keyboard.type(`${account.password}\n`);
    // A button that is drawn before the page's programs run does nothing yet.
    await page.waitForURL('/');
    await press(page.getByRole('button', { name: 'Get ready' }));
    await expect(page.getByTestId('agreement')).toBeVisible();
    for (const answer of await page.getByTestId('agreement').getByRole('radio', { name: 'Yes' }).all()) await press(answer, 'Space');
    await press(page.getByRole('button', { name: 'Keep my answers' }));
    await expect(page.getByRole('button', { name: 'Read or change' })).toBeVisible();
    await press(page.getByRole('button', { name: 'Prepare the sandbox' }));
    const start = page.getByRole('button', { name: 'Start the clock' });
    await expect(start).toBeVisible({ timeout: 120_000 });
    await press(start);
    await press(page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Start the clock' }));

    const work = new WorkspacePage(page);
    // The terminal that opens behind the tour leaves it the keyboard.
    await expect(work.terminal(1)).toBeVisible();
    await expect(page.getByTestId('tour-next')).toBeFocused();
    await keyboard.press('Escape');
    await expect(page.getByTestId('tour')).toHaveCount(0);
    await command('Open a file by name');
    await expect(page.getByPlaceholder('Parts of a file’s path')).toBeFocused();
    await keyboard.type('textstats');
    await expect(page.getByRole('option')).toHaveCount(1);
    await keyboard.press('Enter');
    await expect(page.getByTestId('editor')).toContainText('def describe');
    await expect(page.getByTestId('editor').locator(':focus')).toHaveCount(1);
    await keyboard.press('Control+Home');
    await keyboard.type('# by keys\n');
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');
    await keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await keyboard.press('Control+`');
    await keyboard.type('head -n 1 solution/textstats.py\n');
    await work.expectOnScreen(1, /^# by keys$/m);
    await command('Score now');
    // The starting solution's row stands there before.
    const asked = page.locator('[data-testid=score-row][data-trigger=participant]');
    await expect(asked).toHaveAttribute('data-status', 'scored', { timeout: 120_000 });
    await command('Submit the attempt');
    await press(page.getByTestId('submit-sure'), 'Space');
    await press(page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Submit' }));
    await press(page.getByTestId('result-link').and(page.locator(':visible')));
    await expect(page.getByRole('table').first()).toBeVisible({ timeout: 120_000 });
    await context.close();
  });

  test('the pages of staff', async () => {
    for (const path of ['/', '/live', '/review', '/exports', '/assignments', '/agreements', '/environments', '/hosts', '/users']) {
      await staff.goto(path);
      await expect(staff.getByRole('heading', { level: 1 })).toBeVisible();
      await expectAccessible(staff, path);
    }
    await staff.getByRole('button', { name: 'New user' }).click();
    await expect(staff.getByRole('dialog')).toBeVisible();
    await expectAccessible(staff, 'new user');
    await staff.keyboard.press('Escape');
    await staff.getByRole('button', { name: 'Disable' }).first().click();
    await expect(staff.getByRole('alertdialog')).toBeVisible();
    await expectAccessible(staff, 'disabling a user', [], DIALOG);
    await staff.keyboard.press('Escape');
    await staff.getByRole('button', { name: /^Account of / }).click();
    await expect(staff.getByRole('menu')).toBeVisible();
    // An open menu is a layer beside the page's landmarks, and takes the focus while it is open.
    await expectAccessible(staff, 'account menu', ['region']);
    await staff.goto('/agreements');
    await staff.getByRole('button', { name: 'Write a new version' }).first().click();
    await expect(staff.getByRole('dialog')).toBeVisible();
    await expectAccessible(staff, 'a new version of an agreement', [], DIALOG);
    await staff.goto('/assignments');
    await staff.getByRole('button', { name: 'New assignment' }).click();
    await expect(staff.getByRole('dialog')).toBeVisible();
    await expectAccessible(staff, 'new assignment', [], DIALOG);
    await staff.goto(`/attempts/${attemptId}`);
    for (const name of ['Clock', 'Make void']) {
      await staff.getByRole('button', { name, exact: true }).click();
      await expect(staff.getByRole('alertdialog')).toBeVisible();
      await expectAccessible(staff, name, [], DIALOG);
      await staff.keyboard.press('Escape');
    }
  });

  test('watching', async () => {
    await staff.goto(`/attempts/${attemptId}/watch`);
    await expect(staff.getByTestId('watch')).toBeVisible();
    await expect(watchedPage(staff).terminal(1)).toBeVisible();
    await expectAccessible(staff, 'watch');
  });

  test('the end, the result and the replay', async () => {
    await expert.getByTestId('submit').click();
    await expert.getByTestId('submit-sure').check();
    await expert.getByRole('dialog').or(expert.getByRole('alertdialog')).getByRole('button', { name: 'Submit' }).click();
    await expect(expert.getByTestId('result-link')).toBeVisible();
    await expectAccessible(expert, 'submitted');
    await expert.getByTestId('result-link').click();
    await expect(expert.getByRole('table').first()).toBeVisible({ timeout: 120_000 });
    await expect(expert.getByTestId('survey')).toBeVisible();
    await expectAccessible(expert, 'result and survey');
    for (const path of ['/review', '/exports', `/attempts/${attemptId}`]) {
      await staff.goto(path);
      await expect(staff.getByRole('table').first()).toBeVisible();
      await expectAccessible(staff, `${path} with a finished attempt`);
    }
    await staff.goto(`/attempts/${attemptId}/replay`);
    await expect(staff.getByTestId('replay-marker').first()).toBeVisible();
    await expectAccessible(staff, 'replay');
    for (const list of ['Files', 'Search']) {
      await staff.getByRole('tab', { name: list }).click();
      await expect(staff.getByRole('tabpanel', { name: list })).toBeVisible();
      await expectAccessible(staff, `replay, ${list}`, [], PLAYER_LISTS);
    }
    await staff.getByRole('tab', { name: 'Files' }).click();
    await staff.getByTestId('replay-compare').click();
    await expect(staff.getByTestId('replay-diff')).toContainText(/Nothing changed between them|diff --git/);
    await expectAccessible(staff, 'replay, what changed', [], DIALOG);
    await staff.keyboard.press('Escape');
    await staff.getByTestId('replay-help').click();
    await expect(staff.getByTestId('replay-keys')).toBeVisible();
    await expectAccessible(staff, 'replay, keys', [], DIALOG);
  });
});
