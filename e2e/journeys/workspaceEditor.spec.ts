import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { expect, test } from '../support/fixtures.ts';
import { openWorkspace } from '../support/workspace.ts';
import { draftsIn, type WorkspacePage } from '../support/workspacePage.ts';

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

test.describe('the editor', () => {
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
    await work.shell('mkdir lib; echo "value = new_name + 2" > lib/part2.py; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    await work.openFile('solution', 'textstats.py');
  });

  test.afterAll(() => context?.close());

  test('two panes edit one text, which is saved by itself where that is wanted', async () => {
    await command('split');
    await page.getByTestId('auto-save').click();
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# by itself\n');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    for (const pane of [0, 1]) await expect(page.getByTestId(`editor-pane-${pane}`)).toContainText('# by itself');
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
