import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expectAccessible } from '../support/accessibility.ts';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;

test.describe.configure({ mode: 'serial' });

test.describe('the editor’s help for Python', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  const faults: Error[] = [];

  const item = (name: string): Locator => page.getByTestId('explorer-item').filter({ hasText: new RegExp(`^${name}$`) });
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const { account, session } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    const attemptId = await startAttempt(session, PRACTICE);
    context = await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } });
    page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error));
    await new People(page).signIn(account.email, account.password);
    work = new WorkspacePage(page);
    await page.goto(`/attempts/${attemptId}/work`);
    await expect(work.terminal(1)).toBeVisible();
  });

  test.afterAll(() => context?.close());

  test('Python is understood: problems, explanations, definitions, completions and signatures, from the sandbox', async () => {
    const made = ['def area(width: int) -> int:', '    "How much it covers."', '    return width * width'].join('\\n');
    await work.shell(`mkdir -p lib; printf '${made}\\n' > lib/shapes.py; echo made-$((5+5))`, /^made-10$/m);
    await work.shell(`printf 'from lib.shapes import area\\n\\nsize = area("three")\\n' > use.py; echo made-$((6+6))`, /^made-12$/m);
    await page.getByTestId('tab-files').click();
    await page.getByTestId('explorer-refresh').click();
    await item('use.py').click();
    const pane = page.locator('[data-testid^=editor-pane-][data-focused=true]');
    await expect(pane.locator('.squiggly-error')).toBeVisible({ timeout: 60_000 });
    // What a comparison leaves behind must not take the lists and tips of later editors with it.
    await page.getByTestId('editor-split').click();
    await page.getByTestId('compare-toggle').click();
    await expect(page.getByTestId('compare').locator('.line-insert').first()).toBeVisible();
    await page.getByTestId('compare-toggle').click();
    await expect(page.getByTestId('compare')).toHaveCount(0);
    await expect(editor()).toContainText('size');
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+End');
    await page.keyboard.press('ArrowUp');
    for (let n = 0; n < 8; n += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Control+I');
    await expect(page.locator('.monaco-hover').filter({ hasText: 'How much it covers.' })).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('F12');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'shapes.py' })).toHaveAttribute('aria-current', 'true');
    await expect(page.getByText('1:5', { exact: true })).toBeVisible();
    await page.keyboard.press('Control+Home');
    await expect(page.getByText('1:1', { exact: true })).toBeVisible();
    await page.keyboard.press('Control+Shift+O');
    await expect(page.locator('.quick-input-widget input')).toBeFocused();
    await page.keyboard.type('ar');
    await expect(page.locator('.quick-input-list .monaco-list-row.focused')).toContainText('area');
    await page.keyboard.press('Enter');
    await expect(page.getByText('1:5', { exact: true })).toBeVisible();
    await page.getByTestId('editor-tab').filter({ hasText: 'use.py' }).click();
    await expect(editor()).toContainText('size');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('size.bit_len', { delay: 30 });
    // What Tab takes is the row that stands out: the list may still be that of all names.
    await expect(page.locator('.suggest-widget .monaco-list-row.focused')).toContainText('bit_length');
    await page.keyboard.press('Tab');
    await page.keyboard.type('()\narea(', { delay: 30 });
    await expect(page.locator('.parameter-hints-widget')).toContainText('width: int');
    await page.keyboard.press('Escape');
    await page.keyboard.type('2)', { delay: 30 });
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('tail -2 use.py; echo', /^size\.bit_length\(\)\narea\(2\)$/m);
    expect(faults).toEqual([]);
  });

  test('a name is found wherever it is used, and is another one in all files at once', async () => {
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+F12');
    const uses = page.getByTestId('name-use');
    await expect(uses).toHaveCount(4);
    await expectAccessible(page, 'the uses of a name', [], '[role=dialog]');
    await page.keyboard.type('shapes def');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'shapes.py' })).toHaveAttribute('aria-current', 'true');
    await expect(page.getByText('1:9', { exact: true })).toBeVisible();
    await page.keyboard.press('F2');
    await expect(page.locator('.rename-box input')).toBeFocused();
    await page.keyboard.type('surface');
    await page.keyboard.press('Enter');
    await expect(page.getByText('“area” is “surface” in 2 files.')).toBeVisible();
    await work.shell('cat lib/shapes.py use.py | grep -c surface', /^4$/m);
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await page.getByTestId('editor-tab').filter({ hasText: 'use.py' }).click();
    await expect(editor()).toContainText('surface(2)');
    expect(faults).toEqual([]);
  });

  test('what is wrong in the open files is listed: one goes there and back by keys alone, and what is mended or closed leaves the list', async () => {
    const count = page.getByTestId('problem-count');
    const problems = page.getByTestId('problem');
    const tree = page.getByTestId('problems-tree');
    await page.getByTestId('editor-tab').filter({ hasText: 'shapes.py' }).click();
    await expect(editor()).toContainText('How much it covers.');
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+End');
    await page.keyboard.type('wide: int = "far');
    await expect(count).toHaveText('2 errors');
    await page.keyboard.press('Control+Shift+M');
    await expect(tree).toBeFocused();
    await expect(page.getByTestId('problem-file')).toHaveText(['lib/shapes.py1', 'use.py1']);
    await expect(problems).toHaveText([
      /^Error4:13Type .*Pyright \(reportAssignmentType\)$/s,
      /^Error3:16.*Pyright \(reportArgumentType\)$/s,
    ]);
    await expect(tree.getByRole('treeitem', { selected: true })).toContainText('4:13');
    await expectAccessible(page, 'the list of problems', [], '[data-testid=problems-panel]');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'use.py' })).toHaveAttribute('aria-current', 'true');
    await expect(page.getByRole('region', { name: 'Editor' }).getByText('3:16', { exact: true })).toBeVisible();
    await page.keyboard.press('Alt+ArrowLeft');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'shapes.py' })).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('F8');
    await page.keyboard.press('F8');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'use.py' })).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('Shift+F8');
    await expect(page.getByTestId('editor-tab').filter({ hasText: 'shapes.py' })).toHaveAttribute('aria-current', 'true');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await page.keyboard.press('Alt+W');
    await expect(count).toHaveText('1 error');
    await expect(page.getByTestId('problem-file')).toHaveText(['use.py1']);
    await count.click();
    await expect(tree).toBeFocused();
    await page.keyboard.press('Enter');
    for (const _ of '"three"') await page.keyboard.press('Delete');
    await page.keyboard.type('3');
    await expect(page.getByText('No problems in the open files')).toBeVisible();
    await expect(count).toHaveText('No problems');
    await expect(editor()).toContainText('surface(3)');
    await page.getByTestId('tab-terminals').click();
    expect(faults).toEqual([]);
  });

  test('the code of a library is opened to be read, and the packages are those of the workspace’s environment', async () => {
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('import json\n');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('End');
    await page.keyboard.press('F12');
    const tab = page.getByTestId('editor-tab').filter({ hasText: '__init__.py' });
    await expect(tab).toHaveAttribute('aria-current', 'true');
    await expect(tab).toHaveAttribute('data-path', /^\/usr\/lib\/python3[^/]*\/json\/__init__\.py$/);
    await expect(editor()).toContainText('JavaScript Object Notation');
    await expect(page.getByTestId('save-state')).toHaveText('Read-only');
    await page.keyboard.press('Alt+W');
    await expect(tab).toHaveCount(0);
    await work.shell('python3 -m venv --without-pip .venv; echo env-$((7+7))', /^env-14$/m);
    await page.getByTestId('editor-tab').filter({ hasText: 'use.py' }).click();
    await page.getByTestId('python').click();
    await expect(page.getByTestId('python')).toContainText('(.venv)');
    await expectAccessible(page, 'the choice of a Python', ['region'], '[role=menu]');
    await page.getByRole('menuitemradio', { name: '/usr/bin/python3' }).first().click();
    await expect(page.getByTestId('python')).not.toContainText('(.venv)');
    expect(faults).toEqual([]);
  });

  test('a Python file is formatted, by a formatter that is loaded only then, and at each save where one wants that; one that cannot be is left as it is', async () => {
    const workers = page.workers().length;
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+End');
    await page.keyboard.type("\nsize = [ 1,2 ,3 ]; name='x'");
    await page.keyboard.press('Shift+Alt+F');
    await expect(editor()).toContainText('size = [1, 2, 3]');
    expect(page.workers()).toHaveLength(workers + 1);
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('tail -2 use.py', /^size = \[1, 2, 3\]\nname = "x"$/m);
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('formatting of python files that you save on');
    await page.keyboard.press('Enter');
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+End');
    await page.keyboard.type("\ntag='y'");
    await page.keyboard.press('Control+S');
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('clear; tail -1 use.py', /^tag = "y"$/m);
    await editor().click({ position: { x: 40, y: 8 } });
    await page.keyboard.press('Control+End');
    await page.keyboard.type('broken =');
    await page.keyboard.press('Control+S');
    await expect(page.getByText(/^Not formatted: /)).toBeVisible();
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
    await work.shell('clear; tail -1 use.py; echo', /^broken =$/m);
    expect(faults).toEqual([]);
  });
});
