import type { Page, Route } from '@playwright/test';
import { createDatabase } from '@plumbline/database';
import { expectAccessible } from '../support/accessibility.ts';
import { expertWith } from '../support/accounts.ts';
import { agreeOnPage } from '../support/agreement.ts';
import { until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import type { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;
/** A hibernation is put away, and brought back, within this time on a busy machine. */
const MACHINE_MS = 90_000;

test.describe.configure({ mode: 'serial' });

test.describe('machines, from the queue to a night’s hibernation', () => {
  let expert: Page;
  let participant: string;
  let session: Session;
  let staff: Page;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const { account, ...signedIn } = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    participant = account.name;
    session = signedIn.session;
    const open = async () => (await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } })).newPage();
    expert = await open();
    await new People(expert).signIn(account.email, account.password);
    staff = await open();
    await new People(staff).signIn('admin@demo.plumbline.local', platform.demoPassword);
  });

  /** What the expert holds of this machine; others' attempts may run on it too. */
  const held = () => staff.getByRole('region', { name: 'Attempts on here' }).getByRole('row').filter({ hasText: participant });

  test.afterAll(async () => {
    await expert?.context().close();
    await staff?.context().close();
  });

  test('while no machine takes attempts the expert waits in the queue, is told why, and may leave it', async () => {
    await staff.goto('/hosts');
    const here = staff.getByRole('region', { name: 'Host here' });
    await here.getByRole('button', { name: 'Drain' }).click();
    await expect(here.getByText('Drained')).toBeVisible();

    await expert.goto('/');
    // Files that are given before the setup is there.
    let load = () => {};
    const isLoaded = new Promise<void>((resolve) => {
      load = resolve;
    });
    await expert.route(/setup\.get/, (route) => isLoaded.then(() => route.continue()));
    await expert.getByRole('listitem').filter({ hasText: PRACTICE }).getByRole('button', { name: 'Get ready' }).click();
    const setup = expert.getByTestId('setup');
    await expert.getByTestId('dotfiles').setInputFiles({ name: '.vimrc', mimeType: 'text/plain', buffer: Buffer.from('set number\n') });
    await expect(setup).toContainText('Not taken; what you had is as it was.');
    await expect(setup).toContainText('Give these files again in a moment');
    load();
    await expect(setup.getByText('No dotfiles yet')).toBeVisible();

    await agreeOnPage(expert);
    await expert.getByRole('button', { name: 'Prepare the sandbox' }).click();
    await expect(expert.getByText(/^Waiting for a machine: no such machine/)).toBeVisible();
    // Two changes in a hurry: the second is made while the first is still on its way, and both are kept.
    let letGo = () => {};
    const bothAreMade = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const late = (route: Route) => bothAreMade.then(() => route.continue());
    await expert.route('**/api/trpc/setup.save*', late, { times: 1 });
    await setup.getByLabel('Keymap of the editor').selectOption('Vim');
    await setup.getByRole('button', { name: 'Paste one' }).click();
    await expert.getByLabel('Path in your home folder').fill('.tmux.conf');
    await expert.getByLabel('Text').fill('set -g mouse on');
    await expert.getByRole('button', { name: 'Keep it' }).click();
    letGo();
    const areBothThere = async () => {
      await expect(setup.getByRole('listitem').filter({ hasText: '.tmux.conf' })).toBeVisible();
      await expect(setup.getByLabel('Keymap of the editor')).toHaveValue('vim');
    };
    await areBothThere();
    await expert.reload();
    await areBothThere();
    await expectAccessible(expert, 'lobby, in the queue');
    await expect(staff.getByRole('region', { name: 'Attempts that wait for a machine' })).toContainText('Waiting for a machine');
    await expert.getByRole('button', { name: 'Leave the queue' }).click();
    await expect(expert.getByRole('button', { name: 'Prepare the sandbox' })).toBeVisible();
    await expect(staff.getByText('Nobody waits for a machine.')).toBeVisible();

    await expert.getByRole('button', { name: 'Prepare the sandbox' }).click();
    await expect(expert.getByText(/^Waiting for a machine/)).toBeVisible();
    await here.getByRole('button', { name: 'Take attempts again' }).click();
    await expect(expert.getByRole('button', { name: 'Start the clock' })).toBeVisible({ timeout: MACHINE_MS });
    await expect(held()).toContainText('Accepted');
    await expectAccessible(staff, 'hosts');
  });

  test('a hibernated attempt gives its machine back and is woken with its files', async ({ platform }) => {
    const work = new WorkspacePage(expert);
    await expert.getByRole('button', { name: 'Start the clock' }).click();
    await expert.getByRole('dialog').or(expert.getByRole('alertdialog')).getByRole('button', { name: 'Start the clock' }).click();
    await expect(work.terminal(1)).toBeVisible({ timeout: MACHINE_MS });
    await work.type(1, "truncate -s 60M weights.bin; echo kept-'over'-the-night > night.txt; sync\n");
    await expect(expert.getByTestId('explorer-item').filter({ hasText: /^night\.txt$/ })).toBeVisible();

    await expert.getByTestId('pause').click();
    await expert.getByTestId('pause-reason').selectOption('hibernate');
    await expect(expert.getByTestId('pause-booking')).toBeVisible();
    await expectAccessible(expert, 'pause dialog, hibernation');
    await expert.getByTestId('pause-confirm').click();
    const screen = expert.getByTestId('hibernated-screen');
    await expect(screen).toContainText('The machine was given back', { timeout: MACHINE_MS });
    await expect(screen).toContainText('weights.bin (too large)');
    await expectAccessible(expert, 'hibernated');
    await expect(held()).toHaveCount(0, { timeout: MACHINE_MS });

    // While its machine takes nobody the expert waits for it, or lets go what is in no copy.
    const here = staff.getByRole('region', { name: 'Host here' });
    await here.getByRole('button', { name: 'Drain' }).click();
    await expect(here.getByText('Drained')).toBeVisible();
    await expert.getByTestId('wake').click();
    await expect(screen).toContainText('no such machine takes attempts');
    await expect(screen.getByRole('button', { name: /^Go on elsewhere/ })).toHaveCount(0);
    // This installation has one host, so nothing is offered by itself.
    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    const choice = async () => (await db.prisma.lease.findFirst({ where: { state: 'queued' } }))?.elsewhere;
    await db.prisma.lease.updateMany({ where: { state: 'queued' }, data: { elsewhere: 'offered' } });
    await screen.getByRole('button', { name: /^Go on elsewhere/ }).click();
    await expectAccessible(expert, 'going on elsewhere');
    await expert.getByRole('alertdialog').getByRole('button', { name: 'Go on elsewhere' }).click();
    // The rest of the page has no roles while the dialog is open.
    await expect.poll(choice).toBe('chosen');
    await expect(screen.getByRole('button', { name: 'Resume the clock' })).toBeDisabled();
    await expect(screen.getByRole('button', { name: /^Go on elsewhere/ })).toHaveCount(0);
    await db.close();
    await here.getByRole('button', { name: 'Take attempts again' }).click();
    await expect(screen).toContainText('Your machine is back', { timeout: MACHINE_MS });
    await expert.getByTestId('resume').click();
    await expect(expert.getByTestId('explorer-item').filter({ hasText: /^night\.txt$/ })).toBeVisible({ timeout: MACHINE_MS });
    // Shells are new ones after a night, and so are their numbers.
    const shown = await expert.locator('[data-testid^="terminal-"]:has(.xterm-screen)').first().getAttribute('data-testid');
    const n = Number(shown?.replace('terminal-', ''));
    await work.type(n, 'cat night.txt .tmux.conf\n');
    await work.expectOnScreen(n, /kept-over-the-night\s+set -g mouse on/);
  });

  test('the editor has the keymap that was chosen before the clock', async () => {
    const work = new WorkspacePage(expert);
    await work.openFile('night.txt');
    const status = expert.getByTestId('vim-0');
    await expect(status).toContainText('NORMAL');
    await expert.getByTestId('editor').locator('.view-line').first().click();
    await expert.keyboard.type('yypOby vim');
    await expect(status).toContainText('INSERT');
    await expert.keyboard.press('Escape');
    await expert.keyboard.type(':w\n');
    await expect(expert.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
    await expect(expert.getByTestId('editor')).toContainText('by vim');
    const shown = await expert.locator('[data-testid^="terminal-"]:has(.xterm-screen)').first().getAttribute('data-testid');
    const n = Number(shown?.replace('terminal-', ''));
    const tab = expert.getByTestId('editor-tab').filter({ hasText: 'night.txt' });
    const vim = async (keys: string) => {
      await expert.getByTestId('editor').locator('.view-line').first().click();
      await expert.keyboard.type(keys);
    };
    await vim('Odropped');
    await expert.keyboard.press('Escape');
    await vim(':q\n');
    await expect(expert.getByRole('alertdialog')).toContainText('without saving');
    await expert.keyboard.press('Escape');
    await vim(':q!\n');
    await expect(tab).toHaveCount(0);
    await work.openFile('night.txt');
    await expect(expert.getByTestId('editor')).not.toContainText('dropped');
    await vim('Olast line');
    await expert.keyboard.press('Escape');
    await vim(':wq\n');
    await expect(tab).toHaveCount(0);
    await work.type(n, 'clear; head -n 1 night.txt\n');
    await work.expectOnScreen(n, /^last line$/m);
    await work.openFile('night.txt');
    await vim(':x\n');
    await expect(tab).toHaveCount(0);
    await staff.goto(expert.url().replace(/\/work$/, ''));
    await expect(staff.getByTestId('setup-of-attempt')).toContainText('Vim');
    await staff.getByTestId('setup-of-attempt').getByText('.tmux.conf').click();
    await expect(staff.getByTestId('setup-of-attempt')).toContainText('set -g mouse on');
    await expectAccessible(staff, 'an attempt with a setup');
  });

  test('a score that the platform could not take is taken again from the page of staff, on a machine anew', async ({ platform }) => {
    const attemptId = new URL(staff.url()).pathname.split('/').at(-1) as string;
    const tab = new Tab(session, attemptId);
    await tab.open();
    await tab.request('submit', { confirm: true });
    tab.end();
    const isComplete = async () => (await session.query<{ state: string }>('attempt.progress', { attemptId })).state === 'completed';
    await until('the end of the attempt', isComplete, MACHINE_MS);
    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    const cancelled = await db.prisma.score.updateMany({
      where: { attemptId, trigger: 'final' },
      data: { status: 'cancelled', score: null, message: { error: 'The disk was full.' } },
    });
    await db.close();
    expect(cancelled.count).toBe(1);
    await staff.reload();
    const missing = staff.getByText('The final state could not be scored. The disk was full.');
    await expect(missing).toBeVisible();
    await staff.getByRole('button', { name: 'Score again' }).click();
    const asked = staff.getByRole('alertdialog');
    await expect(asked).toContainText('its recording is signed anew afterwards');
    await expectAccessible(staff, 'score again');
    await asked.getByRole('button', { name: 'Score again' }).click();
    await expect(staff.getByText('This attempt is being finished.')).toBeVisible();
    await until('the attempt’s second end', isComplete, MACHINE_MS);
    await staff.reload();
    await expect(staff.getByRole('button', { name: 'Replay' }).or(staff.getByRole('link', { name: 'Replay' }))).toBeVisible();
    await expect(missing).toHaveCount(0);
  });

  test('an expert withdraws from the page on which the attempt begins', async ({ browser, platform, signIn }) => {
    const other = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    const [assignment] = await other.session.query<{ assignmentId: string }[]>('assignment.mine');
    const { attemptId } = await other.session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assignment?.assignmentId });
    const page = await (await browser.newContext({ baseURL: platform.baseUrl })).newPage();
    await new People(page).signIn(other.account.email, other.account.password);
    await page.goto(`/attempts/${attemptId}`);
    await page.getByRole('button', { name: 'Withdraw' }).click();
    await expectAccessible(page, 'withdrawing');
    await page
      .getByRole('alertdialog')
      .getByLabel(/^Reason/)
      .fill('I have no time.');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Withdraw' }).click();
    await expect(page.getByText('You withdrew from this attempt.')).toBeVisible();
    await page.context().close();
  });
});
