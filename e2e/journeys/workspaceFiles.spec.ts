import { readFile } from 'node:fs/promises';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expect, test } from '../support/fixtures.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { openWorkspace } from '../support/workspace.ts';
import type { WorkspacePage } from '../support/workspacePage.ts';

const MANY = 30_000;

test.describe.configure({ mode: 'serial' });

test.describe('files and the editor', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId } = await openWorkspace(browser, platform, await signIn('admin')));
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
});
