import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import type { Account } from '../support/accounts.ts';
import { expect, test } from '../support/fixtures.ts';
import { openWorkspace } from '../support/workspace.ts';
import { People, untilKept, WorkspacePage } from '../support/workspacePage.ts';

/** Of a load with a layout that was kept: below what anybody sees. */
const LAYOUT_SHIFT_MAX = 0.02;

/** The address of the editor's own code, which is by far the most of a page. */
function largestScript(page: Page): Promise<string> {
  return page.evaluate(() => {
    const loaded = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const scripts = loaded.filter(({ name }) => name.endsWith('.js'));
    return scripts.reduce((largest, one) => (one.decodedBodySize > largest.decodedBodySize ? one : largest)).name;
  });
}

test.describe.configure({ mode: 'serial' });

test.describe('the desk: panels, terminals and tabs', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  let account: Account;
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  let position: Locator;

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId, account } = await openWorkspace(browser, platform, await signIn('admin')));
    position = page.getByRole('region', { name: 'Editor' }).getByText('1:9', { exact: true });
    await work.shell('mkdir lib; echo "value = new_name + 1" > lib/part1.py; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    await work.openFile('solution', 'textstats.py');
    await work.openFile('lib', 'part1.py');
  });

  test.afterAll(() => context?.close());

  test('a terminal takes a name, and a link of the sandbox is followed only after a question', async () => {
    await page.getByTestId('terminal-tab-1').dblclick();
    await page.getByTestId('name-field').fill('training');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    await work.type(1, 'clear; echo https://example.org/page\n');
    await work.expectOnScreen(1, /^https:\/\/example\.org\/page$/m);
    await work.followLink(1, /^https/);
    await expect(page.getByTestId('link-address')).toHaveText('https://example.org/page');
    await expectAccessible(page, 'a link of the sandbox', [], '[role=alertdialog]');
    await page.keyboard.press('Escape');
    // One whose words do not say where it leads.
    await work.shell("printf '\\033]8;;https://example.org/hidden\\007other-words\\033]8;;\\007\\n'", /^other-words$/m);
    await work.followLink(1, /^other-words/);
    await expect(page.getByTestId('link-address')).toHaveText('https://example.org/hidden');
    await page.keyboard.press('Escape');
    expect(context.pages()).toHaveLength(1);
  });

  test('a place in a file that a terminal shows is opened by Ctrl and a click, and a file that is not there is said to be none', async () => {
    await work.shell('clear; echo part1.py:1:9; echo away.py:1', /^away\.py:1$/m);
    await work.followLink(1, /^part1/);
    await expect(position).toHaveCount(0);
    await page.keyboard.down('Control');
    await work.followLink(1, /^part1/);
    await expect(position).toBeVisible();
    // From a file to a place in another leads a way back, which is none of the browser's, and forth.
    await page.keyboard.up('Control');
    await page.getByTestId('editor-tab').filter({ hasText: 'textstats.py' }).click();
    await expect(position).toHaveCount(0);
    await page.keyboard.press('Alt+ArrowLeft');
    await expect(position).toBeVisible();
    await page.keyboard.press('Alt+ArrowRight');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'textstats.py' })).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('Alt+W');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'textstats.py' })).toHaveCount(0);
    await page.keyboard.press('Control+Shift+T');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'textstats.py' })).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('Alt+ArrowLeft');
    await expect(position).toBeVisible();
    await page.keyboard.down('Control');
    await work.followLink(1, /^away/);
    await page.keyboard.up('Control');
    // What the pointer is on stays.
    await page.getByText('The workspace has no file away.py.').hover();
    await expectAccessible(page, 'a message', [], '[data-sonner-toaster]');
  });

  test('the palette has what the editor can do as well and leads to the page of keys, and F1 opens it, which in a terminal is a key of programs', async () => {
    const palette = page.getByPlaceholder('What would you like to do?');
    await work.terminal(1).locator('.xterm-screen').click();
    await page.keyboard.press('F1');
    await expect(palette).toHaveCount(0);
    await editor().click();
    await page.keyboard.press('F1');
    await expect(palette).toBeFocused();
    await page.keyboard.type('Go to Line');
    await page.keyboard.press('Enter');
    const line = page.locator('.quick-input-widget input');
    await expect(line).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(line).toBeHidden();
    // Whoever goes away from it is back where they were.
    await editor().click();
    await page.keyboard.press('F1');
    await expect(palette).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('editor').locator('.monaco-editor.focused')).toBeVisible();
    for (const part of ['keys', 'app']) {
      const opening = context.waitForEvent('page');
      await command(part);
      const help = await opening;
      await expect(help.locator(`#${part}`)).toBeInViewport();
      await help.close();
    }
  });

  test('text is found in one folder, from the tree of files, whose folders are collapsed at once', async () => {
    const included = page.getByLabel('Files to include');
    await work.shell('mkdir -p other/deep; echo new_name > other/deep/one.py; echo made-$((3+3))', /^made-6$/m);
    await page.getByTestId('tab-files').click();
    await item('other').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Find in this folder' }).click();
    await expect(page.getByTestId('search-query')).toBeFocused();
    await expect(included).toHaveValue('other/**');
    await page.getByTestId('search-query').fill('new_name');
    await expect(page.getByTestId('search-file')).toHaveCount(1);
    await expect(page.getByTestId('search-file')).toHaveAttribute('data-path', 'other/deep/one.py');

    await page.getByTestId('tab-files').click();
    await item('other').click();
    await item('other/deep').click();
    await expect(item('other/deep/one.py')).toBeVisible();
    await page.keyboard.press('Control+ArrowLeft');
    await expect(item('other/deep')).toHaveCount(0);
    await expect(item('other')).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Home');
    await expect(item('lib')).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Shift+Alt+F');
    await expect(included).toHaveValue('lib/**');
    await expect(page.locator('[data-testid=search-file][data-path="lib/part1.py"]')).toBeVisible();
    await included.fill('');
    await work.shell('rm -r other; echo made-$((4+4))', /^made-8$/m);
    await page.getByTestId('tab-files').click();
  });

  test('panels are hidden, moved by command and by drag, and the person finds them there in any browser and at any size, without a jump, in the scheme that was chosen', async ({
    browser,
    platform,
  }) => {
    const place = async (on: Page, panel: string) => (await on.getByTestId(`tab-${panel}`).boundingBox()) ?? { x: 0, y: 0 };
    const explorer = page.getByTestId('explorer-tree');
    await page.getByTestId('tab-files').focus();
    await page.keyboard.press('Control+B');
    await expect(explorer).not.toBeInViewport();
    await page.keyboard.press('Control+B');
    await expect(explorer).toBeInViewport();
    const sideBySide = async () => (await place(page, 'terminals')).x > (await place(page, 'editor')).x;
    expect(await sideBySide()).toBe(false);
    await command('terminals-beside');
    await expect.poll(sideBySide).toBe(true);
    expect((await place(page, 'problems')).y).toBe((await place(page, 'terminals')).y);

    const drag = async (panel: string, to: { x: number; y: number }) => {
      await page.getByTestId(`tab-${panel}`).hover();
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 8 });
      await expect(page.locator('[data-drop-indicator]')).toHaveCSS('opacity', '1');
    };
    await page.getByTestId('tab-notes').click();
    await page.getByTestId('note-text').fill('Half a thought');
    const bottom = { x: 700, y: 897 };
    await drag('notes', bottom);
    await page.keyboard.press('Escape');
    await page.mouse.up();
    expect((await place(page, 'notes')).y).toBe((await place(page, 'score')).y);
    await drag('notes', bottom);
    await page.mouse.up();
    await expect.poll(async () => (await place(page, 'notes')).y).toBeGreaterThan((await place(page, 'score')).y + 100);
    await page.getByTestId('note-kind').selectOption('ai_use');
    await expect(page.getByTestId('note-text')).toHaveValue('Half a thought');
    await expectAccessible(page, 'docked elsewhere', [], '[data-tabset]:has([data-testid=tab-notes])');

    const editorCode = await largestScript(page);
    let load = () => {};
    const isLoaded = new Promise<void>((resolve) => {
      load = resolve;
    });
    await page.route(editorCode, (route) => isLoaded.then(() => route.continue()));
    await page.reload();
    await expect(work.terminal(1)).toBeVisible();
    await expect(page.getByText('Loading the editor')).toBeVisible();
    // A place that is followed before the editor is there.
    await work.shell('echo part1.py:1:9', /^part1/m);
    await page.keyboard.down('Control');
    await work.followLink(1, /^part1/);
    await page.keyboard.up('Control');
    load();
    await expect(position).toBeVisible();
    await page.unroute(editorCode);
    await expect(editor()).toContainText('new_name');
    expect(await work.layoutShift()).toBeLessThan(LAYOUT_SHIFT_MAX);
    expect(await sideBySide()).toBe(true);
    for (const size of [
      { width: 1280, height: 720 },
      { width: 2560, height: 1440 },
    ]) {
      await page.setViewportSize(size);
      await page.reload();
      await expect(work.terminal(1)).toBeVisible();
      await expect(editor()).toContainText('new_name');
      expect(await work.layoutShift(), `${size.width} pixels wide`).toBeLessThan(LAYOUT_SHIFT_MAX);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    await expect(page.getByTestId('note-text')).toHaveValue('Half a thought');
    await expect(page.getByTestId('note-kind')).toHaveValue('ai_use');
    await page.getByTestId('note-text').fill('');
    await untilKept(page);
    const elsewhere = await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } });
    const other = await elsewhere.newPage();
    await new People(other).signIn(account.email, account.password);
    await other.emulateMedia({ colorScheme: 'light' });
    await other.getByRole('button', { name: /^Account of / }).click();
    await other.getByRole('menuitemradio', { name: 'Dark' }).click();
    await other.goto(`/attempts/${attemptId}/work`);
    await expect(new WorkspacePage(other).terminal(1)).toBeVisible();
    // What the person chose for this browser holds over what its machine wishes, in the terminals too, which paint themselves.
    const lightness = (part: string) =>
      other
        .locator(part)
        .first()
        .evaluate((element) => Math.max(...(getComputedStyle(element).backgroundColor.match(/\d+/g) ?? []).slice(0, 3).map(Number)));
    for (const part of ['body', '[data-testid=terminal-1] div:has(> .xterm)']) expect(await lightness(part), part).toBeLessThan(60);
    // Letters change their width once their font is there.
    for (const panel of ['notes', 'terminals', 'score']) await expect.poll(() => place(other, panel)).toEqual(await place(page, panel));
    await elsewhere.close();

    await command('reset-layout');
    await expect.poll(sideBySide).toBe(false);
  });

  test('tabs are dragged: files in their row and to the edge of a pane, terminals beside each other', async () => {
    const paths = () => page.getByTestId('editor-tab').evaluateAll((tabs) => tabs.map((tab) => tab.getAttribute('data-path')));
    const drag = async (from: Locator, onto: Locator, share: number) => {
      await from.hover();
      await page.mouse.down();
      const { x = 0, y = 0, width = 0, height = 0 } = (await onto.boundingBox()) ?? {};
      await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 4 });
      // The places to drop appear once the drag has begun.
      await expect(page.getByTestId('pane-drop').first()).toBeVisible();
      await page.mouse.move(x + width * share, y + height / 2, { steps: 4 });
    };
    const [first, second] = [page.getByTestId('editor-tab').first(), page.getByTestId('editor-tab').nth(1)];
    const before = await paths();
    await drag(second, first, 0.5);
    await page.mouse.up();
    await expect.poll(paths).toEqual([before[1], before[0], ...before.slice(2)]);
    await command('tab-left');

    const panes = page.locator('[data-testid^=editor-pane-]');
    const count = await panes.count();
    await drag(first, panes.first(), 0.05);
    await expect(page.getByTestId('pane-drop')).toHaveCount(count);
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await expect(page.getByTestId('pane-drop')).toHaveCount(0);
    await expect(panes).toHaveCount(count);
    await drag(first, panes.first(), 0.05);
    await page.mouse.up();
    await expect(panes).toHaveCount(count + 1);
    await expect(panes.first()).toContainText((await paths())[0] ?? '');
    await page
      .getByRole('button', { name: /^Close the pane of/ })
      .first()
      .click();

    await page.getByTestId('terminal-new').click();
    await expect(work.terminal(2)).toBeVisible();
    await drag(page.getByTestId('terminal-tab-1'), work.terminal(2), 0.95);
    await page.mouse.up();
    await expect(work.terminal(1)).toBeVisible();
    const leftOf = async (terminal: number) => (await work.terminal(terminal).boundingBox())?.x ?? 0;
    await expect.poll(async () => (await leftOf(1)) - (await leftOf(2))).toBeGreaterThan(100);
    const widthOf = async (terminal: number) => (await work.terminal(terminal).boundingBox())?.width ?? 0;
    expect(Math.abs((await widthOf(1)) - (await widthOf(2)))).toBeLessThan(5);
    const divider = page.locator('#panes-terminals').getByRole('separator', { name: 'Width of the panes' });
    const { x = 0, y = 0, height = 0 } = (await divider.boundingBox()) ?? {};
    await page.mouse.move(x, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x - 100, y + height / 2, { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => (await widthOf(1)) - (await widthOf(2))).toBeGreaterThan(150);
    await divider.focus();
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('ArrowLeft');
    await expect.poll(async () => (await widthOf(1)) - (await widthOf(2))).toBeGreaterThan(250);
    await work.terminal(1).locator('.xterm-screen').click();
    for (const [key, terminal] of [
      ['PageDown', 2],
      ['PageDown', 1],
      ['PageUp', 2],
    ] as const) {
      await page.keyboard.press(`Alt+${key}`);
      await expect(work.terminal(terminal).locator('textarea')).toBeFocused();
    }
    await editor().click();
    const inFront = page.locator('[data-testid=editor-tab][aria-current=true]');
    const [one, other] = await paths();
    await page.keyboard.press('Alt+PageDown');
    const next = (await inFront.getAttribute('data-path')) === one ? other : one;
    await page.keyboard.press('Alt+PageUp');
    await expect(inFront).toHaveAttribute('data-path', next ?? '');
    await expect(page.getByTestId('editor').locator('.monaco-editor.focused')).toBeVisible();
    // The tab names what runs in it, and what runs in another terminal is no reason to ask.
    await work.type(1, 'sleep 4444\n');
    await work.type(2, 'sleep 5555\n');
    await expect(page.getByTestId('terminal-tab-2')).toHaveText('sleep 5555');
    await page.getByRole('button', { name: 'Close Terminal 2' }).click();
    const asking = page.getByRole('alertdialog');
    await expect(asking).toContainText('sleep 5555');
    await expect(asking).not.toContainText('sleep 4444');
    await page.keyboard.press('Escape');
    await work.terminal(2).locator('.xterm-screen').click();
    await page.keyboard.press('Control+C');
    await expect(page.getByTestId('terminal-tab-2')).toHaveText('Terminal 2');
    await page.getByRole('button', { name: 'Close Terminal 2' }).click();
    await expect(work.terminal(2)).toHaveCount(0);
    // Shells alone are nothing that a pause would freeze.
    await work.terminal(1).locator('.xterm-screen').click();
    await page.keyboard.press('Control+C');
    await expect.poll(() => work.screen(1)).toMatch(/\^C/);
    await page.getByTestId('pause').click();
    await expect(page.getByTestId('pause-dialog')).toContainText('Nothing of yours runs but the shells of your terminals.');
    await page.keyboard.press('Escape');
  });
});
