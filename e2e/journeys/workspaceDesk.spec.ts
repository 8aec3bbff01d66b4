import type { BrowserContext, Locator, Page, WebSocketRoute } from '@playwright/test';
import { appendClockEvent, createDatabase } from '@plumbline/database';
import { expectAccessible } from '../support/accessibility.ts';
import type { Account } from '../support/accounts.ts';
import { expect, test } from '../support/fixtures.ts';
import { Session } from '../support/session.ts';
import { openWorkspace } from '../support/workspace.ts';
import { People, TOUR_SEEN, WorkspacePage } from '../support/workspacePage.ts';

/** Of a load with a layout that was kept: below what anybody sees. */
const LAYOUT_SHIFT_MAX = 0.02;
const MINUTE_MS = 60_000;

test.describe.configure({ mode: 'serial' });

test.describe('the desk: panels, terminals, tabs of a browser and words with the staff', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;
  let account: Account;
  /** The text of the pane that has the focus. */
  const editor = (): Locator => page.locator('[data-testid^=editor-pane-][data-focused=true] .view-lines');

  const command = async (id: string) => {
    await page.getByTestId('commands').click();
    await page.getByTestId(`command-${id}`).click();
  };

  test.beforeAll(async ({ browser, platform, signIn }) => {
    ({ context, page, work, attemptId, account } = await openWorkspace(browser, platform, await signIn('admin')));
    await work.shell('mkdir lib; echo "value = new_name + 1" > lib/part1.py; echo made-$((1+1))', /^made-2$/m);
    await page.getByTestId('explorer-refresh').click();
    await work.openFile('solution', 'textstats.py');
    await work.openFile('lib', 'part1.py');
  });

  test.afterAll(() => context?.close());

  test('a terminal takes a name, and a link of the sandbox is followed only after a question', async () => {
    await page.getByTestId('terminal-tab-1').dblclick();
    await page.getByTestId('name-field').fill('training');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    await work.type(1, 'clear; echo https://example.org/page\n');
    await work.expectOnScreen(1, /^https:\/\/example\.org\/page$/m);
    await work.followLink(1, /^https/);
    await expect(page.getByTestId('link-address')).toHaveText('https://example.org/page');
    await page.keyboard.press('Escape');
    expect(context.pages()).toHaveLength(1);
  });

  test('the palette has what the editor can do as well, and F1 opens it, which in a terminal is a key of programs', async () => {
    const palette = page.getByPlaceholder('What would you like to do?');
    await work.terminal(1).locator('.xterm-screen').click();
    await page.keyboard.press('F1');
    await expect(palette).toHaveCount(0);
    await editor().click();
    await page.keyboard.press('F1');
    await expect(palette).toBeFocused();
    await page.keyboard.type('Go to Line');
    await page.keyboard.press('Enter');
    const line = page.locator('.quick-input-widget input');
    await expect(line).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(line).toBeHidden();
    // Whoever goes away from it is back where they were.
    await editor().click();
    await page.keyboard.press('F1');
    await expect(palette).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('editor').locator('.monaco-editor.focused')).toBeVisible();
  });

  test('panels are hidden, moved by command and by drag, and the person finds them there in any browser', async ({ browser, platform }) => {
    const place = async (on: Page, panel: string) => (await on.getByTestId(`tab-${panel}`).boundingBox()) ?? { x: 0, y: 0 };
    const explorer = page.getByTestId('explorer-tree');
    await page.getByTestId('tab-files').focus();
    await page.keyboard.press('Control+B');
    await expect(explorer).not.toBeInViewport();
    await page.keyboard.press('Control+B');
    await expect(explorer).toBeInViewport();
    const sideBySide = async () => (await place(page, 'terminals')).x > (await place(page, 'editor')).x;
    expect(await sideBySide()).toBe(false);
    await command('terminals-beside');
    await expect.poll(sideBySide).toBe(true);

    const drag = async (panel: string, to: { x: number; y: number }) => {
      await page.getByTestId(`tab-${panel}`).hover();
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 8 });
      await expect(page.locator('[data-drop-indicator]')).toHaveCSS('opacity', '1');
    };
    await page.getByTestId('tab-notes').click();
    await page.getByTestId('note-text').fill('Half a thought');
    const bottom = { x: 700, y: 897 };
    await drag('notes', bottom);
    await page.keyboard.press('Escape');
    await page.mouse.up();
    expect((await place(page, 'notes')).y).toBe((await place(page, 'score')).y);
    await drag('notes', bottom);
    await page.mouse.up();
    await expect.poll(async () => (await place(page, 'notes')).y).toBeGreaterThan((await place(page, 'score')).y + 100);
    await page.getByTestId('note-kind').selectOption('ai_use');
    await expect(page.getByTestId('note-text')).toHaveValue('Half a thought');
    await expectAccessible(page, 'docked elsewhere', [], '[data-tabset]:has([data-testid=tab-notes])');

    await page.reload();
    await expect(work.terminal(1)).toBeVisible();
    await expect(editor()).toContainText('new_name');
    expect(await work.layoutShift()).toBeLessThan(LAYOUT_SHIFT_MAX);
    expect(await sideBySide()).toBe(true);
    await expect(page.getByTestId('terminal-tab-1')).toHaveText('training');
    await expect(page.getByTestId('note-text')).toHaveValue('Half a thought');
    await expect(page.getByTestId('note-kind')).toHaveValue('ai_use');
    await page.getByTestId('note-text').fill('');
    const elsewhere = await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } });
    const other = await elsewhere.newPage();
    await new People(other).signIn(account.email, account.password);
    await other.goto(`/attempts/${attemptId}/work`);
    await expect(new WorkspacePage(other).terminal(1)).toBeVisible();
    for (const panel of ['notes', 'terminals', 'score']) expect(await place(other, panel)).toEqual(await place(page, panel));
    await elsewhere.close();

    await command('reset-layout');
    await expect.poll(sideBySide).toBe(false);
  });

  test('tabs are dragged: files in their row and to the edge of a pane, terminals beside each other', async () => {
    const paths = () => page.getByTestId('editor-tab').evaluateAll((tabs) => tabs.map((tab) => tab.getAttribute('data-path')));
    const drag = async (from: Locator, onto: Locator, share: number) => {
      await from.hover();
      await page.mouse.down();
      const { x = 0, y = 0, width = 0, height = 0 } = (await onto.boundingBox()) ?? {};
      await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 4 });
      // The places to drop appear once the drag has begun.
      await expect(page.getByTestId('pane-drop').first()).toBeVisible();
      await page.mouse.move(x + width * share, y + height / 2, { steps: 4 });
    };
    const [first, second] = [page.getByTestId('editor-tab').first(), page.getByTestId('editor-tab').nth(1)];
    const before = await paths();
    await drag(second, first, 0.5);
    await page.mouse.up();
    await expect.poll(paths).toEqual([before[1], before[0], ...before.slice(2)]);
    await command('tab-left');

    const panes = page.locator('[data-testid^=editor-pane-]');
    const count = await panes.count();
    await drag(first, panes.first(), 0.05);
    await expect(page.getByTestId('pane-drop')).toHaveCount(count);
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await expect(page.getByTestId('pane-drop')).toHaveCount(0);
    await expect(panes).toHaveCount(count);
    await drag(first, panes.first(), 0.05);
    await page.mouse.up();
    await expect(panes).toHaveCount(count + 1);
    await expect(panes.first()).toContainText((await paths())[0] ?? '');
    await page
      .getByRole('button', { name: /^Close the pane of/ })
      .first()
      .click();

    await page.getByTestId('terminal-new').click();
    await expect(work.terminal(2)).toBeVisible();
    await drag(page.getByTestId('terminal-tab-1'), work.terminal(2), 0.95);
    await page.mouse.up();
    await expect(work.terminal(1)).toBeVisible();
    const leftOf = async (terminal: number) => (await work.terminal(terminal).boundingBox())?.x ?? 0;
    await expect.poll(async () => (await leftOf(1)) - (await leftOf(2))).toBeGreaterThan(100);
    // Shells alone are no reason to ask, nor anything that a pause would freeze.
    await page.getByRole('button', { name: 'Close Terminal 2' }).click();
    await expect(work.terminal(2)).toHaveCount(0);
    await page.getByTestId('pause').click();
    await expect(page.getByTestId('pause-dialog')).toContainText('Nothing of yours runs but the shells of your terminals.');
    await page.keyboard.press('Escape');
  });

  test('a page whose link is dead says so until it is back, and then what the staff wrote meanwhile; it warns before memory runs out, and when terminals are read slowly', async ({
    signIn,
  }) => {
    const admin = await signIn('admin');
    let link: WebSocketRoute | null = null;
    let isDead = false;
    let memoryIsShort = false;
    const away = await context.newPage();
    await away.routeWebSocket(/realtime\/attempt/, (socket) => {
      link = socket;
      // It opens, and nobody ever answers.
      if (isDead) return;
      socket.connectToServer().onMessage((data) => {
        const message = typeof data === 'string' ? JSON.parse(data) : {};
        if (message.t !== 'resources' || !memoryIsShort) return socket.send(data);
        socket.send(JSON.stringify({ ...message, sample: { ...message.sample, memoryBytes: 95, memoryLimitBytes: 100 } }));
      });
    });
    const lose = (dead: boolean) => {
      isDead = dead;
      return link?.close({ code: 1012 });
    };
    const tell = (message: object) => link?.send(JSON.stringify(message));
    await away.goto(`/attempts/${attemptId}/work`);
    await expect(new WorkspacePage(away).terminal(1)).toBeVisible();
    memoryIsShort = true;
    await expect(away.getByText('The sandbox’s memory is nearly full.')).toBeVisible();
    await expect(away.getByTestId('meter-memory')).toHaveAttribute('data-short', 'true');

    // The longest of the banners has room beside the meters on a small screen, and can be put away.
    await away.setViewportSize({ width: 1280, height: 720 });
    tell({ t: 'outputLimited' });
    const limited = away.getByTestId('banner-output');
    const isWhole = () => limited.locator('span').evaluate((words) => words.scrollHeight <= words.clientHeight);
    await expect.poll(isWhole).toBe(true);
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

  test('a page reads again what could not be read, and one that is older than the server is told to reload when it suits, or at once where it must, and loses no text', async ({
    platform,
  }) => {
    let change = (_: { fromServer: boolean; text: string }): string => _.text;
    let cut: () => Promise<void> = async () => {};
    let notesFail = true;
    const old = await context.newPage();
    await old.routeWebSocket(/realtime\/attempt/, (socket) => {
      const server = socket.connectToServer();
      const pass = (message: string | Buffer, fromServer: boolean) =>
        typeof message === 'string' ? change({ fromServer, text: message }) : message;
      server.onMessage((message) => socket.send(pass(message, true)));
      socket.onMessage((message) => {
        const id = /"id":"([^"]+)","act":"notes"/.exec(String(message))?.[1];
        if (notesFail && id) socket.send(JSON.stringify({ t: 'reply', id, error: { code: 'rate_limited', message: 'Later.' } }));
        else server.send(pass(message, false));
      });
      cut = () => socket.close({ code: 1012 });
    });
    await old.goto(`/attempts/${attemptId}/work`);
    const oldWork = new WorkspacePage(old);
    await expect(oldWork.terminal(1)).toBeVisible();
    await old.getByTestId('tab-notes').click();
    await expect(old.getByText('The notes could not be read.')).toBeVisible();
    notesFail = false;
    await old.getByTestId('read-again').click();
    await expect(old.getByText('No notes yet')).toBeVisible();
    await oldWork.openFile('lib', 'part1.py');
    await expect(old.getByTestId('edited-elsewhere')).toBeVisible();
    await old.getByTestId('edit-here').click();
    await old.getByTestId('editor').locator('.view-lines').click();
    await old.keyboard.press('Control+End');
    await old.keyboard.type('# not saved yet');
    await expect(old.getByTestId('save-state')).toHaveText('Unsaved');
    await expect(old.getByTestId('upgraded')).toHaveCount(0);

    change = ({ fromServer, text }) => (fromServer ? text.replace(/("t":"welcome".*?"version":")[^"]*/, '$1later') : text);
    await cut();
    await expect(old.getByTestId('upgraded')).toBeVisible();
    await oldWork.type(1, "clear; echo goes-'on'\n");
    await oldWork.expectOnScreen(1, /^goes-on$/m);
    await old.getByTestId('note-text').fill('Half a note');
    old.on('dialog', (dialog) => void dialog.accept());
    await old.getByTestId('upgraded').click();
    await expect(old.getByTestId('note-text')).toHaveValue('Half a note');
    await expect(old.getByText(/^Unsaved text of yours/)).toBeVisible();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await expect(old.getByTestId('upgraded')).toHaveCount(0);

    change = ({ fromServer, text }) => (fromServer ? text : text.replace(/("t":"hello".*?"protocol":)\d+/, '$199999'));
    await cut();
    await expect(old.getByTestId('closed-screen')).toContainText('Plumbline was upgraded. Reload the page');
    change = ({ text }) => text;
    await old.getByRole('button', { name: 'Reload' }).click();
    await expect(old.getByTestId('editor')).toContainText('# not saved yet');
    await expect(editor()).toContainText('# not saved yet');
    // The next test begins with what it left unsaved, and a gateway that knows nothing of it.
    platform.kill('gateway');
    await old.close({ runBeforeUnload: false });
  });

  test('of two tabs one edits a file and the other shows its text, under each name that it is given, which is left to it when the first is gone, even with the gateway', async () => {
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0, { timeout: 60_000 });
    await expect(page.getByTestId('recovered')).toBeVisible();
    await expect(editor()).toContainText('# not saved yet');
    await expect(page.getByTestId('save-state')).toHaveText('Unsaved');

    const other = await context.newPage();
    const otherWork = new WorkspacePage(other);
    await other.goto(`/attempts/${attemptId}/work`);
    await otherWork.openFile('lib', 'part1.py');
    const otherText = other.getByTestId('editor').locator('.view-lines');
    await expect(other.getByTestId('edited-elsewhere')).toBeVisible();
    await expect(otherText).toContainText('# not saved yet');
    await expectAccessible(other, 'edited in another tab', [], '[data-testid=edited-elsewhere]');
    await otherText.click();
    await other.keyboard.type('never');
    await page.bringToFront();
    await editor().click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type(', but seen');
    await expect(otherText).toContainText('# not saved yet, but seen');
    await expect(otherText).not.toContainText('never');

    await other.bringToFront();
    await other.getByTestId('edit-here').click();
    await otherText.click();
    await other.keyboard.press('Control+End');
    await other.keyboard.type(' and saved');
    await expect(page.getByTestId('edited-elsewhere')).toBeVisible();
    await expect(editor()).toContainText('# not saved yet, but seen and saved');
    await other.keyboard.press('Control+S');
    await expect(other.getByTestId('save-state')).toHaveText('Saved');

    const isOpenAs = async (path: string) => {
      for (const tab of [page, other])
        await expect(tab.locator(`[data-testid=editor-tab][data-path="${path}"]`)).toBeVisible({ timeout: 30_000 });
      await expect(page.getByTestId('edited-elsewhere')).toBeVisible();
      await expect(other.getByTestId('save-state')).toHaveText('Saved');
    };
    await page.bringToFront();
    await work.shell('mv lib/part1.py lib/moved.py; echo moved-$((1+1))', /^moved-2$/m);
    await isOpenAs('lib/moved.py');
    await other.bringToFront();
    await other.locator('[data-testid=explorer-item][data-path="lib/moved.py"]').click();
    await other.getByTestId('explorer-tree').press('F2');
    await other.getByTestId('name-field').fill('part1.py');
    await other.keyboard.press('Enter');
    await isOpenAs('lib/part1.py');

    await other.getByRole('button', { name: 'Close lib/part1.py' }).click();
    await expect(page.getByTestId('edited-elsewhere')).toHaveCount(0);
    await other.close({ runBeforeUnload: false });
    await page.bringToFront();
    await work.shell('tail -n 1 lib/part1.py; echo', /^# not saved yet, but seen and saved$/m);
    await expect(page.getByTestId('save-state')).toHaveText('Saved');
  });

  test('the clock’s panel tells each event in words', async () => {
    await page.getByTestId('tab-clock').click();
    await expect(page.getByTestId('clock-panel')).toContainText('The clock started.');
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
    await expect(top).toContainText('Look at the message, repair the submission and score again.');

    await work.shell('cp /tmp/kept solution/textstats.py; echo back-$((1+1))', /^back-2$/m);

    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    const scores = page.getByRole('list', { name: 'Scores' });
    const show = async (scoreVisible: boolean | null) => {
      await db.prisma.assignment.updateMany({ where: { attempt: { id: attemptId } }, data: { scoreVisible } });
      // The gateway reads an attempt again when its clock changes.
      await appendClockEvent(db, attemptId, { kind: 'adjusted', creditMs: 1, reason: 'what is shown has changed' }, { by: null });
      await page.reload();
    };
    await show(false);
    await expect(scores).toContainText('recorded, not shown');
    await expect(scores).not.toContainText(/0\.\d/);
    await expect(page.getByText('In this environment scores are recorded, not shown.')).toBeVisible();

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
    // The layout is kept a little later: nothing that another test keeps must be overwritten by it.
    const kept = page.waitForResponse(/keepWorkspacePreferences/);
    await page.getByTestId('tab-files').click();
    await kept;
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

  test('in a browser that keeps nothing the workspace works, and says once what that means', async () => {
    const full = await context.newPage();
    await full.addInitScript(() => {
      const refuse = () => {
        throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
      };
      Storage.prototype.setItem = refuse;
      IDBObjectStore.prototype.put = refuse;
    });
    await full.goto(`/attempts/${attemptId}/work`);
    const fullWork = new WorkspacePage(full);
    await fullWork.type(1, "clear; echo still-'here'\n");
    await fullWork.expectOnScreen(1, /^still-here$/m);
    await full.getByTestId('tab-notes').click();
    await full.getByTestId('note-text').fill('Half a note');
    await full.getByTestId('tab-score').click();
    await full.getByTestId('tab-notes').click();
    await expect(full.getByTestId('note-text')).toHaveValue('Half a note');
    await expect(full.getByText(/storage is full or switched off/)).toHaveCount(1);
    await full.close({ runBeforeUnload: false });
  });

  test('the workspace can be installed, and closing its page asks first', async () => {
    const manifest = await page.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]');
      return (await fetch(link?.href ?? '')).json() as Promise<{ display: string; icons: { src: string }[] }>;
    });
    expect(manifest.display).toBe('standalone');
    for (const { src } of manifest.icons) expect((await page.request.get(src)).ok()).toBe(true);
    const asksFirst = () =>
      page.evaluate(() => {
        const event = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(event);
        return event.defaultPrevented;
      });
    expect(await asksFirst()).toBe(true);
  });
});
