import { expect as expectSoon, type Locator, type Page } from '@playwright/test';
import type { NarrowProxy } from './narrowProxy.ts';
import type { WorkspacePage } from './workspacePage.ts';

/** The benchmark runs without the test runner and its limit, which would leave five seconds. */
const expect = expectSoon.configure({ timeout: 30_000 });

/** In the folder that is opened and scrolled through. */
const MANY_FILES = 3_000;
const MODULES = 6;
/** What a training run prints, and more than a terminal keeps within a few rounds. */
const STEPS = 5_000;
/** As many as there is room for under the last line of a short file. */
const SUGGESTIONS_IN_SIGHT = 8;

/** Work as people do it, over and over: each round is an hour of theirs in small, and leaves the page as it found it. */
export class WorkspaceWork {
  readonly #page: Page;
  readonly #work: WorkspacePage;
  readonly #proxy: NarrowProxy;

  /** The page is reached by way of the proxy, which loses its connection once a round. */
  constructor(page: Page, work: WorkspacePage, proxy: NarrowProxy) {
    this.#page = page;
    this.#work = work;
    this.#proxy = proxy;
  }

  /** Makes what the rounds work on. */
  async prepare(): Promise<void> {
    await this.#work.shell(`mkdir -p lib data; (cd data; seq 1 ${MANY_FILES} | xargs touch); echo made-$((1+1))`, /^made-2$/m);
  }

  async round(n: number): Promise<void> {
    await this.#runPrograms(n);
    await this.#lookIntoTree();
    await this.#editFiles(n);
    await this.#askForHelp();
    await this.#searchFiles();
    await this.#work.score();
    await this.#writeNote(n);
    await this.#loseConnection();
    await this.#lookAtPanels();
  }

