import type { Page } from '@playwright/test';
import { WorkspacePage } from '../support/workspacePage.ts';
import type { Take } from './names.ts';

/** The choice of a Python, the code of a library, which is only read, and what is found wrong in the files that are open. */
export async function picturesOfPython(page: Page, take: Take): Promise<void> {
  const work = new WorkspacePage(page);
  await work.shell('echo "import json" > read.py; echo made-$((1+1))', /^made-2$/m);
  await page.getByTestId('explorer-refresh').click();
  await work.openFile('read.py');
  await page.getByTestId('python').filter({ hasText: /3/ }).waitFor();
  // A menu stays where it was opened while the window changes its size.
  await take(page, 'python-menu', async () => {
    await page.keyboard.press('Escape');
    await page.getByTestId('python').click();
    await page.getByRole('menuitemradio').nth(1).waitFor();
  });
  await page.keyboard.press('Escape');
  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  await page.keyboard.press('F12');
  const library = page.locator('[data-testid=editor-tab][data-path^="/"]');
  await library.waitFor();
  await page.getByTestId('editor').locator('.view-lines').filter({ hasText: 'JavaScript Object Notation' }).first().waitFor();
  await take(page, 'library-file');
  for (const name of ['__init__.py', 'read.py']) await page.getByRole('button', { name: new RegExp(`^Close .*${name}$`) }).click();
  await work.shell('rm read.py; echo made-$((2+2))', /^made-4$/m);
  await picturesOfProblems(page, work, take);
}

/** Two files with problems, and then none. */
async function picturesOfProblems(page: Page, work: WorkspacePage, take: Take): Promise<void> {
  const made = {
    'area.py': ['def area(width: int) -> int:', '    return width * width', '', '', 'size = area("three")', 'print(size.length, sized)'],
    'choose.py': ['import random', '', 'if random.random() > 0.5:', '    way = 1', '', 'print(way)'],
  };
  for (const [name, lines] of Object.entries(made))
    await work.shell(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > ${name}; echo made-$((3+3))`, /^made-6$/m);
  await page.getByTestId('explorer-refresh').click();
  for (const name of Object.keys(made)) await work.openFile(name);
  await page.keyboard.press('Control+Shift+M');
  await page.getByTestId('problem').nth(3).waitFor();
  await take(page, 'problems');
  for (const name of Object.keys(made)) await page.getByRole('button', { name: `Close ${name}` }).click();
  await page.getByText('No problems in the open files').waitFor();
  await take(page, 'problems-empty');
  await page.getByTestId('tab-terminals').click();
  await work.shell(`rm ${Object.keys(made).join(' ')}; echo made-$((4+4))`, /^made-8$/m);
}
