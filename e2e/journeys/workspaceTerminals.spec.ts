import { createHash } from 'node:crypto';
import type { BrowserContext, Page } from '@playwright/test';
import { PASTE_MAX_BYTES } from '@plumbline/protocol';
import { expectAccessible } from '../support/accessibility.ts';
import type { Account } from '../support/accounts.ts';
import { expect, test } from '../support/fixtures.ts';
import { NarrowProxy } from '../support/narrowProxy.ts';
import { openWorkspace } from '../support/workspace.ts';
import { BUDGET, heldBy, loadOf, typeOneKey, watchEditor, watchTasks, weightOf } from '../support/workspaceCost.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { WorkspaceWork } from '../support/workspaceWork.ts';

test.describe.configure({ mode: 'serial' });

test.describe('terminals, and what the page around them costs', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  let account: Account;

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId, account } = await openWorkspace(browser, platform, await signIn('admin')));
  });

  test.afterAll(() => context?.close());

  test('a word is found in a terminal, ten thousand lines back, or said not to be there, and the keyboard comes back to the shell', async () => {
    await work.shell('seq 60001 69990; echo end-$((1+1))', /^end-2$/m);
    await page.keyboard.press('Control+Shift+F');
    const field = page.getByLabel('Find in the terminal');
    await expect(field).toBeFocused();
    await page.keyboard.type('60003');
    await expect(field).toHaveAttribute('aria-invalid', 'false');
    await work.expectOnScreen(1, /^60003$/m);
    const matches = page.getByTestId('terminal-matches');
    await expect(matches).toHaveText('1 of 1');
    await field.fill('^6999.$');
    await expect(matches).toHaveText('Nothing found');
    await page.keyboard.press('Alt+R');
    await expect(matches).toHaveText(/ of 1$/);
    await field.fill('END-2|69989');
    await expect(matches).toHaveText(/ of 2$/);
    await page.keyboard.press('Alt+C');
    await expect(matches).toHaveText('1 of 1');
    await field.fill('(');
    await expect(matches).toHaveText('Not an expression');
    await page.keyboard.press('Alt+R');
    await page.keyboard.type('-nowhere');
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expectAccessible(page, 'find in a terminal', [], '[data-testid=terminal-1] search');
    await page.keyboard.press('Escape');
    await expect(field).toHaveCount(0);
    await page.keyboard.type("echo again-'here'\n");
    await work.expectOnScreen(1, /^again-here$/m);
  });

  test('a paste of 5 MB reaches a program as one bracketed block, byte for byte', async () => {
    let text = '';
    for (let line = 0; text.length < PASTE_MAX_BYTES / 3; line += 1) text += `${line} 日本語の文、改行まで\n`;
    while (Buffer.byteLength(text) > PASTE_MAX_BYTES) text = text.slice(0, -1_000);
    text = text.padEnd(text.length + PASTE_MAX_BYTES - Buffer.byteLength(text), 'x');
    const block = Buffer.from(`\x1b[200~${text.replaceAll('\n', '\r')}\x1b[201~`);
    const program = [
      'import os, tty, hashlib',
      'tty.setraw(0)',
      'os.write(1, b"\\x1b[?2004hready")',
      'got = bytearray()',
      'while not got.endswith(b"\\x1b[201~"): got += os.read(0, 65536)',
      'os.system("stty sane")',
      'print("\\x1b[?2004l")',
      'print(len(got), hashlib.sha256(got).hexdigest())',
    ];
    await work.shell(`python3 -c $'${program.join('\\n')}'`, /^ready/m);
    await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await page.keyboard.press('Control+Shift+V');
    await work.expectOnScreen(1, new RegExp(`^${block.length} ${createHash('sha256').update(block).digest('hex')}$`, 'm'), 120_000);
  });

  test('a terminal that is made smaller and larger shows what its program draws at each size, and what was printed before, whole', async () => {
    const numbers = Array.from({ length: 90 }, (_, n) => n + 100).join(',');
    await work.shell("seq -s, 100 189; echo print'ed'", /^printed$/m);
    const program = [
      'import os, signal, sys',
      'def draw(*_):',
      '  c, r = os.get_terminal_size()',
      '  print("\\x1b[2J" + "".join(f"\\x1b[{y + 1};1H{c} x {r}, row {y}" for y in range(r)), end="", flush=True)',
      'signal.signal(signal.SIGWINCH, draw)',
      'print("\\x1b[?1049h", end="")',
      'draw()',
      'sys.stdin.readline()',
      'print("\\x1b[?1049l", end="")',
    ];
    await page.keyboard.type(`python3 -c $'${program.join('\\n')}'\n`);
    const sizes: string[] = [];
    for (const [width, height] of [
      [1440, 900],
      [1280, 720],
      [1700, 1000],
      [1300, 760],
      [1440, 900],
    ] as const) {
      await page.setViewportSize({ width, height });
      await expect(async () => {
        const rows = (await work.screen(1)).split('\n');
        const drawn = /^(\d+ x \d+), row 0$/.exec(rows[0] ?? '')?.[1] ?? '';
        expect(rows).toEqual(rows.map((_, y) => `${drawn}, row ${y}`));
        expect(drawn).toMatch(new RegExp(` x ${rows.length}$`));
        // Until the page has been laid out anew all still is as it was for the size before.
        expect(drawn).not.toBe(sizes.at(-1));
        sizes.push(drawn);
      }).toPass({ timeout: 20_000 });
    }
    expect(new Set(sizes).size).toBe(4);
    await page.keyboard.press('Enter');
    await work.expectOnScreen(1, /^printed$/m);
    expect((await work.screen(1)).replaceAll('\n', '')).toContain(numbers);
  });

  test('a second tab shows the same terminals, and can type into them', async () => {
    const second = await context.newPage();
    await work.shell("echo in-the-first-'tab'", /^in-the-first-tab$/m);
    await second.goto(`/attempts/${attemptId}/work`);
    const other = new WorkspacePage(second);
    await other.expectOnScreen(1, /^in-the-first-tab$/m);
    await other.type(1, 'echo from-the-second-tab\n');
    await work.expectOnScreen(1, /^from-the-second-tab$/m);
    await second.close();
  });

  test('a laptop that slept shows what came meanwhile, and the right clock again at once, whatever its own did', async ({
    browser,
    platform,
  }) => {
    await work.shell("echo before-it-'slept'", /^before-it-slept$/m);
    // A browser of its own: all pages of one have the same time.
    const storageState = await context.storageState();
    const other = await browser.newContext({ baseURL: platform.baseUrl, storageState });
    const sleeper = await other.newPage();
    await sleeper.clock.install();
    await sleeper.goto(`/attempts/${attemptId}/work`);
    const slept = new WorkspacePage(sleeper);
    const aheadMs = async () => {
      const [mine, theirs] = [await slept.clockAtTick(), await work.clockAtTick()];
      return mine.remainingMs + mine.atMs - theirs.remainingMs - theirs.atMs;
    };
    const expectTheSame = () => expect(async () => expect(Math.abs(await aheadMs())).toBeLessThan(1_000)).toPass({ timeout: 30_000 });
    await slept.expectOnScreen(1, /^before-it-slept$/m);
    await expectTheSame();

    // With its lid closed the page's time stands still, and its connection ends unseen.
    await sleeper.clock.pauseAt((await sleeper.evaluate(() => Date.now())) + 10_000);
    platform.kill('gateway');
    await platform.untilHealthy();
    // Its own page may still be on its way back, and refuses keys meanwhile.
    await expect(page.locator('[data-banner]')).toHaveCount(0, { timeout: 60_000 });
    await work.type(1, 'echo while-it-slept\n');
    await work.expectOnScreen(1, /^while-it-slept$/m);
    await sleeper.clock.resume();
    await slept.expectOnScreen(1, /^while-it-slept$/m);
    await expectTheSame();

    // On other machines time has gone on, and all timers of ten minutes fall due at once.
    await sleeper.clock.fastForward(10 * 60_000);
    await expectTheSame();
    await other.close();
  });

  test('a cursor that a program lets blink asks for no frame between keys, for which an echo would wait', async () => {
    await work.shell("printf '\\e[?12h'; echo blin'king'", /^blinking$/m);
    await expect(work.terminal(1).locator('.xterm-focus .xterm-cursor-blink')).toHaveCount(1);
    const running = () => page.evaluate(() => document.getAnimations().map((animation) => (animation as CSSAnimation).animationName));
    await expect.poll(running).toEqual([]);
    await work.shell("printf '\\e[?12l'; echo stea'dy'", /^steady$/m);
  });

  test('words that an input method composes reach the shell once, and only when they are chosen', async () => {
    await work.type(1, 'clear; echo ');
    const cdp = await context.newCDPSession(page);
    for (const text of ['に', 'にほ', 'にほん']) {
      await cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
    }
    await expect(work.terminal(1).locator('.composition-view')).toHaveText('にほん');
    await cdp.send('Input.insertText', { text: '日本' });
    await expect(work.terminal(1).locator('.composition-view')).not.toHaveClass(/active/);
    await cdp.detach();
    await page.keyboard.type('!\n');
    await work.expectOnScreen(1, /^日本!$/m);
  });

  test('what is selected in a terminal is copied at once where that is wanted', async () => {
    const select = async (word: string) => {
      await work.shell(`echo ${word.slice(0, 3)}'${word.slice(3)}'`, new RegExp(`^${word}$`, 'm'));
      const row = await work.terminal(1).locator('.xterm-rows > div').filter({ hasText: word }).last().boundingBox();
      await page.mouse.dblclick((row?.x ?? 0) + 20, (row?.y ?? 0) + 6);
    };
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.evaluate(() => navigator.clipboard.writeText('untouched'));
    await select('unwanted');
    await command('copy-on-selection');
    expect(await copied()).toBe('untouched');
    await select('wanted-word');
    await expect.poll(copied).toBe('wanted-word');
    await command('copy-on-selection');
  });

  test('what can be done with a terminal stands in its menu, by the right button, the menu key and as commands', async () => {
    const menu = page.getByTestId('terminal-menu');
    const choose = async (n: number, entry: RegExp) => {
      await work.terminal(n).locator('.xterm-screen').click({ button: 'right' });
      await menu.getByRole('menuitem', { name: entry }).click();
      await expect(menu).toHaveCount(0);
    };
    await work.shell("echo of-the-'menu'", /^of-the-menu$/m);
    await page.keyboard.press('ContextMenu');
    await expect(menu).toBeVisible();
    await expect(menu.getByRole('menuitem', { name: /^Copy/ })).toBeDisabled();
    await expectAccessible(page, 'the menu of a terminal', ['region'], '[data-testid=terminal-menu]');
    await page.keyboard.type('select');
    await expect(menu.getByRole('menuitem', { name: 'Select all' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(menu).toHaveCount(0);
    await choose(1, /^Copy/);
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain('of-the-menu');
    await page.evaluate(() => navigator.clipboard.writeText("echo past'ed'"));
    await choose(1, /^Paste/);
    // The browser gives the clipboard out when it likes.
    await work.expectOnScreen(1, /echo past'ed'$/m);
    await page.keyboard.press('Enter');
    await work.expectOnScreen(1, /^pasted$/m);
    await command('terminal-clear');
    await expect.poll(() => work.screen(1)).not.toContain('pasted');
    await page.keyboard.type("echo clear'ed'\n");
    await work.expectOnScreen(1, /^cleared$/m);
    await choose(1, /^Find/);
    await expect(page.getByLabel('Find in the terminal')).toBeFocused();
    await page.keyboard.press('Escape');
    await command('terminal-rename');
    await page.getByTestId('name-field').fill('of the menu');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('of the menu');
    await choose(1, /^New terminal beside/);
    await expect(work.terminal(2)).toBeVisible();
    await expect(page.getByTestId('terminal-tab-2')).toHaveAttribute('aria-current', 'true');
    // Until its shell waits at a prompt a program runs in it, and closing it asks.
    await work.type(2, "echo sec'ond'\n");
    await work.expectOnScreen(2, /^second$/m);
    await choose(2, /^Close/);
    await expect(work.terminal(2)).toHaveCount(0);

    // A program that takes clicks has them, but for those with Shift.
    await work.shell("printf '\\e[?1000h'; echo click's'; cat > /dev/null", /^clicks$/m);
    const screen = work.terminal(1).locator('.xterm-screen');
    await screen.click({ button: 'right' });
    await work.expectOnScreen(1, /\^\[\[M/);
    await expect(menu).toHaveCount(0);
    await screen.click({ button: 'right', modifiers: ['Shift'] });
    await expect(menu).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(work.terminal(1).locator('textarea')).toBeFocused();
    await page.keyboard.press('Control+C');
    await page.keyboard.type("printf '\\e[?1000l'\n");
  });

  test('on a large screen, with nothing in the cache, the first key is taken within the budget, and work leaves no text and no comparison behind; terminals are drawn by a graphics card where there is one, and one that fails takes nothing from them', async ({
    browser,
    platform,
  }) => {
    const proxy = await NarrowProxy.start();
    const fresh = await browser.newContext({
      baseURL: platform.baseUrl,
      viewport: { width: 2560, height: 1440 },
      proxy: { server: proxy.url },
    });
    const large = await fresh.newPage();
    await watchTasks(large);
    await watchEditor(large);
    await new People(large).signIn(account.email, account.password);
    await large.evaluate(() => localStorage.removeItem('plumbline.terminal.renderer'));
    const largeWork = new WorkspacePage(large);
    const weight = await weightOf(large, proxy, async () => {
      const load = await loadOf(
        large,
        () => large.goto(`/attempts/${attemptId}/work`),
        async () => {
          await largeWork.openFile('instructions.txt');
          await typeOneKey(large);
        },
      );
      console.log(`the first key was taken after ${JSON.stringify(load)}`);
    });
    console.log(`until then came ${JSON.stringify(weight)}; at most ${JSON.stringify(BUDGET)}`);
    expect(weight.transferredMb).toBeLessThan(BUDGET.transferredMb);
    await large.keyboard.press('Backspace');

    // The page's own text is quicker than a card that the processor stands in for, as in this browser, until it names another.
    const canvas = largeWork.terminal(1).locator('.xterm-screen canvas');
    await largeWork.type(1, "clear; echo drawn-by-'page'\n");
    await largeWork.expectOnScreen(1, /^drawn-by-page$/m);
    await expect(canvas).toHaveCount(0);
    await large.addInitScript(() => {
      const { getParameter } = WebGL2RenderingContext.prototype;
      const UNMASKED_RENDERER_WEBGL = 0x9246;
      WebGL2RenderingContext.prototype.getParameter = function (name) {
        return name === UNMASKED_RENDERER_WEBGL ? 'a graphics card' : getParameter.call(this, name);
      };
    });
    await large.reload();
    await expect(canvas.first()).toBeVisible();
    expect(await largeWork.screen(1)).toBe('');
    await largeWork.type(1, "clear; echo drawn-by-'card'\n");
    await work.expectOnScreen(1, /^drawn-by-card$/m);
    const lost = await canvas.evaluateAll((all) => {
      const cards = all.flatMap((one) => (one as HTMLCanvasElement).getContext('webgl2')?.getExtension('WEBGL_lose_context') ?? []);
      for (const card of cards) card.loseContext();
      return cards.length;
    });
    expect(lost).toBeGreaterThan(0);
    await largeWork.expectOnScreen(1, /^drawn-by-card$/m);

    // What terminals that are opened from now on show can be read.
    await large.evaluate(() => localStorage.setItem('plumbline.terminal.renderer', 'dom'));
    const rounds = new WorkspaceWork(large, largeWork, proxy);
    await rounds.prepare();
    const { models, editors } = await heldBy(large);
    await rounds.round(1);
    const held = await heldBy(large);
    console.log(`after a round of work the page holds ${JSON.stringify(held)}`);
    expect(held.heapMb).toBeLessThan(BUDGET.heapMb);
    expect(held).toMatchObject({ models, editors, leftComparisons: 0 });
    await fresh.close();
    proxy.stop();
  });
});
