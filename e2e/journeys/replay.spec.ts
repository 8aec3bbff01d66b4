import type { Page } from '@playwright/test';
import { expect, test } from '../support/fixtures.ts';
import { LENGTH_MS, recordReplayedAttempt, SECOND_MS, SOURCE, WIDE_LINE } from '../support/replayedAttempt.ts';
import { People, type WorkspacePage, watchedPage } from '../support/workspacePage.ts';

/** Real time over which a speed is measured: many frames, also on a machine that does something else beside it. */
const MEASURED_MS = 700;

test.describe('a reviewer replays an attempt', () => {
  let page: Page;
  let screens: WorkspacePage;
  let attemptId: string;

  const position = async () => Number(await page.getByTestId('replay-position').getAttribute('data-position-ms'));
  const expectAt = (second: number) => expect.poll(position).toBe(second * SECOND_MS);
  const open = async (second: number) => {
    await page.goto(`/attempts/${attemptId}/replay?t=${second * SECOND_MS}`);
    await expectAt(second);
    await expect(page.getByRole('tab', { name: 'Markers' })).toBeVisible();
  };
  const tab = (name: string) => page.getByRole('tab', { name }).click();

  test.beforeAll(async ({ browser, platform }) => {
    attemptId = await recordReplayedAttempt(platform);
    const context = await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    page = await context.newPage();
    screens = watchedPage(page);
    await new People(page).signIn('reviewer@demo.plumbline.local', platform.demoPassword);
  });

  test.afterAll(async () => page?.context().close());

  test('at each speed the position moves at that speed', async () => {
    await open(80);
    await page.getByTestId('replay-skip-idle').uncheck();
    for (const speed of [0.5, 1, 2, 4, 8, 16, 32, 64]) {
      await page.getByTestId('replay-speed').selectOption(String(speed));
      await page.getByTestId('replay-play').click();
      // A frame of a busy machine that takes long is passed over by the player's clock: such a stretch is measured again.
      await expect(async () => {
        const rate = await page.evaluate(async (measuredMs) => {
          const shown = document.querySelector<HTMLElement>('[data-testid=replay-position]');
          const now = () => Number(shown?.dataset.positionMs);
          const untilMs = performance.now() + 10 * measuredMs;
          const moved = async (fromMs: number) => {
            while (now() === fromMs && performance.now() < untilMs) await new Promise(requestAnimationFrame);
            return { atMs: now(), realMs: performance.now() };
          };
          const from = await moved(now());
          let to = from;
          while (to.realMs - from.realMs < measuredMs) to = await moved(to.atMs);
          return (to.atMs - from.atMs) / (to.realMs - from.realMs);
        }, MEASURED_MS);
        expect(rate / speed, `${speed}×`).toBeGreaterThan(0.7);
        expect(rate / speed, `${speed}×`).toBeLessThan(1.3);
      }).toPass({ timeout: 10_000 });
      await page.getByTestId('replay-play').click();
    }
  });

  test('the keys do what the list of keys says', async () => {
    await open(15);
    const press = (key: string) => page.keyboard.press(key);
    for (const [key, second] of [
      ['n', 20],
      ['n', 30],
      ['p', 20],
      ['ArrowRight', 25],
      ['Shift+ArrowRight', 85],
      ['ArrowLeft', 80],
      ['.', 81],
      [',', 80],
      ['[', 60],
      [']', LENGTH_MS / SECOND_MS],
      ['Home', 0],
      ['End', LENGTH_MS / SECOND_MS],
    ] as const) {
      await press(key);
      await expectAt(second);
    }
    await press('-');
    await expect(page.getByTestId('replay-speed')).toHaveValue('0.5');
    await press('+');
    await expect(page.getByTestId('replay-speed')).toHaveValue('1');
    await press('s');
    await expect(page.getByTestId('replay-skip-idle')).not.toBeChecked();
    await press('Space');
    await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
    await press('k');
    await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
    await press('?');
    await expect(page.getByTestId('replay-keys')).toBeVisible();
    await press('Escape');
    const isFull = () => page.evaluate(() => document.fullscreenElement?.getAttribute('data-testid') ?? null);
    await press('f');
    await expect.poll(isFull).toBe('replay');
    await press('f');
    await expect.poll(isFull).toBeNull();
    // On a button the space bar presses it, as everywhere.
    await press('End');
    await expectAt(LENGTH_MS / SECOND_MS);
    await page.getByTestId('replay-command-back').click();
    await expectAt(30);
  });

  test('a command in the list leads to when it began, and says how it ended', async () => {
    await open(0);
    await tab('Commands');
    const row = page.getByTestId('replay-command').filter({ hasText: 'run-1' });
    await expect(row).toContainText('2.0 s');
    await row.click();
    await expectAt(20);
    await expect(row).toHaveAttribute('aria-current', 'step');
    await screens.expectOnScreen(1, 'output of 0');
    expect(await screens.screen(1)).not.toContain('output of 1');
  });

  test('a find leads to the moment at which the text was on the screen, and shows it there', async () => {
    await open(0);
    await page.keyboard.press('/');
    await page.keyboard.type('Needle in');
    await expect(page.getByLabel('Search commands and output').first()).toHaveValue('Needle in');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('replay-hit')).toHaveCount(1);
    await page.getByTestId('replay-hit').click();
    await expectAt(44);
    // Brought to the front, of four terminals, with the text marked.
    await screens.expectOnScreen(4, 'needle in the screen');
    await expect(screens.terminal(4).locator('.xterm-selection > div')).not.toHaveCount(0);

    await page.getByLabel('Search commands and output').first().fill('run-1');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('replay-hit')).toHaveCount(2);
    await page.getByTestId('replay-hit').filter({ hasText: 'Command' }).click();
    await expectAt(20);

    await page.getByLabel('Search commands and output').first().fill('step');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('replay-search-state')).toContainText('The recording goes on.');
    await expect(page.getByTestId('replay-hit')).toHaveCount(200);
    await page.getByTestId('replay-search-on').click();
    await expect(page.getByTestId('replay-hit')).toHaveCount(400);
  });

  test('after a stretch that was taken out a terminal begins anew and says so, until it is known again what was on it', async () => {
    await open(48);
    await page.getByRole('button', { name: 'Terminal 4', exact: true }).click();
    const note = page.getByRole('note').filter({ hasText: 'Begun anew' });
    await expect(note).toHaveCount(0);
    await open(62);
    await page.getByRole('button', { name: 'Terminal 4', exact: true }).click();
    await screens.expectOnScreen(4, 'after it');
    await expect(note).toBeVisible();
    await page.keyboard.press('ArrowRight');
    await screens.expectOnScreen(4, 'all of it');
    await screens.expectOnScreen(4, 'later');
    await expect(note).toHaveCount(0);
  });

  test('every row of scores, notes and activity leads to its moment, and the timeline has a track of each', async () => {
    await open(34);
    for (const [list, row, second] of [
      ['Scores', page.getByTestId('score-row').getByRole('button'), 5],
      ['Notes', page.getByTestId('replay-words').filter({ hasText: 'Try a larger rate' }).getByRole('button'), 2],
      ['Activity', page.getByTestId('replay-activity-row').filter({ hasText: 'pip install torch' }), 3],
      ['Activity', page.getByTestId('replay-activity-row').filter({ hasText: 'Connected to 10.0.0.1:443' }), 4],
    ] as const) {
      await page.getByTestId('replay-timeline').press('End');
      await tab(list);
      await row.click();
      await expectAt(second);
    }
    await expect(page.getByTestId('replay-score-track').locator('div')).toHaveCount(1);
    for (const track of ['command', 'resource'])
      await expect(page.getByTestId(`replay-${track}-track`).locator('path[d*=M]')).not.toHaveCount(0);
    await expect(page.getByTestId('replay-pause')).toHaveAttribute('title', 'Paused: a break');
    await expect(page.getByTestId('replay-away')).toHaveCount(1);
    // With the keyboard on it, the timeline says what the sandbox used.
    await page.getByTestId('replay-timeline').press('Home');
    await expectAt(0);
    await expect(page.getByTestId('replay-timeline-words')).toHaveText('0:00:00, 2.0 GiB memory, 5.0 GiB disk');
    await page.getByTestId('replay-timeline').press('PageUp');
    await expect(page.getByTestId('replay-timeline-words')).toHaveText('0:01:00, 2.0 processors, 3.0 GiB memory, 5.0 GiB disk');
  });

  test('terminals stand side by side at the sizes that they had, and follow a resize forth and back', async () => {
    await open(13);
    const rows = (terminal: number) => screens.terminal(terminal).locator('.xterm-rows > div').count();
    const sizes = async () => [await rows(1), await rows(2)];
    const isWhole = async () => (await screens.screen(2)).split('\n').includes(WIDE_LINE);
    await screens.expectOnScreen(1, 'output of 0');
    await expect.poll(sizes).toEqual([12, 20]);
    await expect.poll(isWhole).toBe(true);
    await page.keyboard.press('ArrowRight');
    await expectAt(18);
    await expect.poll(sizes).toEqual([12, 8]);
    await expect.poll(isWhole).toBe(false);
    await page.keyboard.press('ArrowLeft');
    await expectAt(13);
    await expect.poll(sizes).toEqual([12, 20]);
    await expect.poll(isWhole).toBe(true);
  });

  test('the editor shows what the participant had selected, and where their caret was', async () => {
    await open(53);
    const editor = page.getByTestId('read-only-editor');
    await expect(page.getByTestId('replay-file')).toHaveText(SOURCE);
    await expect(editor.locator('.view-overlays .bg-accent-soft')).toBeVisible();
    const box = async (of: string) => (await editor.locator(of).first().boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const selected = await box('.view-overlays .bg-accent-soft');
    const caretBefore = await box('.view-overlays .border-accent');
    expect(Math.abs(caretBefore.x - (selected.x + selected.width))).toBeLessThan(3);
    await page.keyboard.press('ArrowRight');
    await expect(editor).toContainText('100');
    await expect.poll(async () => (await box('.view-overlays .bg-accent-soft')).width).toBeLessThan(1);
    const caret = await box('.view-overlays .border-accent');
    expect(caret.y).toBe(caretBefore.y);
    // Three characters were typed over one.
    expect(caret.x - caretBefore.x).toBeGreaterThan(caret.height / 2);
  });

  test('the files are a tree that folds, with what changed since the snapshot, each file once', async () => {
    await open(58);
    await tab('Files');
    const files = page.getByTestId('replay-file-row');
    const shown = () =>
      files.evaluateAll((rows) =>
        rows.map((row) => `${(row as HTMLElement).dataset.path} ${(row as HTMLElement).dataset.mark ?? ''}`.trim()),
      );
    await expect.poll(shown).toEqual(['solution', 'solution/data', 'solution/data/rows.csv', `${SOURCE} saved`, 'notes.txt renamed']);
    const tree = page.getByRole('tree');
    await tree.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(shown).toEqual(['solution', 'solution/data', `${SOURCE} saved`, 'notes.txt renamed']);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expectAt(56);
    await expect.poll(shown).toEqual(['solution', 'solution/data', `${SOURCE} saved`, 'instructions.txt']);
  });

  test('any two moments of the workspace can be compared, and it says which snapshots stand for them and what lies between', async () => {
    await open(58);
    await tab('Files');
    await page.getByTestId('replay-mark').click();
    await page.getByTestId('replay-timeline').press('PageUp');
    await expectAt(118);
    await page.getByTestId('replay-compare').click();
    const diff = page.getByTestId('replay-diff');
    await expect(diff.getByRole('combobox', { name: 'From' })).toHaveValue('marked');
    await expect(diff).toContainText('-rate = 1');
    await expect(diff).toContainText('+rate = 100');
    const moments = diff.getByTestId('replay-diff-moments').getByRole('listitem');
    await expect(moments).toHaveText([
      `For 0:00:58 stands the snapshot of 0:00:01. Changed between them, and not compared: ${SOURCE}, notes.txt`,
      'For 0:01:58 stands the snapshot of 0:01:00; nothing is known to have changed between them.',
    ]);
    await diff.getByRole('combobox', { name: 'From' }).selectOption({ label: '0:01:00 after a save' });
    await expect(diff).toContainText('Nothing changed between them');
    await diff.getByRole('combobox', { name: 'to', exact: true }).selectOption({ label: '0:00:01 at the start' });
    await expect(diff).toContainText('-rate = 100');
    await page.keyboard.press('Escape');
  });

  test('on the smallest screen the name of every list is whole, and all stand in one row', async () => {
    await open(58);
    await page.setViewportSize({ width: 1280, height: 720 });
    const tops = new Set<number | undefined>();
    for (const list of await page.getByRole('tablist', { name: 'What happened' }).getByRole('tab').all()) {
      await expect(list).toBeInViewport({ ratio: 1 });
      tops.add((await list.boundingBox())?.y);
    }
    expect(tops.size).toBe(1);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test('a link to a moment opens at it', async () => {
    await open(44);
    await page.keyboard.press('ArrowLeft');
    await expectAt(39);
    await page.getByTestId('replay-link').click();
    await expect(page.getByText('Link to 0:00:39 copied.')).toBeVisible();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await page.context().newPage();
    await other.goto(link);
    await expect(other.getByTestId('replay-position')).toHaveAttribute('data-position-ms', String(39 * SECOND_MS));
    await other.close();
  });
});
