import { expect, type Locator, type Page } from '@playwright/test';

/** What a person chose for their workspace who saw its tour, and nothing else. */
export const TOUR_SEEN = { version: 1, autoSave: false, copyOnSelection: false, wordWrap: false, tourSeen: true, layout: null };

/** The pages as a person uses them. Terminals are drawn into the DOM so that their text can be read. */
export class People {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async signIn(email: string, password: string): Promise<void> {
    await this.page.goto('/sign-in');
    await this.page.getByLabel('E-mail').fill(email);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await expect(this.page.getByRole('button', { name: /^Account of / })).toBeVisible();
    await this.page.evaluate(async (seen) => {
      localStorage.setItem('plumbline.terminal.renderer', 'dom');
      // Whoever was here before is not shown around again, and finds everything where it was left.
      const kept = await (await fetch('/api/trpc/self.workspacePreferences')).json();
      if (kept.result.data.json !== null) return;
      const headers = { 'content-type': 'application/json' };
      await fetch('/api/trpc/self.keepWorkspacePreferences', { method: 'POST', headers, body: JSON.stringify({ json: seen }) });
    }, TOUR_SEEN);
  }
}

export class WorkspacePage {
  readonly page: Page;
  private readonly terminals: string;

  constructor(page: Page, terminals = 'terminal') {
    this.page = page;
    this.terminals = terminals;
  }

  terminal(n: number): Locator {
    return this.page.getByTestId(`${this.terminals}-${n}`);
  }

  /** What a terminal shows, a line each, without trailing space. */
  async screen(n: number): Promise<string> {
    const rows = await this.terminal(n).locator('.xterm-rows > div').allTextContents();
    return rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd()).join('\n');
  }

  async expectOnScreen(n: number, text: string | RegExp, timeout = 30_000): Promise<void> {
    await expect(async () => expect(await this.screen(n)).toMatch(text instanceof RegExp ? text : new RegExp(literally(text)))).toPass({
      timeout,
    });
  }

  async type(n: number, text: string): Promise<void> {
    await this.terminal(n).locator('.xterm-screen').click();
    await this.page.keyboard.type(text, { delay: 5 });
  }

  /** Follows the link at the start of a row, as a mouse does: terminals look for links where the pointer is. */
  async followLink(n: number, row: RegExp): Promise<void> {
    const place = await this.terminal(n).locator('.xterm-rows > div').filter({ hasText: row }).boundingBox();
    await this.page.mouse.move((place?.x ?? 0) + 40, (place?.y ?? 0) + 6);
    await expect(this.terminal(n).locator('.xterm-cursor-pointer')).toHaveCount(1);
    await this.page.mouse.down();
    await this.page.mouse.up();
  }

  /** Runs a command in the first terminal, on an empty screen, until it shows what it should. */
  async shell(command: string, shows: string | RegExp): Promise<void> {
    await this.type(1, `clear; ${command}\n`);
    await this.expectOnScreen(1, shows);
  }

  async openFile(...path: string[]): Promise<void> {
    for (const [depth, name] of path.entries()) {
      const item = this.page.getByTestId('explorer-item').filter({ hasText: new RegExp(`^${literally(name)}$`) });
      const opened =
        depth < path.length - 1 &&
        (await this.page
          .getByTestId('explorer-item')
          .filter({ hasText: new RegExp(`^${literally(path[depth + 1] as string)}$`) })
          .count()) > 0;
      if (!opened) await item.click();
    }
    await expect(this.page.getByTestId('editor-tab').filter({ hasText: path.at(-1) as string })).toBeVisible();
    await expect(this.page.getByTestId('editor').locator('.view-lines')).toBeVisible();
  }

  /** Replaces the whole text of the file that is shown, as a person would who pastes over a selection, and saves it. */
  async replaceText(text: string): Promise<void> {
    await this.page.getByTestId('editor').locator('.view-lines').click();
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await this.page.keyboard.press('ControlOrMeta+v');
    await expect(this.page.getByTestId('save-state')).not.toHaveText('Saved');
    await this.page.keyboard.press('ControlOrMeta+s');
    await expect(this.page.getByTestId('save-state')).toHaveText('Saved');
  }

  /** Scores, waits for the row, and answers its cells' text. */
  async score(): Promise<string> {
    await this.page.getByTestId('tab-score').click();
    // The rows are there with the button, and all that were asked for have come to their end once it can be pressed.
    await expect(this.page.getByTestId('score-run')).toBeEnabled();
    const before = await this.page.getByTestId('score-row').count();
    await this.page.getByTestId('score-run').click();
    await expect(this.page.getByTestId('score-row')).toHaveCount(before + 1);
    await expect(this.page.getByTestId('score-running')).toHaveCount(0, { timeout: 120_000 });
    const rows = await this.page.getByTestId('score-row').allInnerTexts();
    return rows.find((row) => row.includes('Running')) ?? (rows[0] as string);
  }

  /** How far parts of the page jumped since it was opened without anybody having touched it: the sum of its layout shifts. */
  layoutShift(): Promise<number> {
    return this.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const observer = new PerformanceObserver((list) => {
            const shifts = list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[];
            resolve(shifts.reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0));
          });
          observer.observe({ type: 'layout-shift', buffered: true });
          setTimeout(() => resolve(0), 1_000);
        }),
    );
  }

  /** Milliseconds left, as shown. */
  async clockMs(): Promise<number> {
    return durationMs(await this.page.getByTestId('clock').innerText());
  }

  /** The clock at the moment at which it goes on to another second: what it shows, and when that was by this process's monotonic time. */
  async clockAtTick(): Promise<{ remainingMs: number; atMs: number }> {
    const text = await this.page.getByTestId('clock').evaluate(
      (clock) =>
        new Promise<string>((resolve) => {
          const observer = new MutationObserver(() => {
            observer.disconnect();
            resolve(clock.textContent);
          });
          observer.observe(clock, { childList: true, characterData: true, subtree: true });
        }),
    );
    return { remainingMs: durationMs(text), atMs: performance.now() };
  }

  /** What the clock shows, as read nearest to its tick: a busy machine tells of one late, and never early. */
  async clockRead(): Promise<{ remainingMs: number; atMs: number }> {
    const reads = [await this.clockAtTick(), await this.clockAtTick(), await this.clockAtTick()];
    return reads.reduce((best, read) => (read.remainingMs + read.atMs < best.remainingMs + best.atMs ? read : best));
  }
}

