import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { createDatabase, loadAttempt } from '@plumbline/database';
import { missingForCluster, SlurmCluster } from '@plumbline/sandbox/placement/slurm/cluster.fixture';
import { isAbsent } from '@plumbline/testing/absence';
import { agreeOnPage } from '../support/agreement.ts';
import { until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { GATEWAY_PORT, type PlatformUnderTest } from '../support/platform.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Above what a snapshot takes of one file. */
const LARGE_FILE_MIB = 60;

test.describe.configure({ mode: 'serial' });

test.describe('an attempt that Slurm places, and that loses its job in the middle', () => {
  test.skip(isAbsent('an attempt that Slurm places', missingForCluster()), 'Slurm is missing');

  let cluster: SlurmCluster;
  let dir: string;
  let page: Page;
  let work: WorkspacePage;
  let attemptId: string;

  const plumb = async (platform: PlatformUnderTest, ...args: string[]) => {
    const env = { ...process.env, PLUMBLINE_DATA_DIR: platform.dataDir, DATABASE_URL: platform.databaseUrl };
    const { stdout } = await promisify(execFile)(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'apps/cli/src/main.ts'), ...args], {
      env,
    });
    return stdout;
  };
  const attempt = async (platform: PlatformUnderTest) => {
    const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
    try {
      return await loadAttempt(db, attemptId);
    } finally {
      await db.close();
    }
  };
  const runningJob = () =>
    until('a job of the attempt', async () => {
      const jobs = await cluster.slurm('squeue', '--noheader', '--states=RUNNING', '--format=%i %j');
      return jobs
        .split('\n')
        .find((line) => line.includes(attemptId))
        ?.split(' ')[0];
    });

  test.beforeAll(async ({ browser, platform }) => {
    cluster = await SlurmCluster.start();
    dir = await mkdtemp(join(tmpdir(), 'plumbline-cluster-'));
    // Sandboxes of root's runner enter it as users of their own.
    await chmod(dir, 0o755);
    const context = await browser.newContext({
      baseURL: platform.baseUrl,
      viewport: { width: 1440, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    page = await context.newPage();
    work = new WorkspacePage(page);
    await new People(page).signIn('expert@demo.plumbline.local', platform.demoPassword);
    const gateway = `ws://127.0.0.1:${GATEWAY_PORT}/realtime/runner`;
    const where = ['--slurm', join(dir, 'shared'), '--node-dir', join(dir, 'node'), '--slurm-conf', cluster.confPath];
    await plumb(platform, 'host', 'add', 'lab', ...where, '--isolation', 'bubblewrap', '--gateway-url', gateway);
    expect(await plumb(platform, 'host', 'check', 'lab')).toContain('8 × h100');
    await plumb(platform, 'host', 'drain', 'here');
  });

  test.afterAll(async () => {
    await page?.context().close();
    await cluster?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  test('the expert reads what is waited for and how many jobs are ahead, and gets a sandbox when it is their turn', async () => {
    // One after the other: those that come first run, whichever answer is back first.
    const blockers: string[] = [];
    for (let n = 0; n < 3; n += 1) blockers.push(await cluster.occupy(4, '--exclusive'));
    for (const id of blockers.slice(0, 2)) await cluster.untilState(id, 'RUNNING');
    await page.goto('/');
    await page.getByRole('listitem').filter({ hasText: 'Practice' }).getByRole('button', { name: 'Get ready' }).click();
    await agreeOnPage(page);
    await page.getByRole('button', { name: 'Prepare the sandbox' }).click();
    await expect(page.getByText('Waiting for a machine: 1 job ahead')).toBeVisible({ timeout: 120_000 });
    await cluster.slurm('scancel', ...blockers);
    await page.getByRole('button', { name: 'Start the clock' }).click({ timeout: 240_000 });
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Start the clock' }).click();
    await expect(page.getByTestId('workspace')).toBeVisible();
    attemptId = /attempts\/([0-9a-f-]+)\/work/.exec(page.url())?.[1] as string;
    await runningJob();
  });

  test('a scancel costs what no snapshot holds and no minute: the work is back in a new job, and the expert is told', async ({
    platform,
  }) => {
    const { settings } = await attempt(platform);
    await work.type(1, `head -c ${LARGE_FILE_MIB}M /dev/urandom > weights.bin; mkdir -p solution; echo sure-$((40+2))\n`);
    await work.expectOnScreen(1, /^sure-42$/m);
    await work.type(1, `printf 'kept %s\\n' "$((6*7))" > solution/kept.txt; echo written\n`);
    await work.expectOnScreen(1, /^written$/m);
    expect(settings.submission.paths).toEqual(['solution']);
    // A score takes a snapshot, and its row stands.
    await work.score();
    const saved = await attempt(platform);
    await until('the snapshot is stored', async () => {
      const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
      try {
        const { rows } = await db.pool.query(
          `SELECT 1 FROM workspace_snapshot s JOIN recording_blob b ON b.attempt_id = s.attempt_id AND b.hash = s.bundle
           WHERE s.attempt_id = $1 AND s.n > 1 AND s.skipped::text LIKE '%weights.bin%'`,
          [attemptId],
        );
        return rows.length > 0;
      } finally {
        await db.close();
      }
    });
    expect(saved.state).toBe('running');
    const lost = page.getByTestId('explorer-item').filter({ hasText: /^weights\.bin$/ });
    await expect(lost).toBeVisible();
    const job = await runningJob();
    // Who waited for the node already gets it before the replacement does.
    const blockers = await Promise.all([1, 2].map(() => cluster.occupy(4, '--exclusive')));
    const leftMs = await work.clockMs();
    await cluster.slurm('scancel', job);
    await expect(page.getByTestId('banner-sandbox')).toContainText('Waiting for a machine: next in the queue', { timeout: 120_000 });
    await cluster.slurm('scancel', ...blockers);
    await expect(page.getByTestId('banner-rollback')).toContainText(/machine was lost.*cancelled in Slurm.*weights\.bin \(too large\)/, {
      timeout: 120_000,
    });
    // Whatever the loss took, the expert has at least the time that was left.
    expect(await work.clockMs()).toBeGreaterThanOrEqual(leftMs - 1_000);
    expect(await runningJob()).not.toBe(job);
    expect((await attempt(platform)).events.map((event) => event.kind)).toEqual(['started', 'rollback', 'outage']);
    await page.getByTestId('banner-rollback').getByRole('button', { name: 'Understood' }).click();
    await expect(lost).toHaveCount(0);
    await page.getByTestId('terminal-new').click();
    await work.type(2, 'cat solution/kept.txt; ls weights.bin; echo looked\n');
    await work.expectOnScreen(2, /^kept 42$/m);
    await work.expectOnScreen(2, /No such file[\s\S]*^looked$/m);
  });

  test('the attempt is submitted and its job ends', async () => {
    await page.getByTestId('submit').click();
    await page.getByTestId('submit-sure').check();
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Submit' }).click();
    await expect(page.getByTestId('result-link')).toBeVisible({ timeout: 240_000 });
    await until('no job is left', async () => (await cluster.slurm('squeue', '--noheader', '--format=%j')) === '', 240_000);
  });
});
