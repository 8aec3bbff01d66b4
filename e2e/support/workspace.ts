import type { Browser, BrowserContext, Page } from '@playwright/test';
import { type Account, expertWith } from './accounts.ts';
import { startAttempt } from './attempt.ts';
import type { PlatformUnderTest } from './platform.ts';
import type { Session } from './session.ts';
import { People, WorkspacePage } from './workspacePage.ts';

const PRACTICE = /practice/i;

export interface OpenedWorkspace {
  account: Account;
  attemptId: string;
  context: BrowserContext;
  page: Page;
  work: WorkspacePage;
}

/** The workspace of a new expert's practice attempt, whose clock has just been started, with its first terminal. */
export async function openWorkspace(browser: Browser, platform: PlatformUnderTest, admin: Session): Promise<OpenedWorkspace> {
  const { account, session } = await expertWith(platform.baseUrl, admin, PRACTICE);
  const attemptId = await startAttempt(session, PRACTICE);
  const context = await browser.newContext({
    baseURL: platform.baseUrl,
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  await new People(page).signIn(account.email, account.password);
  const work = new WorkspacePage(page);
  await page.goto(`/attempts/${attemptId}/work`);
  await work.terminal(1).waitFor();
  return { account, attemptId, context, page, work };
}