/** The unsaved texts that a page's browser keeps, of all attempts. */
export function draftsIn(page: Page): Promise<string[]> {
  return page.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const opening = indexedDB.open('plumbline-workspace');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const reading = opening.result.transaction('drafts').objectStore('drafts').getAll();
          reading.onsuccess = () => {
            opening.result.close();
            const left = Object.keys(localStorage).filter((key) => key.startsWith('plumbline.draft.'));
            const lastTexts = left.map((key) => JSON.parse(localStorage.getItem(key) ?? '{}').draft?.text ?? '');
            resolve([...reading.result.map(({ text }: { text: string }) => text), ...lastTexts]);
          };
        };
      }),
  );
}

/** Waits until the platform keeps what was chosen on a page: its layout is sent a little later. */
export async function untilKept(page: Page): Promise<void> {
  const unsent = () => page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('plumbline.workspace.unsent.')));
  await expect.poll(unsent).toEqual([]);
}

/** Milliseconds of what the clock shows, as 7:59:58. */
function durationMs(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = (/(\d+):(\d+):(\d+)/.exec(text) ?? []).slice(1).map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1_000;
}

/** Fills in the dialog in which staff act on a clock, which is open. */
export async function changeClock(staff: Page, what: string, reason: string, minutes?: string): Promise<void> {
  const dialog = staff.getByRole('alertdialog');
  await dialog.getByLabel('What to do').selectOption({ label: what });
  if (minutes !== undefined) await dialog.getByLabel('Minutes').fill(minutes);
  await dialog.getByLabel(/^Reason/).fill(reason);
  await dialog.getByRole('button', { name: what }).click();
  await expect(dialog).toHaveCount(0);
}

/** The terminals of a running attempt, or of a recorded one, as staff see them. */
export const watchedPage = (page: Page) => new WorkspacePage(page, 'replay-terminal');

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Has a page's browser refuse to keep anything, as one whose storage is full or switched off does. */
export function refuseToKeep(page: Page): Promise<unknown> {
  return page.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    };
    Storage.prototype.setItem = refuse;
    IDBObjectStore.prototype.put = refuse;
  });
}