  /** Writes the files anew and prints much in one terminal, and opens another beside it, that ends. */
  async #runPrograms(n: number): Promise<void> {
    const module = 'def area_%s(width: int) -> int:\\n    "How much it covers."\\n    return width * width\\n';
    const use = 'from lib.part1 import area_1\\n\\nsize = area_1("three")\\n';
    await this.#work.shell(
      `for n in $(seq ${MODULES}); do printf '${module}' $n > lib/part$n.py; done; printf '${use}' > use.py; echo written-'${n}'`,
      new RegExp(`^written-${n}$`, 'm'),
    );
    await this.#work.shell(
      `python3 -c 'for step in range(${STEPS}): print("step", step, "loss", 1 / (step + 1))'; echo trained-'${n}'`,
      new RegExp(`^trained-${n}$`, 'm'),
    );
    const tabs = this.#page.locator('[data-testid^=terminal-tab-]');
    const before = await tabs.count();
    await this.#page.getByTestId('terminal-split').click();
    await expect(tabs).toHaveCount(before + 1);
    const second = Number((await tabs.last().getAttribute('data-testid'))?.split('-').at(-1));
    await this.#work.type(second, `seq ${STEPS}; echo counted-'${n}'\n`);
    await this.#work.expectOnScreen(second, new RegExp(`^counted-${n}$`, 'm'));
    await this.#work.type(second, 'exit\n');
    await expect(tabs).toHaveCount(before);
  }

  async #lookIntoTree(): Promise<void> {
    await this.#page.getByTestId('tab-files').click();
    await this.#item('data').click();
    await expect(this.#item('data/1')).toBeVisible();
    await this.#page.keyboard.press('End');
    await expect(this.#item('use.py')).toBeVisible();
    await this.#page.keyboard.press('Home');
    await this.#item('data').click();
    await expect(this.#item('data/1')).toHaveCount(0);
  }

  /** Opens every module, writes into the last one beside the first, saves it, compares it with the start, and closes them all. */
  async #editFiles(n: number): Promise<void> {
    const paths = Array.from({ length: MODULES }, (_, at) => `lib/part${at + 1}.py`);
    for (const path of paths) await this.#quickOpen(path);
    await this.#page.getByTestId('editor-split').click();
    await expect(this.#page.getByTestId('editor-pane-1')).toContainText(`area_${MODULES}`);
    await this.#editor().click({ position: { x: 40, y: 8 } });
    await this.#page.keyboard.press('Control+Home');
    await this.#page.keyboard.type(`# Written in round ${n}.\n`, { delay: 5 });
    await this.#save();
    await this.#page.getByTestId('compare-toggle').click();
    const compare = this.#page.getByTestId('compare');
    await expect(compare.locator('.line-insert').first()).toBeVisible();
    await this.#page.getByRole('button', { name: 'Close the comparison' }).click();
    await expect(compare).toHaveCount(0);
    await this.#page
      .getByRole('button', { name: /^Close the pane of/ })
      .last()
      .click();
    for (const path of paths) await this.#close(path);
  }

  /** What the editor knows of Python: a problem, an explanation, a definition and a completion. */
  async #askForHelp(): Promise<void> {
    await this.#quickOpen('use.py');
    await expect(this.#page.locator('[data-testid=editor] .squiggly-error')).toBeVisible({ timeout: 60_000 });
    await this.#editor().click({ position: { x: 40, y: 8 } });
    await this.#page.keyboard.press('Control+End');
    await this.#page.keyboard.press('ArrowUp');
    for (let step = 0; step < 'size = a'.length; step += 1) await this.#page.keyboard.press('ArrowRight');
    await this.#page.keyboard.press('Control+K');
    await this.#page.keyboard.press('Control+I');
    await expect(this.#page.locator('.monaco-hover').filter({ hasText: 'How much it covers.' })).toBeVisible();
    await this.#page.keyboard.press('Escape');
    await this.#page.keyboard.press('F12');
    await expect(this.#tab('lib/part1.py')).toHaveAttribute('aria-current', 'true');
    await this.#page.keyboard.press('Alt+ArrowLeft');
    await expect(this.#tab('use.py')).toHaveAttribute('aria-current', 'true');
    await this.#editor().click({ position: { x: 40, y: 8 } });
    await this.#page.keyboard.press('Control+End');
    await this.#page.keyboard.type('size.');
    // The list keeps the rows that it ever drew: all that it has room for in each round, or how many it keeps would hang on how quickly it came.
    const rows = this.#page.locator('.suggest-widget .monaco-list-row');
    await expect(rows.nth(SUGGESTIONS_IN_SIGHT - 1)).toBeVisible();
    await this.#page.keyboard.type('bit_len', { delay: 30 });
    await expect(rows.and(this.#page.locator('.focused'))).toContainText('bit_length');
    await this.#page.keyboard.press('Tab');
    await this.#save();
    await this.#close('lib/part1.py');
    await this.#close('use.py');
  }

  async #searchFiles(): Promise<void> {
    await this.#page.getByTestId('tab-search').click();
    await this.#page.getByTestId('search-query').fill('How much it covers');
    await expect(this.#page.getByTestId('search-file')).toHaveCount(MODULES);
    await this.#page.getByTestId('search-match').first().click();
    await expect(this.#tab('lib/part1.py')).toBeVisible();
    await this.#close('lib/part1.py');
    await this.#page.getByTestId('search-query').fill('');
    await expect(this.#page.getByTestId('search-file')).toHaveCount(0);
    await this.#page.getByTestId('tab-files').click();
  }

  async #writeNote(n: number): Promise<void> {
    await this.#page.getByTestId('tab-notes').click();
    await this.#page.getByLabel('New note').fill(`What was tried in round ${n}.`);
    await this.#page.getByRole('button', { name: 'Add note' }).click();
    await expect(this.#page.locator('li[data-testid=note]').first()).toContainText(`round ${n}.`);
  }

  async #loseConnection(): Promise<void> {
    const another = this.#page.waitForEvent('websocket');
    this.#proxy.cutTunnels();
    await another;
    await expect(this.#page.getByTestId('connection-state')).toHaveAttribute('data-state', 'open', { timeout: 60_000 });
  }

  async #lookAtPanels(): Promise<void> {
    const panels = ['score', 'clock', 'ports', 'resources', 'help', 'instructions', 'problems', 'terminals'];
    for (const tab of panels) await this.#page.getByTestId(`tab-${tab}`).click();
    await this.#page.keyboard.press('Control+Shift+P');
    await expect(this.#page.getByPlaceholder('What would you like to do?')).toBeFocused();
    await this.#page.keyboard.press('Escape');
    await expect(this.#page.getByPlaceholder('What would you like to do?')).toHaveCount(0);
  }

  async #quickOpen(path: string): Promise<void> {
    await this.#page.getByTestId('explorer-tree').focus();
    await this.#page.keyboard.press('Control+P');
    await this.#page.getByPlaceholder('Parts of a file’s path').fill(path);
    await expect(this.#page.getByRole('option').first()).toContainText(path.split('/').at(-1) as string);
    await this.#page.keyboard.press('Enter');
    await expect(this.#tab(path)).toHaveAttribute('aria-current', 'true');
    await expect(this.#page.getByTestId('save-state')).toHaveText('Saved');
  }

  async #save(): Promise<void> {
    await expect(this.#page.getByTestId('save-state')).toHaveText('Unsaved');
    await this.#page.keyboard.press('Control+S');
    await expect(this.#page.getByTestId('save-state')).toHaveText('Saved');
  }

  async #close(path: string): Promise<void> {
    await this.#page.getByRole('button', { name: `Close ${path}`, exact: true }).click();
    await expect(this.#tab(path)).toHaveCount(0);
  }

  #tab(path: string): Locator {
    return this.#page.locator(`[data-testid=editor-tab][data-path="${path}"]`);
  }

  #item(path: string): Locator {
    return this.#page.locator(`[data-testid=explorer-item][data-path="${path}"]`);
  }

  #editor(): Locator {
    return this.#page.getByTestId('editor').locator('.view-lines');
  }
}
