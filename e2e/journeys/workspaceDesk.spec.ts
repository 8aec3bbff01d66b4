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

test.describe('the desk: panels, terminals, tabs and pages of a browser', () => {
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

  test('a page reads again what could not be read, and one that is older than the server is told to reload when it suits, or at once where it must, and loses no text', async ({
    platform,
  }) => {
    let change = (_: { fromServer: boolean; text: string }): string => _.text;
    let cut: () => Promise<void> = async () => {};
    let notesFail = true;
    const old = await context.newPage();
    await old.routeWebSocket(/realtime\/attempt/, (socket) => {
      const server = socket.connectToServer();
      const pass = (message: string | Buffer, fromServer: boolean) =>
        typeof message === 'string' ? change({ fromServer, text: message }) : message;
      server.onMessage((message) => socket.send(pass(message, true)));
      socket.onMessage((message) => {
        const id = /"id":"([^"]+)","act":"notes"/.exec(String(message))?.[1];
        if (notesFail && id) socket.send(JSON.stringify({ t: 'reply', id, error: { code: 'rate_limited', message: 'Later.' } }));
        else server.send(pass(message, false));
      });
      cut = () => socket.close({ code: 1012 });
    });
    await old.goto(`/attempts/${attemptId}/work`);
    const oldWork = new WorkspacePage(old);
    await expect(oldWork.terminal(1)).toBeVisible();
    await old.getByTestId('tab-notes').click();
    await expect(old.getByText('The notes could not be read.')).toBeVisible();
    notesFail = false;
    await old.getByTestId('read-again').click();
    await expect(old.getByText('No notes yet')).toBeVisible();
    await oldWork.openFile('lib', 'part1.py');
    await expect(old.getByTestId('edited-elsewhere')).toBeVisible();
    await old.getByTestId('edit-here').click();
    // What is typed before the gateway has answered is refused.
    await expect(old.getByTestId('edited-elsewhere')).toHaveCount(0);
    await old.getByTestId('editor').locator('.view-lines').click();
    await old.keyboard.press('Control+End');
    await old.keyboard.type('# not saved yet');
    await expect(old.getByTestId('save-state')).toHaveText('Unsaved');
    await expect(old.getByTestId('upgraded')).toHaveCount(0);

    change = ({ fromServer, text }) => (fromServer ? text.replace(/("t":"welcome".*?"version":")[^"]*/, '$1later') : text);
    await cut();
    await expect(old.getByTestId('upgraded')).toBeVisible();
    await oldWork.type(1, "clear; echo goes-'on'\n");
    await oldWork.expectOnScreen(1, /^goes-on$/m);
    await old.getByTestId('note-text').fill('Half a note');
    old.on('dialog', (dialog) => void dialog.accept());
    await old.getByTestId('upgraded').click();
    await expect(old.getByTestId('note-text')).toHaveValue('Half a note');
    await expect(old.getByText(/^Unsaved text of yours/)).toBeVisible();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await expect(old.getByTestId('upgraded')).toHaveCount(0);

    change = ({ fromServer, text }) => (fromServer ? text : text.replace(/("t":"hello".*?"protocol":)\d+/, '$199999'));
    await cut();
    await expect(old.getByTestId('closed-screen')).toContainText('Plumbline was upgraded. Reload the page');
    await expectAccessible(old, 'no longer connected');
    change = ({ text }) => text;
    await old.getByRole('button', { name: 'Reload' }).click();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await expect(editor()).toContainText('# not saved yet');
    // The next test begins with what it left unsaved, and a gateway that knows nothing of it.
    platform.kill('gateway');
    await old.close({ runBeforeUnload: false });
  });

  test('of two tabs one edits a file and the other shows its text, under each name that it is given, which is left to it when the first is gone, even with the gateway', async () => {
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0, { timeout: 60_000 });
    await expect(page.getByTestId('recovered')).toBeVisible();
    await expect(editor()).toContainText('# not saved yet');
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');

    const other = await context.newPage();
    const otherWork = new WorkspacePage(other);
    await other.goto(`/attempts/${attemptId}/work`);
    await otherWork.openFile('lib', 'part1.py');
    const otherText = other.getByTestId('editor').locator('.view-lines');
    await expect(other.getByTestId('edited-elsewhere')).toBeVisible();
    await expect(otherText).toContainText('# not saved yet');
    await expectAccessible(other, 'edited in another tab', [], '[data-testid=edited-elsewhere]');
    await otherText.click();
    await other.keyboard.type('never');
    await page.bringToFront();
    await editor().click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type(', but seen');
    await expect(otherText).toContainText('# not saved yet, but seen');
    await expect(otherText).not.toContainText('never');

    await other.bringToFront();
    await other.getByTestId('edit-here').click();
    await expect(other.getByTestId('edited-elsewhere')).toHaveCount(0);
    await otherText.click();
    await other.keyboard.press('Control+End');
    await other.keyboard.type(' and saved');
    await expect(page.getByTestId('edited-elsewhere')).toBeVisible();
    await expect(editor()).toContainText('# not saved yet, but seen and saved');
    await other.keyboard.press('Control+S');
    await expect(other.getByTestId('save-state')).toHaveText('Saved');

    const isOpenAs = async (path: string) => {
      for (const tab of [page, other])
        await expect(tab.locator(`[data-testid=editor-tab][data-path="${path}"]`)).toBeVisible({ timeout: 30_000 });
      await expect(page.getByTestId('edited-elsewhere')).toBeVisible();
      await expect(other.getByTestId('save-state')).toHaveText('Saved');
    };
    await page.bringToFront();
    await work.shell('mv lib/part1.py lib/moved.py; echo moved-$((1+1))', /^moved-2$/m);
    await isOpenAs('lib/moved.py');
    await other.bringToFront();
    await other.locator('[data-testid=explorer-item][data-path="lib/moved.py"]').click();
    await other.getByTestId('explorer-tree').press('F2');
    await other.getByTestId('name-field').fill('part1.py');
    await other.keyboard.press('Enter');
    await isOpenAs('lib/part1.py');

    await other.getByRole('button', { name: 'Close lib/part1.py' }).click();
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0);
    await other.close({ runBeforeUnload: false });
    await page.bringToFront();
    await work.shell('tail -n 1 lib/part1.py; echo', /^# not saved yet, but seen and saved$/m);
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
  });

  test('in a browser that keeps nothing the workspace works, and says once what that means', async () => {
    const full = await context.newPage();
    await full.addInitScript(() => {
      const refuse = () => {
        throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
      };
      Storage.prototype.setItem = refuse;
      IDBObjectStore.prototype.put = refuse;
    });
    const fullWork = new WorkspacePage(full);
    // It is said before anything can be typed, and goes after a few seconds.
    const isSaid = expect(full.getByText(/storage is full or switched off/)).toHaveCount(1, { timeout: 60_000 });
    await Promise.all([isSaid, full.goto(`/attempts/${attemptId}/work`)]);
    await fullWork.type(1, "clear; echo still-'here'\n");
    await fullWork.expectOnScreen(1, /^still-here$/m);
    await full.getByTestId('tab-notes').click();
    await full.getByTestId('note-text').fill('Half a note');
    await full.getByTestId('tab-score').click();
    await full.getByTestId('tab-notes').click();
    await expect(full.getByTestId('note-text')).toHaveValue('Half a note');
    await full.close({ runBeforeUnload: false });
  });

  test('the workspace can be installed, closing its page asks first, and an attempt that counts no more says so', async ({ signIn }) => {
    const manifest = await page.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]');
      return (await fetch(link?.href ?? '')).json() as Promise<{ display: string; icons: { src: string }[] }>;
    });
    expect(manifest.display).toBe('standalone');
    for (const { src } of manifest.icons) expect((await page.request.get(src)).ok()).toBe(true);
    const asksFirst = () =>
      page.evaluate(() => {
        const event = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(event);
        return event.defaultPrevented;
      });
    expect(await asksFirst()).toBe(true);
    await (await signIn('admin')).mutate('attempt.void', { attemptId, reason: 'A fault of the platform' });
    await expect(page.getByTestId('not-running-screen')).toContainText('It does not count.');
    await expectAccessible(page, 'the clock is not running');
  });
});
