import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { longestTask } from '../support/longestTask.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { openWorkspace } from '../support/workspace.ts';
import { draftsIn, type WorkspacePage } from '../support/workspacePage.ts';

const MANY = 100_000;

/** A picture of one pixel; all such pictures have the same size. */
function bitmap(red: number, blue: number): string {
  const bytes = Buffer.alloc(58);
  bytes.write('BM');
  for (const [at, value] of [
    [2, 58],
    [10, 54],
    [14, 40],
    [18, 1],
    [22, 1],
    [34, 4],
  ] as const)
    bytes.writeUInt32LE(value, at);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes[54] = blue;
  bytes[56] = red;
  return bytes.toString('base64');
}

test.describe.configure({ mode: 'serial' });

test.describe('files and the editor', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  /** What the page wrote to its console. */
  const said: string[] = [];
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId } = await openWorkspace(browser, platform, await signIn('admin')));
    page.on('console', (message) => said.push(message.text()));
    await page.reload();
  });

  test.afterAll(() => context?.close());

  test('a folder of a hundred thousand files opens, scrolls and closes, and holds the page for no third of what sorting them takes', async () => {
    await work.shell(`mkdir -p data && (cd data && seq 1 ${MANY} | xargs touch) && echo made-$((1+1))`, /^made-2$/m);
    const held = await longestTask(page);
    await item('data').click();
    await expect(item('data/1')).toBeVisible({ timeout: 60_000 });
    await page.keyboard.press('End');
    await expect(item('instructions.txt')).toBeVisible();
    expect(await page.getByTestId('explorer-item').count()).toBeLessThan(200);
    await page.keyboard.press('Home');
    await item('data').click();
    const { heldMs, sortedMs } = await held.end();
    console.log(`the page was held for ${Math.round(heldMs)} ms at most; sorting takes ${Math.round(sortedMs)} ms`);
    expect(heldMs).toBeLessThan(sortedMs / 3);
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
    await expectAccessible(page, 'transfers', [], '[data-testid=transfers]');
    await work.shell('echo still-$(wc -c < data/table.csv)', /^still-1200000$/m);
    await transfer.last().getByRole('button', { name: 'Replace' }).click();
    await expect(transfer.last()).toHaveAttribute('data-state', 'done');
    await work.shell('cat data/table.csv; ls -A data', /^other\ntable\.csv$/m);
    const uploads = await until('both uploads are recorded', async () => {
      const transferred = (await readEvents(platform, attemptId)).filter((event) => event.type === 'file.transferred');
      return transferred.length === 2 && transferred;
    });
    expect(uploads.map(({ data }) => data)).toMatchObject([
      { direction: 'upload', path: 'data/table.csv', size: 1_200_000 },
      { direction: 'upload', path: 'data/table.csv', size: 6 },
    ]);
  });

  test('files and folders that are dropped on a folder are uploaded into it', async ({ platform }) => {
    const dropped = join(platform.dataDir, 'dropped');
    await mkdir(join(dropped, 'set/deep'), { recursive: true });
    await mkdir(join(dropped, 'set/bare'));
    await writeFile(join(dropped, 'one.txt'), 'one\n');
    await writeFile(join(dropped, 'set/deep/two.txt'), 'two\n');
    const box = (await item('data').boundingBox()) ?? { x: 0, y: 0 };
    const at = { x: box.x + 40, y: box.y + 8 };
    const data = { items: [], files: [join(dropped, 'one.txt'), join(dropped, 'set')], dragOperationsMask: 1 };
    const cdp = await context.newCDPSession(page);
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await cdp.send('Input.dispatchDragEvent', { type, ...at, data });
    await cdp.detach();
    await expect(item('data/one.txt')).toBeVisible();
    await expect(page.getByTestId('transfer').filter({ hasText: 'data/set/deep/two.txt' })).toHaveAttribute('data-state', 'done');
    await item('data/set').click();
    await expect(item('data/set/bare')).toBeVisible();
    // Its folder is chosen again, for what comes next.
    for (const _ of ['to fold it', 'to go out of it']) await page.keyboard.press('ArrowLeft');
    await work.shell('cat data/one.txt data/set/deep/two.txt; rm -r data/one.txt data/set', /^one\ntwo$/m);
    await expect(item('data/set')).toHaveCount(0);
  });

  test('an upload goes on where it was when the connection breaks', async ({ platform }) => {
    // So large that it is still under way at the first look.
    const bytes = 16 * 1024 * 1024;
    const model = join(platform.dataDir, 'model.bin');
    await writeFile(model, Buffer.alloc(bytes, 'u'));
    await page.getByTestId('upload-input').setInputFiles(model);
    const transfer = page.getByTestId('transfer').filter({ hasText: 'model.bin' });
    await expect(transfer.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /[1-9]/);
    const sentAt: number[] = [];
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        const offset = /"act":"file\.upload".*"offset":(\d+),"data":"./.exec(String(payload).slice(0, 1_000))?.[1];
        if (offset !== undefined) sentAt.push(Number(offset));
      }),
    );
    await context.setOffline(true);
    await page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await context.setOffline(false);
    await expect(transfer).toHaveAttribute('data-state', 'done', { timeout: 90_000 });
    // What had arrived is not sent again.
    expect(Math.min(...sentAt)).toBeGreaterThan(0);
    await expect(item('data/model.bin')).toBeVisible();
    await work.shell('tr -d u < data/model.bin | wc -c; wc -c < data/model.bin; rm data/model.bin', new RegExp(`^0\\n${bytes}$`, 'm'));
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

  test('several rows are chosen with Ctrl and Shift, and moved, downloaded, deleted and brought back together', async () => {
    await work.shell('touch a.txt b.txt c.txt; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    const chosen = page.getByRole('treeitem', { selected: true });
    await item('data').click({ modifiers: ['Control'] });
    await item('a.txt').click({ modifiers: ['Control'] });
    await expect(chosen).toHaveText(['data', 'solution', 'a.txt']);
    for (const folder of ['data', 'solution']) await item(folder).click({ modifiers: ['Control'] });
    await item('b.txt').click({ modifiers: ['Control'] });
    await item('c.txt').click({ modifiers: ['Shift'] });
    await expect(chosen).toHaveText(['b.txt', 'c.txt']);
    await page.keyboard.press('Shift+ArrowUp');
    await page.keyboard.press('Shift+ArrowUp');
    await expect(chosen).toHaveText(['a.txt', 'b.txt']);
    await expectAccessible(page, 'several files that are chosen', [], '[data-testid=explorer-tree]');
    await expect(page.getByTestId('editor-tab')).toHaveCount(0);

    await item('a.txt').dragTo(item('data'));
    await expect(chosen).toHaveText(['a.txt', 'b.txt']);
    await expect(item('data/b.txt')).toBeVisible();
    await expect(item('c.txt')).toBeVisible();
    const fetched: string[] = [];
    page.on('download', (download) => fetched.push(download.suggestedFilename()));
    await item('data/a.txt').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Download 2 items' }).click();
    await expect.poll(() => fetched.toSorted()).toEqual(['a.txt', 'b.txt']);
    await page.getByTestId('explorer-tree').press('Delete');
    await expect(item('data/a.txt').or(item('data/b.txt'))).toHaveCount(0);
    await page.getByText('Deleted 2 items').locator('xpath=ancestor::li').getByRole('button', { name: 'Undo' }).click();
    await expect(chosen).toHaveText(['a.txt', 'b.txt']);
    await work.shell('ls data; rm data/?.txt c.txt', /^a\.txt {2}b\.txt {2}table\.csv$/m);
    await expect(item('c.txt')).toHaveCount(0);
  });

  test('a file is made, and renamed with what is not saved of it', async () => {
    await page.getByTestId('explorer-tree').focus();
    await page.keyboard.press('Home');
    await page.getByTestId('explorer-new-file').click();
    await page.getByTestId('name-field').fill('fresh.txt');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-tab')).toHaveAttribute('data-path', /(^|\/)fresh\.txt$/);
    const path = (await page.getByTestId('editor-tab').getAttribute('data-path')) ?? '';
    await editor().click();
    await page.keyboard.type('made here');
    await item(path).click();
    await page.getByTestId('explorer-tree').press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Rename…' }).press('Enter');
    await page.getByTestId('name-field').fill('renamed.txt');
    await page.keyboard.press('Enter');
    const renamed = path.replace('fresh', 'renamed');
    await expect(page.getByTestId('editor-tab')).toHaveAttribute('data-path', renamed);
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');
    await editor().click();
    await page.keyboard.press('Control+Z');
    await expect(editor()).not.toContainText('made here');
    await page.keyboard.press('Control+Y');
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    // Whoever moves it in a terminal goes on there.
    const moved = path.replace('fresh', 'moved');
    await work.shell(`mv ${renamed} ${moved}; echo moved-$((1+1))`, /^moved-2$/m);
    await expect(page.getByTestId('editor-tab')).toHaveAttribute('data-path', moved, { timeout: 30_000 });
    await expect(work.terminal(1).locator('textarea')).toBeFocused();
    await work.shell(`cat ${moved}; rm ${moved}; ls`, /^made here/m);
    await expect(page.getByTestId('deleted-on-disk')).toBeVisible({ timeout: 30_000 });
    // The editor has the only copy by now.
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');
    await page.getByRole('button', { name: `Close ${moved}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Close without saving' }).click();
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
    // The clock shows such figures too.
    await expect(page.getByRole('region', { name: 'Editor' }).getByText('1:17', { exact: true })).toBeVisible();
    await page.getByTestId('search-replacement').fill('new_name');
    await page.getByRole('button', { name: 'Replace all' }).click();
    const asking = page.getByRole('alertdialog');
    const preview = (path: string) => asking.locator(`[data-testid=replace-file][data-path="${path}"]`);
    await expect(preview('lib/part2.py').locator('del')).toHaveText('old_name');
    await expect(preview('lib/part2.py').locator('ins')).toHaveText('new_name');
    await asking.getByRole('checkbox', { name: 'lib/part3.py' }).uncheck();
    await expect(preview('lib/part3.py').locator('ins')).toHaveCount(0);
    await expect(asking).toContainText('Replace in 2 places in 2 files?');
    await asking.getByRole('button', { name: 'Replace' }).click();
    await expect(page.getByTestId('search-file')).toHaveCount(1);
    await expect(editor()).toContainText('new_name');
    await work.shell('cat lib/*.py', /^value = new_name \+ 1\nvalue = new_name \+ 2\nvalue = old_name \+ 3$/m);
  });

  test('every command is in the palette, and a file is opened by parts of its path', async () => {
    await page.keyboard.press('Control+Shift+P');
    await page.getByPlaceholder('What would you like to do?').fill('split the editor');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-pane-1')).toBeVisible();
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+P');
    await page.getByPlaceholder('Parts of a file’s path').fill('txtstats:3');
    await expect(page.getByRole('option')).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-pane-1')).toContainText('def describe');
    await expect(page.getByText('3:1', { exact: true })).toBeVisible();
    await expect(page.getByTestId('editor-pane-0')).toContainText('new_name');
    // A terminal's tab is none of its programs'.
    await page.getByTestId('terminal-tab-1').focus();
    await page.keyboard.press('Control+P');
    await expect(page.getByPlaceholder('Parts of a file’s path')).toBeFocused();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Shift+P');
    await page.getByPlaceholder('What would you like to do?').fill('show the notes');
    await page.keyboard.press('Enter');
    await expect(page.getByLabel('New note')).toBeFocused();
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

  test('what a program writes into a file with unsaved text is not overwritten: both are kept', async () => {
    await page.getByTestId('tab-files').click();
    await item('lib').click();
    await item('lib/part2.py').click();
    await editor().click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('# mine');
    await work.shell('echo "# theirs" >> lib/part2.py; echo made-$((6+6))', /^made-12$/m);
    await expect(page.getByTestId('changed-on-disk')).toBeVisible({ timeout: 30_000 });
    await expectAccessible(page, 'a file that changed on disk', [], '[data-testid=changed-on-disk]');
    await editor().click();
    await page.keyboard.press('Control+S');
    // The sandbox is asked first.
    await expect(page.getByTestId('conflict-dialog')).toBeVisible();
    await expectAccessible(page, 'a save that would overwrite', [], '[data-testid=conflict-dialog]');
    await page.getByTestId('conflict-dialog').getByRole('button', { name: 'Keep both' }).click();
    await expect(page.getByTestId('conflict-dialog')).toHaveCount(0);
    await expect(editor()).toContainText('# theirs');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('tail -qn 1 lib/part2.py lib/part2.mine.py; echo', /^# theirs\n# mine$/m);
  });

  test('what is typed in the moment before the page is left, or its tab crashes, is kept in the browser, and is there again', async () => {
    await editor().click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('# the last word');
    const open = await page.getByTestId('editor-tab').count();
    await page.goto('/');
    expect((await draftsIn(page)).join()).toContain('# the last word');
    // Another tab goes on with the files that were open, and has it as well, and says so before the end.
    const other = await context.newPage();
    await other.goto(`/attempts/${attemptId}/work`);
    await expect(other.getByTestId('recovered')).toBeVisible();
    await expect(other.getByTestId('editor-tab')).toHaveCount(open);
    await expect(other.locator('[data-testid=editor-tab][aria-current=true]')).toHaveAttribute('data-path', 'lib/part2.py');
    await other.getByTestId('submit').click();
    await expect(other.getByText(/^Not saved yet, .*lib\/part2\.py$/)).toBeVisible();
    await other.keyboard.press('Escape');
    await other.getByTestId('editor').locator('.view-lines').click();
    await other.keyboard.press('Control+End');
    await other.keyboard.type(' before a crash');
    await expect.poll(async () => (await draftsIn(page)).join()).toContain('# the last word before a crash');
    const crashed = other.waitForEvent('crash');
    // Never answered: who would is gone.
    void (await context.newCDPSession(other)).send('Page.crash').catch(() => {});
    await crashed;
    await other.close();
    await page.goto(`/attempts/${attemptId}/work`);
    // Terminals are there before the editor, which takes no keyboard from them.
    await work.terminal(1).locator('.xterm-screen').click();
    await expect(page.getByTestId('recovered')).toBeVisible();
    await expect(editor()).toContainText('# the last word before a crash');
    await expect(work.terminal(1).locator('textarea')).toBeFocused();
    await page.getByRole('button', { name: 'Drop it' }).click();
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await expect(editor()).not.toContainText('# the last word');
    await page.getByRole('button', { name: 'Close lib/part2.py' }).click();
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
    await work.shell("grep -c '^ ' narrow.py", /^0$/m);
    await page.getByRole('button', { name: 'Close narrow.py' }).click();
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'narrow.py' })).toHaveCount(0);
    await work.shell('rm narrow.py; echo removed-$((1+1))', /^removed-2$/m);
  });

  test('a file is compared with what it was at the start, and in any snapshot since', async () => {
    await page.getByTestId('compare-toggle').click();
    const compare = page.getByTestId('compare');
    await expect(compare).toContainText('# by itself');
    await expect(compare.locator('.line-insert').first()).toBeVisible();
    const chooser = compare.getByLabel('Compare with');
    await expect(chooser.locator('option').first()).toContainText('After a save');
    await chooser.selectOption({ index: 0 });
    await expect(compare.locator('.line-insert')).toHaveCount(0);
    await chooser.selectOption({ label: (await chooser.locator('option').last().textContent()) ?? '' });
    await expect(compare.locator('.line-insert').first()).toBeVisible();
    await page.getByRole('button', { name: 'Close the comparison' }).click();
    await expect(compare).toHaveCount(0);
  });

  test('the files that changed since the start are listed as they are now, and each is compared by a click', async () => {
    await work.shell('echo more >> solution/textstats.py; rm instructions.txt; echo changed-$((1+1))', /^changed-2$/m);
    await page.getByTestId('tab-files').click();
    await page.getByTestId('changed-toggle').click();
    const changed = page.getByTestId('changed-files');
    await expect(changed.getByRole('button', { name: 'solution/textstats.py modified' })).toBeVisible();
    await expect(changed.getByRole('button', { name: 'lib/part2.py added' })).toBeVisible();
    await expect(changed.getByRole('button', { name: 'instructions.txt deleted' })).toBeDisabled();
    await expectAccessible(page, 'changed files', [], '[data-testid=changed-files]');
    await changed.getByRole('button', { name: 'solution/textstats.py modified' }).click();
    const compare = page.getByTestId('compare');
    await expect(compare.locator('.line-insert').first()).toBeVisible();
    await expect(compare).toContainText('more');
    await page.getByRole('button', { name: 'Close the comparison' }).click();
    await page.getByTestId('changed-toggle').click();
    await expect(changed).toBeHidden();
    await page.getByRole('button', { name: 'Close solution/textstats.py' }).click();
  });

  test('a folder is made, and what is no text is not opened as one', async () => {
    await page.getByTestId('explorer-new-folder').click();
    await page.getByLabel(/^Name in/).fill('made');
    await page.keyboard.press('Enter');
    await expect(item('made')).toBeVisible();
    await work.shell("printf 'a\\0b' > made/raw.bin; echo made-$((11+11))", /^made-22$/m);
    await page.getByTestId('explorer-refresh').click();
    await item('made').click();
    await item('made/raw.bin').click();
    await expect(page.getByText('This is a binary file. Look at it from a terminal, or download it.')).toBeVisible();
    await expect(editor()).toHaveCount(0);
    await page.keyboard.press('Control+S');
    await work.shell('stat -c %s made/raw.bin; rm -r made; echo gone-$((2+2))', /^3\ngone-4$/m);
    await page.getByRole('button', { name: 'Close made/raw.bin' }).click();
  });

  /** What the sandbox says of a large file may come after it was opened: then it is read again, as its reader would. */
  async function expectFirstPart(): Promise<void> {
    await expect(async () => {
      // What is read meanwhile takes the button away.
      if (await page.getByTestId('outdated').isVisible()) await page.getByTestId('read-again').click({ timeout: 1_000 });
      await expect(page.getByText('its first part is shown')).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 30_000 });
    await expect(page.getByTestId('save-state')).toHaveText('Read-only');
  }

  test('a picture is drawn, anew where a program draws it anew, and a file of 100 MB opens in part', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGMQaPgPRAwQCgAn9gY90bCAwAAAAABJRU5ErkJggg==';
    await work.shell(`echo ${png} | base64 -d > dot.png; yes line | head -c 100000000 > huge.txt; echo made-$((3+3))`, /^made-6$/m);
    await page.getByTestId('tab-files').click();
    await page.getByTestId('explorer-refresh').click();
    await item('dot.png').click();
    await expect(page.getByTestId('image-view')).toContainText('2 × 2');
    const redrawn = async (red: number, blue: number) => {
      await work.shell(`echo ${bitmap(red, blue)} | base64 -d > loss.bmp; echo drawn-$((${red}+1))`, new RegExp(`^drawn-${red + 1}$`, 'm'));
    };
    const colour = () =>
      page
        .getByTestId('image-view')
        .locator('img')
        .evaluate((img: HTMLImageElement) => {
          // A look at the file may fall between its being emptied and being written: then there is no picture to draw, which throws.
          if (img.naturalWidth === 0) return 'nothing';
          const canvas = document.createElement('canvas').getContext('2d');
          canvas?.drawImage(img, 0, 0, 1, 1);
          return [...(canvas?.getImageData(0, 0, 1, 1).data ?? [])].join();
        });
    await redrawn(255, 0);
    await page.getByTestId('explorer-refresh').click();
    await item('loss.bmp').click();
    await expect.poll(colour).toBe('255,0,0,255');
    await redrawn(0, 255);
    await expect.poll(colour, { timeout: 30_000 }).toBe('0,0,255,255');
    await item('huge.txt').click();
    await expectFirstPart();
    await work.shell('rm huge.txt dot.png loss.bmp; echo made-$((4+4))', /^made-8$/m);
    for (const name of ['huge.txt', 'dot.png', 'loss.bmp']) await page.getByRole('button', { name: `Close ${name}` }).click();
  });

  test('a log that grows too large under the editor can no longer be edited, and is read again when that is asked for', async () => {
    await work.shell('echo epoch 1 > run.log; echo made-$((7+7))', /^made-14$/m);
    await page.getByTestId('explorer-refresh').click();
    await item('run.log').click();
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('yes epoch | head -c 6000000 >> run.log; echo made-$((8+8))', /^made-16$/m);
    await expectFirstPart();
    await work.shell('echo epoch >> run.log; echo made-$((9+9))', /^made-18$/m);
    await page.getByTestId('read-again').click({ timeout: 30_000 });
    await expect(page.getByTestId('outdated')).toHaveCount(0);
    await work.shell('rm run.log; echo made-$((10+10))', /^made-20$/m);
  });

  test('the editor’s worker runs off the page’s thread', async () => {
    // One whose script failed has nobody who listens, and Monaco says that it works on the page’s thread instead.
    const listening = await Promise.all(page.workers().map((worker) => worker.evaluate(() => typeof self.onmessage)));
    expect(listening).toContain('function');
    expect(said.filter((line) => /web worker/i.test(line))).toEqual([]);
  });
});
