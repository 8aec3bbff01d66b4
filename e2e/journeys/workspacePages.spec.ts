import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { expect, test } from '../support/fixtures.ts';
import { openWorkspace } from '../support/workspace.ts';
import { refuseToKeep, WorkspacePage } from '../support/workspacePage.ts';

test.describe.configure({ mode: 'serial' });

test.describe('the pages of a browser in which one attempt is open', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId } = await openWorkspace(browser, platform, await signIn('admin')));
    await work.shell('mkdir lib; echo "value = new_name + 1" > lib/part1.py; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    await work.openFile('lib', 'part1.py');
  });

  test.afterAll(() => context?.close());

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
    await refuseToKeep(full);
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
