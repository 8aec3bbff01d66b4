import { readFile } from 'node:fs/promises';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { type Account, expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { People, TOUR_SEEN, WorkspacePage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;
const MANY = 30_000;

test.describe.configure({ mode: 'serial' });

test.describe('the workspace of an expert', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  let account: Account;
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const expert = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    account = expert.account;
    attemptId = await startAttempt(expert.session, PRACTICE);
    context = await browser.newContext({
      baseURL: platform.baseUrl,
      viewport: { width: 1440, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    page = await context.newPage();
    await new People(page).signIn(account.email, account.password);
    work = new WorkspacePage(page);
    await page.goto(`/attempts/${attemptId}/work`);
    await expect(work.terminal(1)).toBeVisible();
  });

  test.afterAll(() => context?.close());

  test('a folder of tens of thousands of files opens, scrolls and closes', async () => {
    await work.shell(`mkdir -p data && (cd data && seq 1 ${MANY} | xargs touch) && echo made-$((1+1))`, /^made-2$/m);
    await item('data').click();
    await expect(item('data/1')).toBeVisible();
    await page.keyboard.press('End');
    await expect(item('instructions.txt')).toBeVisible();
    expect(await page.getByTestId('explorer-item').count()).toBeLessThan(200);
    await page.keyboard.press('Home');
    await item('data').click();
    await work.shell('rm -r data; mkdir data; echo gone-$((1+1))', /^gone-2$/m);
  });

  test('a file is uploaded with its bytes, and one of that name is not replaced without being asked', async ({ platform }) => {
    const chosen = (text: string) => ({ name: 'table.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await item('data').click();
    await page.getByTestId('upload-input').setInputFiles(chosen('a,b\n'.repeat(300_000)));
    const transfer = page.getByTestId('transfer').filter({ hasText: 'data/table.csv' });
    await expect(transfer.first()).toHaveAttribute('data-state', 'done', { timeout: 60_000 });
    await expect(item('data/table.csv')).toBeVisible();
    await work.shell('wc -c < data/table.csv', /^1200000$/m);
    await page.getByTestId('upload-input').setInputFiles(chosen('other\n'));
    await expect(transfer.last()).toHaveAttribute('data-state', 'exists');
    await work.shell('wc -c < data/table.csv', /^1200000$/m);
    await transfer.last().getByRole('button', { name: 'Replace' }).click();
    await expect(transfer.last()).toHaveAttribute('data-state', 'done');
    await work.shell('cat data/table.csv; ls -A data', /^other\ntable\.csv$/m);
    const uploads = (await readEvents(platform, attemptId)).filter((event) => event.type === 'file.transferred');
    expect(uploads.map(({ data }) => data)).toMatchObject([
      { direction: 'upload', path: 'data/table.csv', size: 1_200_000 },
      { direction: 'upload', path: 'data/table.csv', size: 6 },
    ]);
  });

  test('an upload goes on where it was when the connection breaks', async () => {
    const buffer = Buffer.alloc(6 * 1024 * 1024, 'u');
    await page.getByTestId('upload-input').setInputFiles({ name: 'model.bin', mimeType: 'application/octet-stream', buffer });
    const transfer = page.getByTestId('transfer').filter({ hasText: 'model.bin' });
    await expect(transfer).toHaveAttribute('data-state', 'running');
    await context.setOffline(true);
    await page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await context.setOffline(false);
    await expect(transfer).toHaveAttribute('data-state', 'done', { timeout: 90_000 });
    await expect(item('data/model.bin')).toBeVisible();
    await work.shell(
      'tr -d u < data/model.bin | wc -c; wc -c < data/model.bin; rm data/model.bin',
      new RegExp(`^0\\n${buffer.length}$`, 'm'),
    );
    // Rows that move up while another is dragged take the drop for another folder.
    await expect(item('data/model.bin')).toHaveCount(0);
  });

  test('a file, and a folder as an archive, can be downloaded', async () => {
    const fetched = async (path: string, entry: string) => {
      await item(path).click({ button: 'right' });
      const coming = page.waitForEvent('download');
      await page.getByRole('menuitem', { name: entry }).click();
      const download = await coming;
      return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'latin1') };
    };
    expect(await fetched('data/table.csv', 'Download')).toEqual({ name: 'table.csv', text: 'other\n' });
    const { name, text } = await fetched('data', 'Download as tar');
    expect(name).toBe('data.tar');
    expect(text).toContain('data/table.csv');
    expect(text).toContain('other\n');
  });

  test('a row is moved by dragging it onto a folder, and what was deleted comes back whole', async () => {
    await item('instructions.txt').dragTo(item('solution'));
    await expect(item('solution/instructions.txt')).toBeVisible();
    await item('solution').click();
    await page.keyboard.press('Delete');
    await expect(item('solution')).toHaveCount(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(item('solution')).toBeVisible();
    await work.shell('ls -1 solution; grep -c . solution/textstats.py', /^instructions\.txt\ntextstats\.py\n\d+$/m);
  });

  test('text is found in all files, shown where it is, and replaced', async () => {
    await work.shell(
      'mkdir -p lib; for n in 1 2 3; do echo "value = old_name + $n" > lib/part$n.py; done; echo made-$((2+2))',
      /^made-4$/m,
    );
    await page.keyboard.press('Control+Shift+E');
    await page.keyboard.press('Control+Shift+F');
    await page.getByTestId('search-query').fill('old_name');
    await expect(page.getByTestId('search-file')).toHaveCount(3);
    await page.getByTestId('search-match').first().click();
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'part1.py' })).toBeVisible();
    await expect(page.getByText('1:17')).toBeVisible();
    await page.getByTestId('search-replacement').fill('new_name');
    await page.getByRole('button', { name: 'Replace all' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Replace all' }).click();
    await expect(page.getByText('Nothing matches.')).toBeVisible();
    await expect(editor()).toContainText('new_name');
    await work.shell('cat lib/*.py', /^value = new_name \+ 1\nvalue = new_name \+ 2\nvalue = new_name \+ 3$/m);
  });

  test('every command is in the palette, and a file is opened by parts of its path', async () => {
    await page.keyboard.press('Control+Shift+P');
    await page.getByPlaceholder('What would you like to do?').fill('split the editor');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-pane-1')).toBeVisible();
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+P');
    await page.getByPlaceholder('Parts of a file’s path').fill('txtstats');
    await expect(page.getByRole('option')).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-pane-1')).toContainText('def describe');
    await expect(page.getByTestId('editor-pane-0')).toContainText('new_name');
  });

  test('two panes edit one text, which is saved by itself where that is wanted', async () => {
    await page.getByTestId('auto-save').click();
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# by itself\n');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('head -1 solution/textstats.py', /^# by itself$/m);
    await page.getByTestId('auto-save').click();
  });

  test('a file is indented as its text is, or as is chosen', async () => {
    await work.shell("printf 'def f():\\n  if True:\\n    return 1\\n' > narrow.py; echo made-$((5+5))", /^made-10$/m);
    await page.getByTestId('tab-files').click();
    await page.getByTestId('explorer-refresh').click();
    await item('narrow.py').click();
    await expect(page.getByTestId('indentation')).toHaveText('Spaces: 2');
    await command('indentation');
    await page.getByRole('menuitemradio', { name: 'Tabs, 2 wide' }).click();
    await expect(page.getByTestId('indentation')).toHaveText('Tabs: 2');
    await editor().click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell("grep -c $'^\\tdef' narrow.py", /^1$/m);
    await page.getByTestId('indentation').click();
    await page.getByRole('menuitem', { name: 'Turn the file’s spaces into tabs' }).click();
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell("grep -c '^ ' narrow.py; rm narrow.py", /^0$/m);
    await page.getByRole('button', { name: 'Close narrow.py' }).click();
  });

  test('a file is compared with what it was at the start', async () => {
    await page.getByTestId('compare-toggle').click();
    await expect(page.getByTestId('compare')).toContainText('# by itself');
    await expect(page.getByTestId('compare').locator('.line-insert').first()).toBeVisible();
    await page.getByRole('button', { name: 'Close the comparison' }).click();
    await expect(page.getByTestId('compare')).toHaveCount(0);
  });

  test('a picture is drawn, and a file of 100 MB opens in part', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGMQaPgPRAwQCgAn9gY90bCAwAAAAABJRU5ErkJggg==';
    await work.shell(`echo ${png} | base64 -d > dot.png; yes line | head -c 100000000 > huge.txt; echo made-$((3+3))`, /^made-6$/m);
    await page.getByTestId('tab-files').click();
    await page.getByTestId('explorer-refresh').click();
    await item('dot.png').click();
    await expect(page.getByTestId('image-view')).toContainText('2 × 2');
    await item('huge.txt').click();
    await expect(page.getByText('its first part is shown')).toBeVisible();
    await expect(page.getByTestId('save-state')).toHaveText('Read-only');
    await work.shell('rm huge.txt dot.png; echo made-$((4+4))', /^made-8$/m);
  });

  test('the editor’s worker runs off the page’s thread', async () => {
    expect(
      page
        .workers()
        .map((worker) => worker.url())
        .filter((url) => /editor|worker|_next/.test(url)).length,
    ).toBeGreaterThan(0);
  });

  test('a terminal takes a name, and a link of the sandbox is followed only after a question', async () => {
    await page.getByTestId('terminal-tab-1').dblclick();
    await page.getByTestId('name-field').fill('training');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    await work.type(1, 'clear; echo https://example.org/page\n');
    await work.expectOnScreen(1, /^https:\/\/example\.org\/page$/m);
    await work.followLink(1, /^https/);
    await expect(page.getByTestId('link-address')).toHaveText('https://example.org/page');
    await page.keyboard.press('Escape');
    expect(context.pages()).toHaveLength(1);
  });

  test('what is selected in a terminal is copied at once where that is wanted', async () => {
    const select = async (word: string) => {
      await work.shell(`echo ${word.slice(0, 3)}'${word.slice(3)}'`, new RegExp(`^${word}$`, 'm'));
      const row = await work.terminal(1).locator('.xterm-rows > div').filter({ hasText: word }).last().boundingBox();
      await page.mouse.dblclick((row?.x ?? 0) + 20, (row?.y ?? 0) + 6);
    };
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.evaluate(() => navigator.clipboard.writeText('untouched'));
    await select('unwanted');
    await command('copy-on-selection');
    expect(await copied()).toBe('untouched');
    await select('wanted-word');
    await expect.poll(copied).toBe('wanted-word');
    await command('copy-on-selection');
  });

  test('panels are hidden, moved by command and by drag, and the person finds them there in any browser', async ({ browser, platform }) => {
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
    await expect(page.getByTestId('note-text')).toHaveValue('Half a thought');
    await page.getByTestId('note-text').fill('');
    await expectAccessible(page, 'docked elsewhere', [], '[data-tabset]:has([data-testid=tab-notes])');

    await page.reload();
    await expect(work.terminal(1)).toBeVisible();
    expect(await sideBySide()).toBe(true);
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    const elsewhere = await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } });
    const other = await elsewhere.newPage();
    await new People(other).signIn(account.email, account.password);
    await other.goto(`/attempts/${attemptId}/work`);
    await expect(new WorkspacePage(other).terminal(1)).toBeVisible();
    for (const panel of ['notes', 'terminals', 'score']) expect(await place(other, panel)).toEqual(await place(page, panel));
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
      // The places to drop appear once the drag has begun.
      for (const at of [0.5, share]) await page.mouse.move(x + width * at, y + height / 2, { steps: 4 });
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
    const [left, right] = [await work.terminal(2).boundingBox(), await work.terminal(1).boundingBox()];
    expect(right?.x).toBeGreaterThan((left?.x ?? 0) + 100);
    await page.getByRole('button', { name: 'Close Terminal 2' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Close the terminal' }).click();
    await expect(work.terminal(2)).toHaveCount(0);
  });

  test('a page that is older than the server is told to reload when it suits, or at once where it must, and loses no text', async () => {
    let change = (_: { fromServer: boolean; text: string }): string => _.text;
    let cut: () => Promise<void> = async () => {};
    const old = await context.newPage();
    await old.routeWebSocket(/realtime\/attempt/, (socket) => {
      const server = socket.connectToServer();
      const pass = (message: string | Buffer, fromServer: boolean) =>
        typeof message === 'string' ? change({ fromServer, text: message }) : message;
      server.onMessage((message) => socket.send(pass(message, true)));
      socket.onMessage((message) => server.send(pass(message, false)));
      cut = () => socket.close({ code: 1012 });
    });
    await old.goto(`/attempts/${attemptId}/work`);
    const oldWork = new WorkspacePage(old);
    await expect(oldWork.terminal(1)).toBeVisible();
    await oldWork.openFile('lib', 'part1.py');
    await expect(old.getByTestId('edited-elsewhere')).toBeVisible();
    await old.getByTestId('edit-here').click();
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
    old.on('dialog', (dialog) => void dialog.accept());
    await old.getByTestId('upgraded').click();
    await expect(old.getByText(/^Unsaved text of yours/)).toBeVisible();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await expect(old.getByTestId('upgraded')).toHaveCount(0);

    change = ({ fromServer, text }) => (fromServer ? text : text.replace(/("t":"hello".*?"protocol":)\d+/, '$199999'));
    await cut();
    await expect(old.getByTestId('closed-screen')).toContainText('Plumbline was upgraded. Reload the page');
    change = ({ text }) => text;
    await old.getByRole('button', { name: 'Reload' }).click();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await old.close({ runBeforeUnload: false });
  });

  test('of two tabs one edits a file and the other shows its text, which is left to it when the first is gone', async () => {
    // The page that was closed had taken this file over, and left it unsaved.
    await work.openFile('lib', 'part1.py');
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0, { timeout: 30_000 });
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
    await otherText.click();
    await other.keyboard.press('Control+End');
    await other.keyboard.type(' and saved');
    await expect(page.getByTestId('edited-elsewhere')).toBeVisible();
    await expect(editor()).toContainText('# not saved yet, but seen and saved');
    await other.keyboard.press('Control+S');
    await expect(other.getByTestId('save-state')).toHaveText('Saved');
    await other.getByRole('button', { name: 'Close lib/part1.py' }).click();
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0);
    await other.close({ runBeforeUnload: false });
    await page.bringToFront();
    await work.shell('tail -n 1 lib/part1.py; echo', /^# not saved yet, but seen and saved$/m);
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
  });

  test('the clock’s panel tells each event in words', async () => {
    await page.getByTestId('tab-clock').click();
    await expect(page.getByTestId('clock-panel')).toContainText('The clock started.');
  });

  test('the use of an AI tool is noted as such, a problem is reported, and the staff’s answer arrives', async ({ browser, platform }) => {
    await page.getByTestId('tab-notes').click();
    await page.getByTestId('note-kind').selectOption('ai_use');
    await page.getByTestId('note-text').fill('Asked a chat model about prefix sums; took nothing.');
    await page.getByTestId('note-send').click();
    await expect(page.getByTestId('note')).toHaveAttribute('data-kind', 'ai_use');
    await page.getByTestId('tab-help').click();
    await page.getByTestId('report-text').fill('pip cannot reach its index.');
    await page.getByTestId('report-send').click();
    await expect(page.getByTestId('message')).toContainText('pip cannot reach its index.');
    await page.getByTestId('tab-score').click();
    const staff = await (await browser.newContext({ baseURL: platform.baseUrl })).newPage();
    await new People(staff).signIn('admin@demo.plumbline.local', platform.demoPassword);
    await staff.goto(`/attempts/${attemptId}/watch`);
    await staff.getByRole('tab', { name: 'Notes' }).click();
    await expect(staff.getByTestId('replay-words').filter({ hasText: 'pip cannot reach its index.' })).toBeVisible();
    await staff.getByTestId('message-text').fill('There is none here, on purpose.');
    await staff.getByTestId('message-send').click();
    await expect(page.getByTestId('unread')).toContainText('1');
    await page.getByTestId('tab-help').click();
    await expect(page.getByTestId('message').first()).toContainText('There is none here, on purpose.');
    await page.reload();
    // The panel that was in front of its group still is.
    await expect(page.getByTestId('message')).toHaveCount(2);
    await staff.context().close();
  });

  test('processors, memory and disk are shown as they are used, and were in the last minutes', async () => {
    await expect(page.getByTestId('meter-memory')).toContainText(/iB/, { timeout: 30_000 });
    await expect(page.getByTestId('meter-disk')).toContainText(/iB/);
    await expect(page.getByTestId('meter-cpu')).toContainText('%', { timeout: 30_000 });
    await page.getByTestId('tab-resources').click();
    const course = page.getByTestId('resource-course');
    await expect(course.filter({ hasText: 'Memory in use' })).toContainText(/iB/);
    await expect(course.filter({ hasText: 'Processors' }).locator('polyline')).toHaveAttribute('points', /,.* /, { timeout: 30_000 });
    await expectAccessible(page, 'resources', [], '[data-testid=resources-panel]');
    // The layout is kept a little later: nothing that another test keeps must be overwritten by it.
    const kept = page.waitForResponse(/keepWorkspacePreferences/);
    await page.getByTestId('tab-files').click();
    await kept;
  });

  test('who practises for the first time is shown around, by keys alone, and not a second time', async ({ platform }) => {
    const me = await Session.signIn(platform.baseUrl, account.email, account.password);
    await me.mutate('self.keepWorkspacePreferences', { ...TOUR_SEEN, tourSeen: false });
    // A tab of its own, which has no file open yet.
    const visit = await context.newPage();
    await visit.goto(`/attempts/${attemptId}/work`);
    const tour = visit.getByTestId('tour');
    await expect(tour).toContainText('The task');
    await expectAccessible(visit, 'tour', [], '[data-testid=tour]');
    for (const title of ['Your files', 'The editor', 'Terminals', 'Scores', 'The clock', 'Notes and help', 'Everything else']) {
      await visit.keyboard.press('Enter');
      await expect(tour).toContainText(title);
    }
    await visit.keyboard.press('Enter');
    await expect(tour).toHaveCount(0);
    await visit.reload();
    await expect(new WorkspacePage(visit).terminal(1)).toBeVisible();
    await expect(tour).toHaveCount(0);
    await visit.close();
  });

  test('the workspace can be installed, and closing its page asks first', async () => {
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
  });
});
