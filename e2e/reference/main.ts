/**
 * `npm run pictures`: takes the reference pictures of the workspace and of the player anew, each panel and state, dark and light, on a small and
 * on a large screen, into `e2e/reference/pictures`. They are for people to look at and to compare a change with. `npm run pictures -- NAME…`
 * takes those alone, and ends with the last of them.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';
import { createDatabase } from '@plumbline/database';
import { expertWith } from '../support/accounts.ts';
import { prepareAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { People, WorkspacePage, watchedPage } from '../support/workspacePage.ts';
import { gradientPng } from './gradientPng.ts';
import { picturesOfTheLobby } from './lobby.ts';
import { fileOf, NAMES, type PictureName, SIZES, THEMES } from './names.ts';
import { picturesOfPython } from './python.ts';
import { picturesOfReading } from './reading.ts';
import { picturesOfTrouble } from './trouble.ts';

const FOLDER = join(import.meta.dirname, 'pictures');
/** Text stays readable; a picture takes some tens of kB. */
const QUALITY = 0.35;
const PRACTICE = /practice/i;
const SETTLE_MS = 500;
/** Pictures are worth waiting for on a busy machine. */
const PATIENCE_MS = 120_000;
/** The gateway's bound. */
const TABS_MAX = 32;
/** Long enough to open the workspace before it expires. */
const SHORT_LIMIT_MS = 30_000;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !NAMES.some((one) => one === name));
if (unknown.length > 0) throw new Error(`there is no picture of ${unknown.join(', ')}`);
/** What is left to be taken. */
const wanted = new Set<PictureName>(NAMES.filter((name) => asked.length === 0 || asked.includes(name)));

/** One picture per theme and size of what the page shows now. */
async function take(page: Page, name: PictureName, hold = async () => {}): Promise<void> {
  if (!wanted.delete(name)) return;
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await hold();
    await takeAtThisSize(page, name);
  }
  // Work goes on at one size, as it does for most people: recorded terminals then have it.
  await page.setViewportSize(SIZES[0]);
  console.log(name);
}

async function takeAtThisSize(page: Page, name: PictureName): Promise<void> {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    // Terminals and the editor follow a new size or theme one after the other.
    await page.waitForTimeout(SETTLE_MS);
    const png = await page.screenshot({ animations: 'disabled' });
    writeFileSync(join(FOLDER, fileOf(name, colorScheme, page.viewportSize()?.height)), await asWebp(png));
  }
}

/** The browser is the one encoder that is at hand. */
async function asWebp(png: Buffer): Promise<Buffer> {
  const base64 = await encoder.evaluate(
    async ({ source, quality }) => {
      const image = new Image();
      image.src = `data:image/png;base64,${source}`;
      await image.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
      canvas.getContext('2d')?.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', quality).split(',')[1] ?? '';
    },
    { source: png.toString('base64'), quality: QUALITY },
  );
  return Buffer.from(base64, 'base64');
}

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: platform.baseUrl, viewport: SIZES[0] });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Starts an attempt and signs in as the person whose it is. */
async function open(context: BrowserContext, admin: Session, beforeTheClock: (attemptId: string) => Promise<unknown> = async () => {}) {
  const { account, session } = await expertWith(platform.baseUrl, admin, PRACTICE);
  const page = await context.newPage();
  await new People(page).signIn(account.email, account.password);
  const attemptId = await prepareAttempt(session, PRACTICE);
  await beforeTheClock(attemptId);
  await session.mutate('attempt.start', { attemptId });
  return { page, session, attemptId };
}

