import type { BrowserContext, Locator, Page, WebSocketRoute } from '@playwright/test';
import { appendClockEvent, createDatabase } from '@plumbline/database';
import { expectAccessible } from '../support/accessibility.ts';
import type { Account } from '../support/accounts.ts';
import { expect, test } from '../support/fixtures.ts';
import { Session } from '../support/session.ts';
import { openWorkspace } from '../support/workspace.ts';
import { People, TOUR_SEEN, untilKept, WorkspacePage } from '../support/workspacePage.ts';

const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

test.describe.configure({ mode: 'serial' });

test.describe('around the work: the link, the clock, words with the staff, scores and the machine', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  let account: Account;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId, account } = await openWorkspace(browser, platform, await signIn('admin')));
  });

  test.afterAll(() => context?.close());

  test('a page whose link is dead says so until it is back, and then what the staff wrote meanwhile; it warns before memory and disk run out, for as long as they are short, and when terminals are read slowly', async ({
    signIn,
  }) => {
    const admin = await signIn('admin');
    let link: WebSocketRoute | null = null;
    let isDead = false;
    let measured = { sample: {} };
    let short = {};
    const away = await context.newPage();
    await away.routeWebSocket(/realtime\/attempt/, (socket) => {
      link = socket;
      // It opens, and nobody ever answers.
      if (isDead) return;
      socket.connectToServer().onMessage((data) => {
        const message = typeof data === 'string' ? JSON.parse(data) : {};
        if (message.t !== 'resources') return socket.send(data);
        measured = message;
        be(short);
      });
    });
    const lose = (dead: boolean) => {
      isDead = dead;
      return link?.close({ code: 1012 });
    };
    const tell = (message: object) => link?.send(JSON.stringify(message));
    /** What the sandbox measures is short of this, now and at each sample. */
    const be = (of: object) => {
      short = of;
      tell({ ...measured, sample: { ...measured.sample, ...short } });
    };
    await away.goto(`/attempts/${attemptId}/work`);
    await expect(new WorkspacePage(away).terminal(1)).toBeVisible();
    const gpus = Array.from({ length: 8 }, (_, index) => ({ index, usePercent: 80 + 2 * index, memoryBytes: 40 * 1024 ** 3 }));
    await expect(away.getByTestId('meter-memory')).toHaveAttribute('data-short', 'false');
    const fullMemory = { memoryBytes: 121.6 * GIB, memoryLimitBytes: 128 * GIB, gpus };
    be(fullMemory);
    const memory = away.getByTestId('banner-memory');
    await expect(memory).toContainText('memory is nearly full. A program that asks for more will be ended; end what you do not need.');
    await expectAccessible(away, 'memory nearly full', [], '[data-testid=banner-memory]');
    await expect(away.getByTestId('meter-memory')).toHaveAttribute('data-short', 'true');
    await expect(away.getByTestId('meter-8-gpus')).toHaveText('8 GPUs: use and memory: 87 % 320.0 GiB');
    await away.getByTestId('tab-resources').click();
    await expect(away.getByTestId('resource-course').filter({ hasText: /^GPU 7/ })).toContainText('94 %');
    await away.getByTestId('tab-files').click();

    const isWhole = (banner: Locator) => banner.locator('span').evaluate((words) => words.scrollHeight <= words.clientHeight);
    // The bar has room for each of the banners beside the meters on a small screen.
    await away.setViewportSize({ width: 1280, height: 720 });
    await expect.poll(() => isWhole(memory)).toBe(true);
    be({ ...fullMemory, diskBytes: 100 * GIB, diskFreeBytes: GIB / 2 });
    await memory.getByRole('button', { name: 'Understood' }).click();
    const disk = away.getByTestId('banner-disk');
    await expect(disk).toContainText('The disk is nearly full. Saving may fail soon; delete what you do not need.');
    await expect(memory).toHaveCount(0);
    be({ ...fullMemory, diskBytes: 100 * GIB, diskFreeBytes: 50 * GIB });
    await expect(disk).toHaveCount(0);
    await expect(away.getByTestId('meter-memory')).toHaveAttribute('data-short', 'true');

    tell({ t: 'outputLimited' });
    const limited = away.getByTestId('banner-output');
    await expect.poll(() => isWhole(limited)).toBe(true);
    await limited.getByRole('button', { name: 'Understood' }).click();
    await expect(limited).toHaveCount(0);

    await away.getByTestId('tab-help').click();
    await away.getByTestId('report-text').fill('Half a report');
    await away.getByTestId('tab-score').click();

    await lose(true);
    await expect(away.getByTestId('connection-state')).toHaveAttribute('data-state', 'connecting');
    // A try takes ten seconds to fail, and typing is refused all that time.
    await expect(away.getByTestId('banner-offline')).toContainText('Nothing is lost', { timeout: 5_000 });
    await expectAccessible(away, 'offline', [], '[data-testid=banner-offline]');

    await admin.mutate('live.message', { attemptId, text: 'The index is back.' });
    await expect(page.getByTestId('unread')).toContainText('1');
    await lose(false);
    await expect(away.getByTestId('banner-offline')).toHaveCount(0);
    await expect(away.getByText('The index is back.')).toBeVisible();

    await expect(away.getByTestId('unread')).toContainText('1');
    await away.reload();
    await expect(away.getByTestId('unread')).toContainText('1');
    await away.getByTestId('tab-help').click();
    await expect(away.getByTestId('report-text')).toHaveValue('Half a report');
    await expect(away.getByTestId('message')).toContainText('The index is back.');
    for (const tab of [away, page]) await expect(tab.getByTestId('unread')).toHaveCount(0);
    await away.close({ runBeforeUnload: false });
    await page.bringToFront();
  });

  test('a gateway that answers nothing any more, with every connection still open, is found out within 15 s, and what was typed arrives once', async ({
    platform,
  }) => {
    const gateway = platform.pid('gateway');
    // The screen is clear before anything is typed that must be seen on it.
    await work.shell('echo cleared-$((1+1))', /^cleared-2$/m);
    // Nor before the program waits for it: what the shell has not read by then is not shown by the terminal either.
    await work.type(1, 'echo waiting-$((1+1)); cat > typed.txt\n');
    await work.expectOnScreen(1, /^waiting-2$/m);
    process.kill(gateway, 'SIGSTOP');
    try {
      await page.keyboard.type('typed to nobody');
      await expect(page.getByTestId('banner-offline')).toContainText('Nothing is lost', { timeout: 15_000 });
      // What is typed in the first moments after a loss still counts; then typing is refused.
      await expect(work.terminal(1).locator('.xterm-helper-textarea')).toHaveAttribute('readonly');
      await page.keyboard.type(', and refused');
    } finally {
      process.kill(gateway, 'SIGCONT');
    }
    await expect(page.getByTestId('banner-offline')).toHaveCount(0, { timeout: 60_000 });
    await work.expectOnScreen(1, /^typed to nobody$/m);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+D');
    await work.shell('cat typed.txt; rm typed.txt; echo read-$((1+1))', /^typed to nobody\nread-2$/m);
  });

  test('the clock’s panel tells each event in words, with the reason that was given, and what was searched for and read is there after a pause', async ({
    platform,
  }) => {
    const find = page.getByLabel('Find in the terminal');
    await work.shell("seq -f line-%g 500; echo count'ed'", /^counted$/m);
    await page.keyboard.press('Control+Shift+F');
    await find.fill('line-123');
    await work.expectOnScreen(1, /^line-123$/m);
    await expect(work.terminal(1).locator('.xterm-selection > div')).not.toHaveCount(0);
    const read = await work.screen(1);
    await page.getByTestId('tab-search').click();
    await page.getByTestId('search-query').fill('def describe');
    await page.getByTestId('search-replacement').fill('def tell');
    await page.getByTestId('pause').click();
    await page.getByTestId('pause-reason').selectOption('other');
    await page.getByLabel('Note (optional)').fill('a fire drill');
    await page.getByTestId('pause-confirm').click();
    await expect(page.getByTestId('resume')).toBeVisible();
    await expect(page.locator('.xterm, input, [role=tab]')).toHaveCount(0);
    // Nor what a machine uses that may be given back by then.
    await expect(page.getByTestId('resources')).toHaveCount(0);
    await page.getByTestId('resume').click();
    await expect(find).toHaveValue('line-123');
    // The word was marked until its screen was drawn anew.
    await expect(work.terminal(1).locator('.xterm-selection > div')).toHaveCount(0);
    await expect.poll(() => work.screen(1)).toBe(read);
    await find.press('Escape');
    await page.getByTestId('tab-search').click();
    await expect(page.getByTestId('search-query')).toHaveValue('def describe');
    await expect(page.getByTestId('search-replacement')).toHaveValue('def tell');
    await expect(page.getByTestId('search-match').first()).toBeVisible();
    await page.getByTestId('tab-files').click();
    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    await appendClockEvent(db, attemptId, { kind: 'adjusted', creditMs: 2 * MINUTE_MS, reason: 'the drill was ours' }, { by: null });
    await db.close();
    await page.getByTestId('tab-clock').click();
    const panel = page.getByTestId('clock-panel');
    await expect(panel).toContainText('2 min given back: the drill was ours.');
    for (const words of ['The clock started.', 'Paused for another reason: a fire drill.', 'Resumed.'])
      await expect(panel).toContainText(words);
  });

  test('the clock warns when little time is left, as it falls due or is taken at once, and later where no page was there', async ({
    platform,
  }) => {
    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    const leave = async (remainingMs: number) => {
      const creditMs = remainingMs - (await work.clockMs());
      await appendClockEvent(db, attemptId, { kind: 'adjusted', creditMs, reason: 'to see a warning' }, { by: null });
    };
    const before = await work.clockMs();
    await leave(60 * MINUTE_MS + 2_000);
    await expect(page.getByText('60 minutes are left.', { exact: true })).toBeVisible();

    await leave(14 * MINUTE_MS);
    await expect(page.getByText('14 minutes are left.', { exact: true })).toBeVisible();
    const leftMs = await work.clockMs();
    await page.goto('/');
    await appendClockEvent(
      db,
      attemptId,
      { kind: 'adjusted', creditMs: 4 * MINUTE_MS - leftMs, reason: 'while no page is there' },
      { by: null },
    );
    await page.goto(`/attempts/${attemptId}/work`);
    await expect(page.getByText('4 minutes are left.', { exact: true })).toBeVisible();
    await leave(before);
    await db.close();
  });

  test('the use of an AI tool is noted as such, a problem is reported, and the staff’s answer arrives', async ({ browser, platform }) => {
    await page.getByTestId('tab-notes').click();
    await page.getByTestId('note-kind').selectOption('ai_use');
    await page.getByTestId('note-text').fill('Asked a chat model about prefix sums; took nothing.');
    await page.getByTestId('note-send').click();
    await expect(page.getByTestId('note')).toHaveAttribute('data-kind', 'ai_use');
    await expect(page.getByTestId('note')).toContainText(/^0:\d\d:\d\d/);
    await page.getByTestId('tab-help').click();
    await page.getByTestId('report-text').fill('pip cannot reach its index.');
    await page.getByTestId('report-send').click();
    await expect(page.getByTestId('message').first()).toContainText('pip cannot reach its index.');
    await page.getByTestId('tab-score').click();
    const staff = await (await browser.newContext({ baseURL: platform.baseUrl })).newPage();
    await new People(staff).signIn('admin@demo.plumbline.local', platform.demoPassword);
    await staff.goto(`/attempts/${attemptId}/watch`);
    await staff.getByRole('tab', { name: 'Notes' }).click();
    await expect(staff.getByTestId('replay-words').filter({ hasText: 'pip cannot reach its index.' })).toBeVisible();
    await staff.getByTestId('message-text').fill('There is none here, on purpose.');
    await staff.getByTestId('message-send').click();
    await expect(page.getByTestId('unread')).toContainText('1');
    await page.getByTestId('tab-help').click();
    await expect(page.getByTestId('message').first()).toContainText('There is none here, on purpose.');
    await page.reload();
    // The panel that was in front of its group still is.
    await expect(page.getByTestId('message')).toHaveCount(3);
    await staff.context().close();
  });

  test('a score says what it is doing and how long it may take, is cancelled, fails with advice, and where it is hidden is said to be recorded', async ({
    platform,
  }) => {
    const top = page.getByTestId('score-row').first();
    const solution = (source: string) => work.shell(`echo '${source}' > solution/textstats.py; echo written-$((1+1))`, /^written-2$/m);
    await work.shell('cp solution/textstats.py /tmp/kept; echo kept-$((1+1))', /^kept-2$/m);
    await work.score();
    await expect(top.getByTestId('score-message').getByRole('row', { name: /^words \d+ of \d+ right$/ })).toBeVisible();
    const charts = page.getByRole('img', { name: /over elapsed time, 2 scores$/ });
    await expect(charts).toHaveCount(2);
    for (const chart of await charts.all()) await expect(chart).toContainText(/start.*reference/);

    await solution('import time; time.sleep(50)');
    await page.getByTestId('score-run').click();
    await expect(page.getByTestId('score-step')).toContainText('The scorer runs');
    await expect(page.getByTestId('score-step')).toContainText('of at most 1 min');
    // A page that is opened meanwhile knows it too.
    await page.reload();
    await expect(page.getByTestId('score-step')).toContainText('The scorer runs');
    await expectAccessible(page, 'scoring', [], '[data-testid=score-step]');
    await page.getByTestId('score-cancel').click();
    await expect(top).toHaveAttribute('data-status', 'cancelled');
    await expect(top).toContainText('Cancelled');
    expect((await top.innerText()).match(/cancelled/gi)).toHaveLength(1);
    await expect(page.getByTestId('score-step')).toHaveCount(0);

    await solution('raise RuntimeError("on purpose")');
    await work.score();
    await expect(top).toContainText('on purpose');
    // A narrow panel cuts nothing of it off.
    expect(await top.getByTestId('score-message').evaluate((message) => message.scrollWidth - message.clientWidth)).toBeLessThanOrEqual(0);
    await expect(top).toContainText('Look at the message, repair the submission and score again.');

    await work.shell('cp /tmp/kept solution/textstats.py; echo back-$((1+1))', /^back-2$/m);

    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    const scores = page.getByRole('list', { name: 'Scores' });
    const show = async (scoreVisible: boolean | null) => {
      await page.getByTestId('tab-clock').click();
      const panel = page.getByTestId('clock-panel');
      await expect(panel).toContainText('The clock started.');
      await db.prisma.assignment.updateMany({ where: { attempt: { id: attemptId } }, data: { scoreVisible } });
      // The gateway reads an attempt again when its clock changes, and then tells the page, whose panel reads on.
      await appendClockEvent(db, attemptId, { kind: 'adjusted', creditMs: 1, reason: `scores are shown: ${scoreVisible}` }, { by: null });
      await expect(panel).toContainText(`scores are shown: ${scoreVisible}`);
      await page.getByTestId('tab-score').click();
      await page.reload();
    };
    await show(false);
    await expect(scores).toContainText('recorded, not shown');
    await expect(scores).not.toContainText(/0\.\d/);
    await expect(page.getByText('In this environment scores are recorded, not shown.')).toBeVisible();
    await expect(page.getByRole('img', { name: /over elapsed time/ })).toHaveCount(0);

    await show(null);
    await expect(scores).toContainText(/0\.\d+\s*\(\d/);
    await db.close();
  });

  test('processors, memory and disk are shown as they are used, and were in the last minutes', async () => {
    await expect(page.getByTestId('meter-memory')).toContainText(/iB/, { timeout: 30_000 });
    await expect(page.getByTestId('meter-disk')).toContainText(/iB/);
    await expect(page.getByTestId('meter-cpu')).toContainText('%', { timeout: 30_000 });
    await page.getByTestId('tab-resources').click();
    const course = page.getByTestId('resource-course');
    await expect(course.filter({ hasText: 'Memory in use' })).toContainText(/iB/);
    await expect(course.filter({ hasText: 'Processors' }).locator('polyline')).toHaveAttribute('points', /,.* /, { timeout: 30_000 });
    await expectAccessible(page, 'resources', [], '[data-testid=resources-panel]');
    await page.getByTestId('tab-files').click();
    // Nothing that another test keeps must be overwritten by it.
    await untilKept(page);
  });

  test('who practises for the first time is shown around, by keys alone, and not a second time', async ({ platform }) => {
    const me = await Session.signIn(platform.baseUrl, account.email, account.password);
    await me.mutate('self.keepWorkspacePreferences', { ...TOUR_SEEN, tourSeen: false });
    // A tab of its own, which has no file open yet.
    const visit = await context.newPage();
    await visit.goto(`/attempts/${attemptId}/work`);
    const tour = visit.getByTestId('tour');
    await expect(tour).toContainText('The task');
    await expectAccessible(visit, 'tour', [], '[data-testid=tour]');
    // Who goes on without it, to another panel, is not in its way there.
    await visit.getByTestId('tab-score').click();
    await visit.getByRole('button', { name: 'Score now' }).click({ trial: true });
    await visit.getByTestId('tour-next').focus();
    for (const title of ['Your files', 'The editor', 'Terminals', 'Scores', 'The clock', 'Notes and help', 'Everything else']) {
      await visit.keyboard.press('Enter');
      await expect(tour).toContainText(title);
    }
    await visit.keyboard.press('Enter');
    await expect(tour).toHaveCount(0);
    await visit.reload();
    await expect(new WorkspacePage(visit).terminal(1)).toBeVisible();
    await expect(tour).toHaveCount(0);
    await visit.close();
  });
});
