import { expect, type Page } from '@playwright/test';
import type { Session } from './session.ts';

const ALL = { recording: true, internalReview: true, gatedRelease: true, publicRelease: true, aiTraining: true, quotation: true };

/** Agrees to all that an attempt asks, as its participant; nothing where its study has no agreement. */
export async function agree(session: Session, attemptId: string): Promise<void> {
  const { version } = await session.query<{ version: { versionId: string } | null }>('agreement.ofAttempt', { attemptId });
  if (version !== null) await session.mutate('agreement.answer', { attemptId, versionId: version.versionId, consents: ALL });
}

/** The same on the page before the clock. */
export async function agreeOnPage(page: Page): Promise<void> {
  const card = page.getByTestId('agreement');
  await expect(card.getByRole('group')).toHaveCount(Object.keys(ALL).length);
  for (const answer of await card.getByRole('radio', { name: 'Yes' }).all()) await answer.check();
  await card.getByRole('button', { name: 'Keep my answers' }).click();
  await expect(card).toContainText('You answered version');
}