if (asked.length === 0) rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const platform = await PlatformUnderTest.start();
const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
const browser = await launchChromium();
const encoder = await browser.newPage();
try {
  const admin = await Session.signIn(platform.baseUrl, 'admin@demo.plumbline.local', platform.demoPassword);
  const context = await newContext();
  const { page, attemptId } = await open(context, admin);
  const parts = [
    () => picturesOfWork(page, attemptId),
    () => picturesOfReading(context, attemptId, take),
    () => picturesOfReview(attemptId),
    () => picturesOfTrouble({ context, page, attemptId, admin, db }, take),
    () => picturesOfTheEnd(admin),
    () => picturesOfTheLobby({ newContext, baseUrl: platform.baseUrl, admin }, take),
    () => picturesOfLittleAndMuch(admin),
    () => pictureOfABuild(attemptId),
  ];
  const failures: unknown[] = [];
  for (const part of parts) if (wanted.size > 0) await part().catch((error: unknown) => void failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some pictures could not be taken');
  if (wanted.size > 0) throw new Error(`nothing took a picture of ${[...wanted].join(', ')}`);
} finally {
  await browser.close();
  await db.close();
  await platform.stop();
}

async function picturesOfWork(page: Page, attemptId: string): Promise<void> {
  const work = new WorkspacePage(page);
  await page.goto(`/attempts/${attemptId}/work`);
  await work.terminal(1).waitFor();
  await page.getByTestId('instructions').waitFor();
  await take(page, 'instructions-empty-editor');
  for (const tab of ['score', 'notes', 'ports', 'help'] as const) {
    await page.getByTestId(`tab-${tab}`).click();
    await take(page, `${tab}-empty`);
  }
  await page.getByTestId('tab-clock').click();
  await take(page, 'clock');

  await work.openFile('solution', 'textstats.py');
  await work.type(1, 'ls -la --color=always; python3 --version\n');
  await work.expectOnScreen(1, /^Python 3/m);
  await work.score();
  await work.score();
  await take(page, 'score');
  // Slow enough to be looked at while it is scored.
  await work.shell(
    'cp solution/textstats.py /tmp/kept; echo "import time; time.sleep(60)" >> solution/textstats.py; echo made-$((1+1))',
    /^made-2$/m,
  );
  await page.getByTestId('score-run').click();
  await page.getByTestId('score-running').waitFor();
  await take(page, 'score-running');
  // On a busy machine it may have come to its end.
  await page
    .getByTestId('score-cancel')
    .click({ timeout: SETTLE_MS })
    .catch(() => {});
  await page.getByTestId('score-running').waitFor({ state: 'detached' });
  await work.shell('cp /tmp/kept solution/textstats.py; echo made-$((2+2))', /^made-4$/m);
  // A menu stays where it was opened while the window changes its size.
  await take(page, 'terminal-menu', async () => {
    // Without a menu the key would be the shell's.
    if (await page.getByTestId('terminal-menu').isVisible()) await page.keyboard.press('Escape');
    await work.terminal(1).locator('.xterm-screen').click({ button: 'right' });
    await page.getByTestId('terminal-menu').waitFor();
  });
  await page.keyboard.press('Escape');
  await take(page, 'explorer-menu', async () => {
    await page.keyboard.press('Escape');
    await page.locator('[data-testid=explorer-item][data-path="solution"]').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Rename…' }).waitFor();
  });
  await page.keyboard.press('Escape');
  await page.getByTestId('tab-notes').click();
  await page.getByTestId('note-text').fill('Prefix sums should make each window constant in time.');
  await page.getByTestId('note-send').click();
  await page.getByTestId('note').waitFor();
  await take(page, 'notes');
  await page.getByTestId('tab-help').click();
  await page.getByTestId('report-text').fill('pip cannot reach its index. Is that meant to be so?');
  await page.getByTestId('report-send').click();
  await page.getByTestId('message').waitFor();
  await take(page, 'help');
  const keys = await page.context().newPage();
  await keys.goto('/help#keys');
  await take(keys, 'keys', () => keys.locator('#keys').evaluate((card) => card.scrollIntoView()));
  await keys.close();
  await page.bringToFront();
  await page.getByTestId('tab-search').click();
  await page.getByTestId('search-query').fill('def');
  await page.getByTestId('search-match').first().waitFor();
  await take(page, 'search');
  await page.getByTestId('search-replacement').fill('async def');
  await page.getByRole('button', { name: 'Replace all' }).click();
  await page.getByTestId('replace-preview').waitFor();
  await take(page, 'replace-preview');
  await page.keyboard.press('Escape');
  await page.getByTestId('search-replacement').fill('');
  await page.getByTestId('search-query').fill('stands nowhere');
  await page.getByText('Nothing matches.').waitFor();
  await take(page, 'search-empty');
  await page.getByTestId('tab-resources').click();
  // A course, at a sample every few seconds.
  await page.waitForTimeout(20_000);
  await take(page, 'resources');
  await work.type(1, 'python3 -m http.server 8000 --bind 127.0.0.1 2>/dev/null &\n');
  await work.expectOnScreen(1, /Serving HTTP/);
  await page.getByTestId('tab-files').click();
  await page.getByTestId('tab-ports').click();
  await page.getByTestId('port').first().waitFor();
  await take(page, 'ports');
  await work.terminal(1).locator('.xterm-screen').click();
  await page.keyboard.press('Control+Shift+F');
  await page.getByLabel('Find in the terminal').fill('python');
  await take(page, 'find-in-terminal');
  await page.keyboard.press('Escape');
  await page.getByTestId('tab-files').click();
  await page.getByTestId('explorer-tree').press('Home');
  for (const _ of ['the second row', 'the third']) await page.keyboard.press('Shift+ArrowDown');
  await take(page, 'several-files');
  await picturesOfPython(page, take);
  const picture = { name: 'picture.png', mimeType: 'image/png', buffer: gradientPng(480, 270) };
  for (const state of ['done', 'exists']) {
    await page.getByTestId('upload-input').setInputFiles(picture);
    await page.locator(`[data-testid=transfer][data-state=${state}]`).waitFor();
  }
  await page.locator('[data-testid=explorer-item][data-path$="picture.png"]').click();
  await page.getByTestId('image-view').locator('img').waitFor();
  await take(page, 'image-transfers');
  await page.getByRole('button', { name: /^Cancel .*picture/ }).click();
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await page.getByRole('button', { name: /^Close .*picture/ }).click();
  const second = await page.context().newPage();
  await second.goto(`/attempts/${attemptId}/work`);
  await new WorkspacePage(second).openFile('solution', 'textstats.py');
  await second.getByTestId('edited-elsewhere').waitFor();
  await take(second, 'edited-elsewhere');
  await second.close({ runBeforeUnload: false });
  await page.bringToFront();
  await page.getByTestId('editor-split').click();
  await page.getByTestId('terminal-split').click();
  await work.terminal(2).waitFor();
  await take(page, 'split');
  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('# Words are runs of letters, and nothing else.\n');
  await page.keyboard.press('Control+S');
  await page
    .getByTestId('save-state')
    .filter({ hasText: /^Saved$/ })
    .waitFor();
  await page.getByTestId('compare-toggle').click();
  await page.getByTestId('compare').locator('.line-insert').first().waitFor();
  await take(page, 'compare');
  await page.getByTestId('compare-toggle').click();
  await page.getByTestId('commands').click();
  await page.getByPlaceholder('What would you like to do?').waitFor();
  await take(page, 'commands');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+P');
  await page.getByPlaceholder('Parts of a file’s path').fill('text');
  await page.getByRole('option').first().waitFor();
  await take(page, 'quick-open');
  await page.keyboard.press('Escape');
  await page.getByTestId('commands').click();
  await page.getByTestId('command-tour').click();
  await page.getByTestId('tour').waitFor();
  await take(page, 'tour');
  await page.keyboard.press('Escape');
  await page.getByTestId('commands').click();
  await page.getByTestId('command-seal').click();
  await page.getByTestId('seal-reason').fill('A password of my own was on the screen.');
  await take(page, 'seal-dialog');
  await page.keyboard.press('Escape');
  await page.getByTestId('submit').click();
  await page.getByTestId('submit-sure').waitFor();
  await take(page, 'submit');
  await page.keyboard.press('Escape');
  // A drag follows the pointer, not the window's size.
  await page.getByTestId('tab-notes').hover();
  await page.mouse.down();
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
  await page.mouse.move(width / 2, height - 3, { steps: 8 });
  if (wanted.delete('docking')) await takeAtThisSize(page, 'docking');
  await page.keyboard.press('Escape');
  await page.mouse.up();
  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.type('# mine');
  await work.shell('echo "# theirs" >> solution/textstats.py; echo made-$((3+3))', /^made-6$/m);
  await page.getByTestId('changed-on-disk').waitFor();
  await page.getByTestId('editor').locator('.view-lines').click();
  await page.keyboard.press('Control+S');
  await page.getByTestId('conflict-dialog').waitFor();
  await take(page, 'conflict');
  await page.getByRole('button', { name: 'Take the file on disk' }).click();
  // A score of a solution that does not run, and then a file that vanished under the editor.
  await work.shell('touch gone.txt; echo "raise RuntimeError" > solution/textstats.py; echo made-$((1+1))', /^made-2$/m);
  await work.score();
  await page.getByTestId('explorer-refresh').click();
  await page
    .getByTestId('explorer-item')
    .filter({ hasText: /^gone\.txt$/ })
    .click();
  await work.shell('rm gone.txt; echo made-$((2+2))', /^made-4$/m);
  await page.getByTestId('deleted-on-disk').waitFor();
  await take(page, 'error');
}

/** The player, on the attempt as it runs: followed, and then taken back to the first score that the expert asked for, with each of its lists. */
async function picturesOfReview(attemptId: string): Promise<void> {
  const page = await (await newContext()).newPage();
  await new People(page).signIn('admin@demo.plumbline.local', platform.demoPassword);
  await page.goto(`/attempts/${attemptId}/watch`);
  await watchedPage(page).terminal(1).waitFor();
  await page.getByTestId('score-row').first().waitFor();
  await page.getByTestId('read-only-editor').locator('.view-line').first().waitFor();
  await watchedPage(page).expectOnScreen(1, /^made-4$/m);
  await take(page, 'watch');
  await page.goto(`/attempts/${attemptId}/replay`);
  // The one before it is the starting solution's.
  await page.locator('[data-testid=replay-marker][data-kind=score]').nth(1).click();
  await page.getByTestId('read-only-editor').locator('.view-line').first().waitFor();
  await take(page, 'replay');
  for (const list of ['commands', 'files', 'scores', 'notes', 'activity', 'search'] as const) {
    await page.getByRole('tab', { name: list }).click();
    await take(page, `replay-${list}`);
  }
  await page.getByLabel('Search commands and output').fill('made');
  await page.keyboard.press('Enter');
  await page.getByText('in the whole recording').waitFor();
  await take(page, 'replay-search-found');
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByTestId('replay-mark').click();
  await page.getByRole('tab', { name: 'Markers' }).click();
  await page.locator('[data-testid=replay-marker][data-kind=score]').last().click();
  await page.getByTestId('read-only-editor').filter({ hasText: 'raise' }).waitFor();
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByTestId('replay-compare').click();
  await page.getByRole('region', { name: 'The changes' }).waitFor();
  await take(page, 'replay-compared-moments');
  await page.keyboard.press('Escape');
  await page.getByTestId('replay-help').click();
  await page.getByRole('dialog').waitFor();
  await take(page, 'replay-keys');
}

/** An attempt whose time is up, and what is asked after it. */
async function picturesOfTheEnd(admin: Session): Promise<void> {
  const { page, attemptId } = await open(await newContext(), admin, (id) =>
    db.prisma.attempt.update({ where: { id }, data: { limitMs: SHORT_LIMIT_MS } }),
  );
  await page.goto(`/attempts/${attemptId}/work`);
  await page.getByTestId('end-screen').waitFor({ timeout: 120_000 });
  await page.getByText('The attempt is complete').waitFor({ timeout: 120_000 });
  await take(page, 'expired');
  await page.getByTestId('result-link').click();
  await page.getByTestId('consents').waitFor();
  const toConsents = () => page.getByTestId('consents').scrollIntoViewIfNeeded();
  await take(page, 'result', toConsents);
  await page.getByTestId('survey').scrollIntoViewIfNeeded();
  await take(page, 'survey');
}

/** No score to be seen, no terminal, and then more tabs than an attempt may have. */
async function picturesOfLittleAndMuch(admin: Session): Promise<void> {
  const context = await newContext();
  const { page, attemptId, session } = await open(context, admin, (id) =>
    db.prisma.assignment.updateMany({ where: { attempt: { id } }, data: { scoreVisible: false } }),
  );
  await page.goto(`/attempts/${attemptId}/work`);
  await new WorkspacePage(page).score();
  await take(page, 'score-hidden');
  await new WorkspacePage(page).shell('mv instructions.txt solution /tmp; echo moved-$((1+1))', /^moved-2$/m);
  await page.getByText('The workspace is empty.').waitFor();
  await page.getByRole('button', { name: /^Close Terminal/ }).click();
  await page.getByText('No terminal is open').waitFor();
  await take(page, 'terminals-empty');
  const others = Array.from({ length: TABS_MAX - 1 }, () => new Tab(session, attemptId));
  for (const tab of others) await tab.open();
  const refused = await context.newPage();
  await refused.goto(`/attempts/${attemptId}/work`);
  await refused.getByTestId('closed-screen').waitFor();
  await take(refused, 'too-many-tabs');
  for (const tab of others) tab.end();
}

/** What an environment's build printed, as staff read it on the attempt's page. */
async function pictureOfABuild(attemptId: string): Promise<void> {
  const steps = ['FROM python:3.11-slim', 'RUN pip install --no-cache-dir numpy', 'COPY assets /home/agent/assets'];
  const lines = steps.map((step, at) => `Step ${at + 1}/${steps.length} : ${step}`);
  await db.prisma.buildLog.create({ data: { attemptId, first: 0, lines: [...lines, 'Successfully built'], at: new Date() } });
  const page = await (await newContext()).newPage();
  await new People(page).signIn('admin@demo.plumbline.local', platform.demoPassword);
  await page.goto(`/attempts/${attemptId}`);
  await page.getByTestId('build-log').scrollIntoViewIfNeeded();
  await take(page, 'build-log', () => page.getByTestId('build-log').scrollIntoViewIfNeeded());
}
