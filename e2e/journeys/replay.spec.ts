import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { createDatabase } from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import { expect, test } from '../support/fixtures.ts';
import { recordAttempt } from '../support/recordedAttempt.ts';
import { People, type WorkspacePage, watchedPage } from '../support/workspacePage.ts';

const SECOND_MS = 1_000;
const GIB = 1024 ** 3;
/** One line of the wider terminal, and more than one of it once it is resized. */
const WIDE_LINE = 'w'.repeat(70);
const LENGTH_MS = 20 * 60 * SECOND_MS;
const TAB = '00000000-0000-4000-8000-00000000000a';
const SOURCE = 'solution/train.py';
const TEXT = 'import torch\n\nrate = 1\n';
const RATE_AT = TEXT.indexOf('1');
/** Real time over which a speed is measured: many frames, also on a machine that does something else beside it. */
const MEASURED_MS = 700;

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

/** Two trees of a workspace, as bundles of which the second builds on the first. */
function snapshots(): { commit: string; tree: string; hash: string; bytes: Buffer }[] {
  const dir = mkdtempSync(join(tmpdir(), 'replayed-'));
  const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
  const env = { PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: '1', ...who };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, env, encoding: 'utf8' }).trim();
  git('init', '--quiet');
  execFileSync('mkdir', ['-p', 'solution/data'], { cwd: dir });
  writeFileSync(join(dir, 'instructions.txt'), 'Do it.\n');
  writeFileSync(join(dir, 'solution/data/rows.csv'), '1,2\n');
  let last: string | null = null;
  const taken = [TEXT, TEXT.replace('1', '100')].map((text) => {
    writeFileSync(join(dir, SOURCE), text);
    git('add', '--all');
    const tree = git('write-tree');
    const commit = git('commit-tree', tree, ...(last === null ? [] : ['-p', last]), '-m', 'snapshot');
    git('update-ref', 'refs/heads/snapshots', commit);
    git('bundle', 'create', '--quiet', '.git/next', 'refs/heads/snapshots', ...(last === null ? [] : [`^${last}`]));
    last = commit;
    const bytes = readFileSync(join(dir, '.git/next'));
    return { commit, tree, hash: sha256(bytes), bytes };
  });
  rmSync(dir, { recursive: true });
  return taken;
}

/**
 * Three commands, terminals of two sizes of which one is resized, what is done beside typing, a program that paints a screen, an edit, a
 * snapshot before and after it, and a file that is renamed.
 */
