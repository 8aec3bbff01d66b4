import type { Browser, Locator, Page } from '@playwright/test';
import { type Load, loadOf, typeOneKey, watchTasks } from '../support/workspaceCost.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { keysTo, watchKeys } from './frameKeys.ts';
import type { Latency } from './summary.ts';

/** A file that the practice task comes with; a code-server to compare with has one of this name in the folder that it is opened on. */
const FILE = 'textstats.py';

/** An editor in the browser with a file and a terminal open. */
export abstract class ComparedPage {
  readonly page: Page;
  /** The text of the file. */
  protected abstract readonly lines: Locator;
  protected abstract readonly screen: Locator;

  protected constructor(page: Page) {
    this.page = page;
  }

  /** Types a key into the file, until the page says that it took it. */
  protected abstract typeOneKey(): Promise<void>;
  /** Waits until the page says that the file is saved. */
  protected abstract untilSaved(): Promise<void>;

  /** Loads the page anew, with an empty cache, until it takes a key, which is taken back then. */
  async load(): Promise<Load> {
    const load = await loadOf(
      this.page,
      () => this.page.reload({ waitUntil: 'commit' }),
      () => this.typeOneKey(),
    );
    await this.page.keyboard.press('Backspace');
    await this.#save();
    return load;
  }

  /** Letters typed into the file. */
  async editorKeys(samples: number): Promise<Latency> {
    await this.lines.click();
    await this.page.keyboard.press('Control+End');
    const latency = await keysTo(this.page, samples, async () => {
      await this.page.keyboard.press('Shift+Home');
      await this.page.keyboard.press('Delete');
    });
    await this.#save();
    return latency;
  }

  /** Letters typed to a shell. */
  async terminalKeys(samples: number): Promise<Latency> {
    await this.screen.click();
    return keysTo(this.page, samples, () => this.page.keyboard.press('Control+U'));
  }

  async #save(): Promise<void> {
    // What completion offers would take the key.
    await this.page.keyboard.press('Escape');
    await this.page.keyboard.press('Control+S');
    await this.untilSaved();
  }
}

async function newPage(browser: Browser, options: { baseURL?: string; proxy?: { server: string } }): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  await watchTasks(page);
  await watchKeys(page);
  return page;
}

export interface OwnAttempt {
  baseUrl: string;
  attemptId: string;
  account: { email: string; password: string };
}

/** The workspace of a running attempt. */
export class OwnPage extends ComparedPage {
  readonly work: WorkspacePage;
  protected readonly lines: Locator;
  protected readonly screen: Locator;

  private constructor(page: Page) {
    super(page);
    this.work = new WorkspacePage(page);
    this.lines = page.getByTestId('editor').locator('.view-lines');
    this.screen = this.work.terminal(1).locator('.xterm-screen');
  }

  /** Signs in and opens the workspace, and there a file; by way of a proxy where one is named. */
  static async open(browser: Browser, { baseUrl, attemptId, account }: OwnAttempt, proxy?: string): Promise<OwnPage> {
    const own = new OwnPage(await newPage(browser, { baseURL: baseUrl, ...(proxy === undefined ? {} : { proxy: { server: proxy } }) }));
    await new People(own.page).signIn(account.email, account.password);
    await own.page.goto(`/attempts/${attemptId}/work`);
    await own.work.terminal(1).waitFor();
    await own.work.openFile('solution', FILE);
    return own;
  }

  protected typeOneKey(): Promise<void> {
    return typeOneKey(this.page);
  }

  protected untilSaved(): Promise<void> {
    return this.page.getByTestId('save-state').filter({ hasText: 'Saved' }).waitFor();
  }
}

/** VS Code as code-server serves it, without a password, on a folder with the file. docs/measurements.md has its settings. */
export class CodeServerPage extends ComparedPage {
  protected readonly lines: Locator;
  protected readonly screen: Locator;

  private constructor(page: Page) {
    super(page);
    this.lines = page.locator('.editor-instance .view-lines');
    this.screen = page.locator('.terminal.xterm .xterm-screen');
  }

  /** Opens its page, and there the file and a terminal; by way of a proxy where one is named. */
  static async open(browser: Browser, url: string, proxy?: string): Promise<CodeServerPage> {
    const other = new CodeServerPage(await newPage(browser, proxy === undefined ? {} : { proxy: { server: proxy } }));
    const { page } = other;
    await page.goto(url);
    await page.locator('.monaco-workbench').waitFor({ timeout: 120_000 });
    await page.getByRole('treeitem', { name: FILE }).dblclick();
    await other.lines.waitFor();
    await page.keyboard.press('Control+Backquote');
    await other.screen.waitFor();
    return other;
  }

  protected async typeOneKey(): Promise<void> {
    await this.lines.click({ timeout: 120_000 });
    await this.page.keyboard.type('#');
    await this.page.locator('.tab.active.dirty').waitFor();
  }

  protected untilSaved(): Promise<void> {
    return this.page.locator('.tab.active:not(.dirty)').waitFor();
  }
}
