import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from '@playwright/test';
import { BASE_IMAGE, TestEngine } from '@plumbline/sandbox/isolation/docker/engine.fixture';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { agreeOnPage } from '../support/agreement.ts';
import { test as base, expect } from '../support/fixtures.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

/** An installation of its own whose sandboxes are containers of an engine of its own. */
const test = base.extend<object, { engine: TestEngine }>({
  engine: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern.
    async ({}, use) => {
      const engine = await TestEngine.start();
      await use(engine);
      await engine.stop();
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  platform: [
    async ({ engine }, use) => {
      const platform = await PlatformUnderTest.start({
        PLUMBLINE_ISOLATION: 'docker',
        PLUMBLINE_DOCKER_BASE_IMAGE: BASE_IMAGE,
        PLUMBLINE_DOCKER_SOCKET: engine.socketPath,
        PLUMBLINE_WORKSPACE_RETENTION_DAYS: '0',
      });
      await use(platform);
      await platform.stop();
    },
    { scope: 'worker', timeout: 300_000 },
  ],
});

/** Still while this long is more than the time between two of its counts. */
const STILL_MS = 2_000;
// One file that stays open, and no buffer: Python closes a file that nothing holds with all errors passed over, and an interrupt that comes
// while it writes what is left is one of them.
const LOOP = `[(f.seek(0), f.write(b'%d' % n)) for n in itertools.count() if n % 100000 == 0]`;
const SPIN = `python3 -c "import itertools; f = open('spin', 'wb', 0); ${LOOP}"\n`;

test.skip(isAbsent('an attempt in containers', notRoot()), 'an engine of its own is started by root alone');
test.describe.configure({ mode: 'serial' });

test.describe('an attempt in containers', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;

  test.beforeAll(async ({ browser, platform }) => {
    context = await browser.newContext({
      baseURL: platform.baseUrl,
      viewport: { width: 1440, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    page = await context.newPage();
    await new People(page).signIn('expert@demo.plumbline.local', platform.demoPassword);
    work = new WorkspacePage(page);
  });

  test.afterAll(() => context?.close());

  test('the expert prepares a sandbox, which is three containers, and starts the clock', async ({ engine }) => {
    await page.goto('/');
    await page.getByRole('listitem').filter({ hasText: 'Practice' }).getByRole('button', { name: 'Get ready' }).click();
    const setup = page.getByTestId('setup');
    await expect(setup.getByLabel('Keymap of the editor')).toBeVisible();
    const bashrc = { name: 'bashrc', mimeType: 'text/plain', buffer: Buffer.from("alias greet='echo hello-$((40+2))'\n") };
    await page.getByTestId('dotfiles').setInputFiles(bashrc);
    await expect(setup.getByRole('listitem').filter({ hasText: '.bashrc' })).toBeVisible();
    await agreeOnPage(page);
    await page.getByRole('button', { name: 'Prepare the sandbox' }).click();
    await page.getByRole('button', { name: 'Start the clock' }).click({ timeout: 240_000 });
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Start the clock' }).click();
    await expect(page.getByTestId('workspace')).toBeVisible();
    attemptId = /attempts\/([0-9a-f-]+)\/work/.exec(page.url())?.[1] as string;
    const names = (await engine.docker('ps', '--format', '{{.Names}}')).trim().split('\n').sort();
    expect(names).toEqual(['participant', 'platform', 'scorer'].map((view) => `plumbline-${attemptId}-main-${view}`));
  });

  test('a terminal is the participant’s: an ordinary user whose own the workspace is, with the task command and the dotfiles that were given', async () => {
    await work.type(1, 'greet\n');
    await work.expectOnScreen(1, /^hello-42$/m);
    await work.type(
      1,
      'whoami; stat -c %U solution/textstats.py; echo >> solution/textstats.py && task status >/dev/null; echo status-$?\n',
    );
    await work.expectOnScreen(1, /^agent\nagent\nstatus-0$/m);
    await work.type(1, 'ls /root /protected; cat /proc/1/environ; echo looked\n');
    await work.expectOnScreen(1, /^looked$/m);
    await expect(async () => expect(await work.screen(1)).toMatch(/\/root.*Permission denied/)).toPass();
  });

  test('a change is scored by a scorer that is root', async () => {
    const row = await work.score();
    expect(Number(/\d+\.\d+/.exec(row)?.[0]), row).toBeCloseTo(0.575, 2);
  });

  test('a busy loop stands still while the attempt is paused, and goes on after it', async ({ engine, platform }) => {
    const counted = async () =>
      Number(await readFile(join(platform.dataDir, 'runners', attemptId, 'workspace', 'spin'), 'utf8').catch(() => '0'));
    const state = async () =>
      (await engine.docker('inspect', '--format', '{{.State.Status}}', `plumbline-${attemptId}-main-participant`)).trim();
    await work.type(1, SPIN);
    await expect(async () => expect(await counted()).toBeGreaterThan(0)).toPass();
    await page.getByTestId('pause').click();
    await page.getByTestId('pause-confirm').click();
    await expect(page.getByTestId('resume')).toBeVisible();
    await expect(async () => expect(await state()).toBe('paused')).toPass();
    const before = await counted();
    await sleep(STILL_MS);
    expect(await counted()).toBe(before);
    await page.getByTestId('resume').click();
    await expect(page.getByTestId('terminal-1')).toBeVisible();
    await expect(async () => expect(await counted()).toBeGreaterThan(before)).toPass();
    await work.type(1, '\u0003');
    await work.type(1, 'echo back-again\n');
    await work.expectOnScreen(1, /^back-again$/m);
  });

  test('submitting scores the final state and completes the attempt, and no container is left', async ({ engine }) => {
    await page.getByTestId('submit').click();
    await page.getByTestId('submit-sure').check();
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Submit' }).click();
    await expect(page.getByTestId('end-screen')).toContainText('The attempt is complete', { timeout: 240_000 });
    await expect(async () => expect((await engine.docker('ps', '--all', '--quiet')).trim()).toBe('')).toPass({ timeout: 60_000 });
  });

  test('once its review has ended nothing of it is left on the host, and staff read when it was removed', async ({ browser, platform }) => {
    const staff = await (await browser.newContext({ baseURL: platform.baseUrl })).newPage();
    await new People(staff).signIn('reviewer@demo.plumbline.local', platform.demoPassword);
    await staff.goto(`/attempts/${attemptId}`);
    await expect(staff.getByTestId('build-log')).toContainText('Keeping the image');
    const card = staff.getByTestId('workspace-kept');
    await expect(card).toContainText('Kept until the review ends');
    await card.getByRole('button', { name: 'End the review' }).click();
    await staff.getByRole('alertdialog').getByRole('button', { name: 'End the review' }).click();
    await expect(card).toContainText('Review ended');
    await expect(async () => expect(await readdir(join(platform.dataDir, 'runners'))).toEqual([])).toPass({ timeout: 60_000 });
    // It is noted a moment after the folder is gone, and the page says what was so when it was loaded.
    await expect(async () => {
      await staff.reload();
      await expect(card).toContainText('Removed', { timeout: 1_000 });
    }).toPass();
    await expect(card.getByText(/^Removed/)).toBeVisible();
    await expect(card.getByRole('button')).toHaveCount(0);
    await staff.context().close();
  });
});
