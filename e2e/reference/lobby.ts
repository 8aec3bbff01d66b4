import type { BrowserContext } from '@playwright/test';
import { expertWith } from '../support/accounts.ts';
import { agree } from '../support/agreement.ts';
import { prepareAttempt } from '../support/attempt.ts';
import type { Session } from '../support/session.ts';
import { People } from '../support/workspacePage.ts';
import type { Take } from './names.ts';

const PRACTICE = /practice/i;

/** Before the clock: the agreement to be answered, the sandbox that is ready, and a queue for machines of which none takes anybody. */
export async function picturesOfTheLobby(
  { newContext, baseUrl, admin }: { newContext: () => Promise<BrowserContext>; baseUrl: string; admin: Session },
  take: Take,
): Promise<void> {
  const { account, session } = await expertWith(baseUrl, admin, PRACTICE);
  const page = await (await newContext()).newPage();
  await new People(page).signIn(account.email, account.password);
  await page.goto('/');
  await page.getByRole('listitem').filter({ hasText: PRACTICE }).getByRole('button', { name: 'Get ready' }).click();
  await page.getByTestId('agreement').getByRole('radio').first().waitFor();
  await take(page, 'lobby-agreement');
  await prepareAttempt(session, PRACTICE);
  await page.reload();
  await page.getByRole('button', { name: 'Start the clock' }).waitFor();
  await take(page, 'lobby');

  const [host] = (await admin.query<{ hosts: { name: string }[] }>('host.overview')).hosts;
  if (!host) throw new Error('there is no host whose queue could be seen');
  const later = await expertWith(baseUrl, admin, PRACTICE);
  await admin.mutate('host.setDrained', { name: host.name, drained: true });
  try {
    const waiting = await (await newContext()).newPage();
    await new People(waiting).signIn(later.account.email, later.account.password);
    const [assigned] = await later.session.query<{ assignmentId: string }[]>('assignment.mine');
    const { attemptId } = await later.session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assigned?.assignmentId });
    await agree(later.session, attemptId);
    await later.session.mutate('attempt.prepare', { attemptId });
    await waiting.goto(`/attempts/${attemptId}`);
    await waiting.getByRole('button', { name: 'Leave the queue' }).waitFor();
    await take(waiting, 'lobby-queue');
  } finally {
    await admin.mutate('host.setDrained', { name: host.name, drained: false });
  }
}