function eventsOf(startMs: number, taken: ReturnType<typeof snapshots>): EventInput[] {
  const events: EventInput[] = [];
  const offsets = new Map<number, number>();
  const at = (second: number, type: string, stream: number, data: unknown) =>
    events.push({ atMs: startMs + second * SECOND_MS, type, stream, data } as EventInput);
  const put = (second: number, terminal: number, text: string) => {
    const offset = offsets.get(terminal) ?? 0;
    const bytes = Buffer.from(text);
    offsets.set(terminal, offset + bytes.length);
    at(second, 'terminal.output', terminal, { offset, bytes });
  };
  const snapshot = (second: number, cause: string, n: number) => {
    const { commit, tree, hash } = taken[n] as (typeof taken)[number];
    at(second, 'snapshot.taken', 0, { cause, tree, commit, bundle: hash, files: 3, bytes: 40, skipped: [] });
  };
  at(0, 'clock.event', 0, { n: 1, event: { kind: 'started' } });
  const open = (second: number, terminal: number, cols: number, rows: number) =>
    at(second, 'terminal.opened', terminal, { cols, rows, term: 'xterm-256color', shell: '/bin/bash' });
  open(0, 1, 80, 12);
  open(0, 2, 100, 20);
  at(0, 'focus.page', 0, { tab: TAB, visible: true, focused: true });
  at(0, 'resource.sample', 0, { cpuMs: 0, memoryBytes: 2 * GIB, diskBytes: 5 * GIB });
  snapshot(1, 'start', 0);
  at(2, 'note.written', 0, { n: 1, text: 'Try a larger rate', elapsedMs: 2 * SECOND_MS });
  at(3, 'clipboard.paste', 0, { tab: TAB, target: 'terminal:1', length: 17, hash: sha256('pip install torch'), text: 'pip install torch' });
  at(4, 'network.sample', 0, { receivedBytes: 9, sentBytes: 9, peers: [{ address: '10.0.0.1', port: 443 }] });
  at(4, 'score.requested', 0, { scoreId: 's1', n: 1, trigger: 'participant', elapsedMs: 4 * SECOND_MS });
  const scored = { scoreId: 's1', n: 1, trigger: 'participant', status: 'scored', score: 0.25, message: null, durationMs: SECOND_MS };
  at(5, 'score.finished', 0, scored);
  at(6, 'clock.event', 0, { n: 2, event: { kind: 'paused', reason: 'break' } });
  at(7, 'clock.event', 0, { n: 3, event: { kind: 'resumed' } });
  at(8, 'focus.page', 0, { tab: TAB, visible: false, focused: false });
  put(8, 2, WIDE_LINE);
  at(9, 'focus.page', 0, { tab: TAB, visible: true, focused: true });
  for (const [n, second] of [10, 20, 30].entries()) {
    put(second - 1, 1, `$ run-${n}\r\n`);
    at(second, 'command.started', 1, { text: `run-${n}`, directory: '/home/agent' });
    put(second + 1, 1, `output of ${n}\r\n`);
    at(second + 2, 'command.finished', 1, { exitCode: n === 1 ? 1 : 0, durationMs: 2_000 });
    if (n === 0) at(15, 'terminal.resized', 2, { cols: 60, rows: 8 });
  }
  at(33, 'resource.sample', 0, { cpuMs: 66 * SECOND_MS, memoryBytes: 3 * GIB, diskBytes: 5 * GIB });
  for (const terminal of [3, 4]) open(35, terminal, 80, 12);
  put(40, 4, '\x1b[?1049h\x1b[2J\x1b[8;30Hdle in the screen');
  put(44, 4, '\x1b[1;1Hloss 0.25\x1b[8;27Hnee');
  put(48, 4, '\x1b[?1049l');
  at(50, 'editor.opened', 0, { tab: TAB, path: SOURCE, hash: sha256(TEXT), version: 1, text: TEXT });
  at(52, 'editor.selection', 0, { tab: TAB, path: SOURCE, anchor: TEXT.indexOf('rate'), active: RATE_AT });
  at(54, 'editor.changed', 0, { tab: TAB, path: SOURCE, version: 2, changes: [{ offset: RATE_AT, length: 1, text: '100' }] });
  at(55, 'editor.selection', 0, { tab: TAB, path: SOURCE, anchor: RATE_AT + 3, active: RATE_AT + 3 });
  at(56, 'editor.saved', 0, { tab: TAB, path: SOURCE, hash: sha256(TEXT), size: TEXT.length + 2 });
  at(57, 'file.changed', 0, { op: 'renamed', path: 'instructions.txt', to: 'notes.txt' });
  snapshot(60, 'save', 1);
  // Output that was taken out, and with it what it left on the screen, until a keyframe has all of that.
  offsets.set(4, (offsets.get(4) ?? 0) + 100);
  put(62, 4, 'after it\r\n');
  at(64, 'terminal.keyframe', 4, { cols: 80, rows: 12, offset: offsets.get(4), screen: 'all of it\r\nafter it\r\n' });
  put(64, 4, 'later\r\n');
  // Far more lines than are shown at once.
  for (let second = 70; second < LENGTH_MS / SECOND_MS; second += 1) put(second, 1, `step ${second}\r\n`);
  at(LENGTH_MS / SECOND_MS, 'clock.event', 0, { n: 4, event: { kind: 'submitted' } });
  return events;
}

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
    const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
    const startMs = Date.now() - LENGTH_MS - 60 * SECOND_MS;
    const taken = snapshots();
    const recorded = { startMs, lengthMs: LENGTH_MS, events: eventsOf(startMs, taken), blobs: taken };
    attemptId = (await recordAttempt(platform, db, recorded)).attemptId;
    await db.close();
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
