import type { BrowserContext, Page } from '@playwright/test';
import type { Database } from '@plumbline/database';
import type { Session } from '../support/session.ts';
import { WorkspacePage } from '../support/workspacePage.ts';
import type { Take } from './names.ts';
import { picturesOfNotices } from './notices.ts';

/** What keeps an attempt from being worked on: notices, pauses, connections that are away, a machine that was given back. */
export async function picturesOfTrouble(
  { context, page, attemptId, admin, db }: { context: BrowserContext; page: Page; attemptId: string; admin: Session; db: Database },
  take: Take,
): Promise<void> {
  const waiting = await context.newPage();
  await waiting.routeWebSocket(/realtime/, () => {});
  await waiting.goto(`/attempts/${attemptId}/work`);
  await waiting.getByText('Connecting to the attempt').waitFor();
  await take(waiting, 'loading');
  await waiting.close({ runBeforeUnload: false });

  await picturesOfNotices(context, attemptId, take);

  await page.bringToFront();
  await page.getByTestId('pause').click();
  await page.getByTestId('pause-dialog').waitFor();
  await take(page, 'pause-dialog');
  await page.getByTestId('pause-confirm').click();
  await page.getByTestId('resume').waitFor();
  await take(page, 'paused');
  await page.getByTestId('resume').click();
  await new WorkspacePage(page).terminal(1).waitFor();

  await admin.mutate('clock.pause', { attemptId, reason: 'The disk of this host is being replaced' });
  await page.getByText('Staff paused your attempt').first().waitFor();
  await page.getByTestId('report-text').fill('Are the files of today kept?');
  await page.getByTestId('report-send').click();
  await page.getByTestId('message').filter({ hasText: 'Are the files' }).waitFor();
  await admin.mutate('live.message', { attemptId, text: 'Yes, all of them. It takes ten minutes.' });
  await page.getByText('It takes ten minutes').first().waitFor();
  await take(page, 'paused-by-staff');
  await admin.mutate('clock.resume', { attemptId, reason: 'The new disk is there' });
  await new WorkspacePage(page).terminal(1).waitFor();
  await page.getByTestId('banner-staff').waitFor();
  await take(page, 'resumed-by-staff');
  await page.getByTestId('banner-staff').getByRole('button', { name: 'Understood' }).click();

  await context.setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event('offline')));
  await page.getByTestId('banner-offline').waitFor({ timeout: 60_000 });
  await take(page, 'offline');
  await context.setOffline(false);
  await page.getByTestId('banner-offline').waitFor({ state: 'detached', timeout: 60_000 });
  const stall = await db.pool.connect();
  await stall.query('BEGIN; LOCK TABLE recording_tail IN ACCESS EXCLUSIVE MODE');
  await new WorkspacePage(page).type(1, 'x');
  await page.getByTestId('banner-recording').waitFor();
  await take(page, 'recording-stalled');
  await stall.query('ROLLBACK');
  stall.release();
  await page.getByTestId('banner-recording').waitFor({ state: 'detached', timeout: 60_000 });

  await new WorkspacePage(page).shell('truncate -s 60M checkpoint.bin; echo made-$((1+1))', /^made-2$/m);
  await page.getByTestId('pause').click();
  await page.getByTestId('pause-reason').selectOption('hibernate');
  await take(page, 'pause-dialog-hibernation');
  await page.getByTestId('pause-confirm').click();
  await page.getByText('The machine was given back').waitFor({ timeout: 120_000 });
  await page.getByText('Not in the copy of your workspace').waitFor();
  await take(page, 'hibernated');
}
