import type { BrowserContext, Page } from '@playwright/test';
import { expect, test } from '../support/fixtures.ts';
import { openWorkspace } from '../support/workspace.ts';
import type { WorkspacePage } from '../support/workspacePage.ts';

test.describe('where somebody was in their files', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work } = await openWorkspace(browser, platform, await signIn('admin')));
  });

  test.afterAll(() => context?.close());

  test('outlives a reload: the cursor, the way back and forth, and the file that was closed last', async () => {
    const tab = (name: string) => page.getByTestId('editor-tab').filter({ hasText: name });
    const expectAt = async (name: string, position: string) => {
      await expect(tab(name)).toHaveAttribute('aria-current', 'true');
      await expect(page.getByRole('region', { name: 'Editor' }).getByText(position, { exact: true })).toBeVisible();
    };
    const goTo = async (name: string, line: number) => {
      await work.openFile(name);
      await expectAt(name, '1:1');
      await page.keyboard.press('Control+G');
      await expect(page.locator('.quick-input-widget input')).toBeFocused();
      await page.keyboard.type(String(line));
      await page.keyboard.press('Enter');
      await expectAt(name, `${line}:1`);
    };
    await work.shell('seq 1 200 > far.txt; seq 1 200 > near.txt; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    await work.openFile('instructions.txt');
    await expect(tab('instructions.txt')).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('Alt+W');
    await expect(tab('instructions.txt')).toHaveCount(0);
    await goTo('far.txt', 160);
    await goTo('near.txt', 130);

    await page.reload();
    await expectAt('near.txt', '130:1');
    await expect(page.getByTestId('editor').locator('.view-lines')).toContainText('130');
    for (const [key, name, position] of [
      ['Alt+ArrowLeft', 'near.txt', '1:1'],
      ['Alt+ArrowLeft', 'far.txt', '160:1'],
      ['Alt+ArrowRight', 'near.txt', '1:1'],
      ['Alt+ArrowRight', 'near.txt', '130:1'],
    ] as const) {
      await page.keyboard.press(key);
      await expectAt(name, position);
    }
    await page.keyboard.press('Control+Shift+T');
    await expect(tab('instructions.txt')).toHaveAttribute('aria-current', 'true');
  });
});
