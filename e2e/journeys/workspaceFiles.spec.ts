import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { longestTask } from '../support/longestTask.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { openWorkspace } from '../support/workspace.ts';
import type { WorkspacePage } from '../support/workspacePage.ts';

const MANY = 100_000;

test.describe.configure({ mode: 'serial' });

test.describe('the tree of files, search and the palette', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId } = await openWorkspace(browser, platform, await signIn('admin')));
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
});
