import type { Page } from '@playwright/test';
import { CLOSE_CODES } from '@plumbline/protocol';
import { type Account, assign, expertWith, makeAccount, type Role } from '../support/accounts.ts';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { People } from '../support/workspacePage.ts';

const PRACTICE = /practice/i;
/** Failures of an account within a quarter of an hour, after which it is closed for a while. */
const FAILURES_ALLOWED = 10;

test.describe.configure({ mode: 'serial' });

test.describe('signing in', () => {
  const refusal = async (page: Page, email: string, password: string): Promise<string> => {
    await page.goto('/sign-in');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const alert = page.locator('form').getByRole('alert');
    await expect(alert).toBeVisible();
    return await alert.innerText();
  };

  test('a wrong password and an unknown account are refused with the same words', async ({ page, signIn }) => {
    const { email } = await makeAccount(await signIn('admin'), 'expert');
    const wrong = await refusal(page, email, 'not-the-password');
    expect(wrong).toBe('The e-mail address or the password is wrong.');
    expect(await refusal(page, `nobody.${email}`, 'not-the-password')).toBe(wrong);
  });

  test('after too many failures the page says when to try again, and the right password is refused too', async ({
    page,
    platform,
    signIn,
  }) => {
    const { email, password } = await makeAccount(await signIn('admin'), 'expert');
    for (let n = 1; n <= FAILURES_ALLOWED; n += 1) {
      await expect(Session.signIn(platform.baseUrl, email, 'not-the-password')).rejects.toThrow(/sign-in of .* failed: 401/);
    }
    const closed = /^Too many failed sign-ins\. Try again in 1[0-5] minutes\.$/;
    expect(await refusal(page, email, 'not-the-password')).toMatch(closed);
    expect(await refusal(page, email, password)).toMatch(closed);
    // Others go on signing in from the same address.
    await signIn('expert');
  });
});

test.describe('a user from the first sign-in to the last', () => {
  const account: Account = { userId: '', name: 'Made in the page', email: 'made.in.the.page@example.org', password: 'first-password' };

  test('the admin makes a user in the page, who signs in, works, is disabled, and is out at once', async ({
    browser,
    platform,
    signIn,
  }) => {
    const [adminContext, userContext] = [
      await browser.newContext({ baseURL: platform.baseUrl }),
      await browser.newContext({ baseURL: platform.baseUrl }),
    ];
    const [admin, user] = [await adminContext.newPage(), await userContext.newPage()];

    await new People(admin).signIn('admin@demo.plumbline.local', platform.demoPassword);
    await admin.getByRole('link', { name: 'Users', exact: true }).click();
    await admin.getByRole('button', { name: 'New user' }).click();
    const dialog = admin.getByRole('dialog');
    await dialog.getByLabel('Name').fill(account.name);
    await dialog.getByLabel('E-mail').fill(account.email);
    await dialog.getByLabel('Role').selectOption('expert');
    await dialog.getByLabel('First password').fill(account.password);
    await dialog.getByRole('button', { name: 'Make the account' }).click();
    const row = admin.getByRole('row', { name: new RegExp(account.email) });
    await expect(row).toContainText('Active');

    await new People(user).signIn(account.email, account.password);
    await expect(user.getByRole('button', { name: `Account of ${account.name}` })).toBeVisible();

    const adminSession = await signIn('admin');
    const { id } = (await adminSession.query<{ id: string; email: string }[]>('user.list')).find(
      ({ email }) => email === account.email,
    ) as { id: string };
    await assign(adminSession, id, PRACTICE);
    const session = await Session.signIn(platform.baseUrl, account.email, account.password);
    const attemptId = await startAttempt(session, PRACTICE);
    const tab = new Tab(session, attemptId);
    await tab.open();
    const work = await userContext.newPage();
    await work.goto(`/attempts/${attemptId}/work`);
    await expect(work.getByTestId('workspace')).toBeVisible();
    await expect(work.getByTestId('instructions')).toBeVisible();

    await row.getByRole('button', { name: 'Disable' }).click();
    await admin.getByRole('alertdialog').or(admin.getByRole('dialog')).getByRole('button', { name: 'Disable' }).click();
    const closed = await until('the end of the socket', () => tab.closeCodes[0]);
    tab.end();
    expect(closed.code).toBe(CLOSE_CODES.ticket_invalid);
    await expect(row).toContainText('Disabled');
    await expect(work.getByTestId('closed-screen')).toContainText('sign-in has ended');
    await expect(work.getByTestId('instructions')).toHaveCount(0);

    await user.getByRole('link', { name: 'Help' }).click();
    await expect(user).toHaveURL(/\/sign-in/);
    await expect(Session.signIn(platform.baseUrl, account.email, account.password)).rejects.toThrow(/failed: 401/);
    await expect(session.query('assignment.mine')).rejects.toThrow(/UNAUTHORIZED/);

    // Nobody ends that attempt any more, so that the admin does.
    await admin.goto(`/attempts/${attemptId}`);
    await admin.getByRole('button', { name: 'Make void' }).click();
    const asked = admin.getByRole('alertdialog');
    await asked.getByRole('button', { name: 'Make void' }).click();
    await expect(asked.getByRole('alert')).toContainText('Say why');
    await asked.getByLabel(/^Reason/).fill('The account was closed.');
    await asked.getByRole('button', { name: 'Make void' }).click();
    await expect(admin.getByText('This attempt does not count.')).toBeVisible();
    await expect(admin.getByText('The account was closed.')).toBeVisible();
    await adminContext.close();
    await userContext.close();
  });
});

test.describe('what each role may see', () => {
  const ROLES: Role[] = ['expert', 'reviewer', 'researcher', 'admin'];
  const REFUSED = 'Your account may not open this page';
  /** Each page with the roles that may open it and with a text that only its data has. */
  const pages: { path: string; roles: Role[]; data: () => string }[] = [
    { path: '/', roles: ROLES, data: () => '' },
    { path: '/help', roles: ROLES, data: () => '' },
    { path: '/live', roles: ['admin'], data: () => owner.account.name },
    { path: '/review', roles: ['reviewer', 'researcher', 'admin'], data: () => '' },
    { path: '/exports', roles: ['researcher', 'admin'], data: () => '' },
    { path: '/assignments', roles: ['admin'], data: () => owner.account.name },
    { path: '/agreements', roles: ['admin'], data: () => owner.account.name },
    { path: '/environments', roles: ['reviewer', 'researcher', 'admin'], data: () => 'optimize_kernel/small' },
    { path: '/hosts', roles: ['admin'], data: () => '' },
    { path: '/users', roles: ['admin'], data: () => owner.account.email },
  ];
  let owner: { account: Account; session: Session };
  let attemptId: string;

  test('an attempt runs', async ({ platform, signIn }) => {
    owner = await expertWith(platform.baseUrl, await signIn('admin'), PRACTICE);
    attemptId = await startAttempt(owner.session, PRACTICE);
  });

  for (const role of ROLES) {
    test(`${role}: the pages that are not theirs are refused, and hold no data`, async ({ page, platform }) => {
      await new People(page).signIn(`${role}@demo.plumbline.local`, platform.demoPassword);
      const isAdmin = role === 'admin';
      const all: { path: string; allowed: boolean; data: string; leadsTo?: string }[] = [
        ...pages.map(({ path, roles, data }) => ({ path, allowed: roles.includes(role), data: data() })),
        // It runs: staff other than admins read it only when it is complete.
        { path: `/attempts/${attemptId}`, allowed: isAdmin, data: '' },
        // Nobody works in another person's attempt: who may see it is led on to its page.
        { path: `/attempts/${attemptId}/work`, allowed: isAdmin, data: '', leadsTo: `/attempts/${attemptId}` },
        { path: `/attempts/${attemptId}/watch`, allowed: isAdmin, data: '' },
        { path: `/attempts/${attemptId}/replay`, allowed: isAdmin, data: '' },
      ];
      for (const { path, allowed, data, leadsTo = path } of all) {
        // What was sent, and not only what is drawn of it.
        const sent = (await (await page.goto(path))?.text()) ?? '';
        if (allowed) {
          await expect(page, `${role} may open ${path}`).toHaveURL(leadsTo);
          await page.waitForLoadState();
          await expect(page.locator('main'), `${role} may open ${path}`).toContainText(data);
          await expect(page.getByRole('status').filter({ hasText: 'Loading the page' })).toHaveCount(0);
          await expect(page.getByRole('heading', { name: REFUSED }), `${role} may open ${path}`).toHaveCount(0);
        } else {
          await expect(page.getByRole('heading', { name: REFUSED }), `${role} at ${path}`).toBeVisible();
          const secrets = [data, owner.account.name, owner.account.email, owner.account.userId].filter((text) => text !== '');
          expect(
            secrets.filter((secret) => sent.includes(secret)),
            `${role} at ${path}`,
          ).toEqual([]);
        }
      }
      await page.goto('/');
      const links = await page.getByRole('navigation', { name: 'Main' }).getByRole('link').count();
      expect(links).toBe(pages.filter(({ roles }) => roles.includes(role)).length);
    });
  }

  test('nobody sees a page without signing in, and comes back to it after', async ({ page, platform }) => {
    await page.goto('/help');
    await expect(page).toHaveURL(/\/sign-in\?from=%2Fhelp$/);
    await page.getByLabel('E-mail').fill('expert@demo.plumbline.local');
    await page.getByLabel('Password').fill(platform.demoPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL(/\/help$/);
  });

  test('what changes something is refused from any other origin', async ({ signIn }) => {
    const admin = await signIn('admin');
    const before = await admin.query<unknown[]>('user.list');
    const user = { name: 'From elsewhere', email: 'from.elsewhere@example.org', role: 'admin', password: 'long-enough-to-do' };
    const calls = [
      { path: '/api/trpc/user.create', body: { json: user } },
      { path: '/api/setup', body: user },
      { path: '/api/auth/signout', body: {} },
    ];
    for (const origin of ['https://elsewhere.example.org', 'null', admin.baseUrl.replace('localhost', '127.0.0.1')]) {
      for (const { path, body } of calls) {
        const headers = { 'content-type': 'application/json', origin };
        const response = await admin.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
        expect(response.status, `${path} from ${origin}`).toBe(403);
      }
    }
    expect(await admin.query<unknown[]>('user.list')).toHaveLength(before.length);
  });

  test('whoever has the page before the clock open reads there that the attempt was made void', async ({ page, platform, signIn }) => {
    const admin = await signIn('admin');
    const { account, session } = await expertWith(platform.baseUrl, admin, PRACTICE);
    const [assigned] = await session.query<{ assignmentId: string }[]>('assignment.mine');
    const opened = await session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assigned?.assignmentId });
    await new People(page).signIn(account.email, account.password);
    await page.goto(`/attempts/${opened.attemptId}`);
    await expect(page.getByRole('button', { name: 'Prepare the sandbox' })).toBeVisible();
    await admin.mutate('attempt.void', { attemptId: opened.attemptId, reason: 'The disk failed.' });
    await expect(page.getByText('This attempt does not count.')).toBeVisible();
    await expect(page.getByText('The disk failed.')).toBeVisible();
  });

  test('recordings refuse other roles and other people, before the end and after', async ({ platform, signIn }) => {
    const paths = ['index', 'events', 'moment?atMs=0'].map((part) => `/api/attempts/${attemptId}/recording/${part}`);
    const sessions = new Map<string, Session>([['the participant', owner.session]]);
    for (const role of ROLES) sessions.set(role, await signIn(role));
    const expectOnly = async (readers: string[]) => {
      for (const path of paths) {
        expect((await fetch(platform.baseUrl + path)).status, `nobody at ${path}`).toBe(401);
        for (const [reader, session] of sessions) {
          const response = await session.fetch(path);
          expect(response.status, `${reader} at ${path}`).toBe(readers.includes(reader) ? 200 : 403);
          await response.body?.cancel();
        }
      }
    };
    await expectOnly(['admin']);
    for (const [reader, session] of sessions) {
      const ticket = session.mutate('attempt.ticket', { attemptId });
      if (reader === 'the participant') await ticket;
      else await expect(ticket, reader).rejects.toThrow(/FORBIDDEN/);
    }

    const tab = new Tab(owner.session, attemptId);
    await tab.open();
    await tab.request('submit', { confirm: true });
    await until(
      'the end of the attempt',
      async () => (await owner.session.query<{ state: string }>('attempt.progress', { attemptId })).state === 'completed',
      120_000,
    );
    tab.end();
    await expectOnly(['reviewer', 'researcher', 'admin']);
  });

  test('an export is downloaded by those who may make one, and by nobody else', async ({ platform, signIn }) => {
    const researcher = await signIn('researcher');
    for (const role of ['expert', 'reviewer'] as const) {
      await expect((await signIn(role)).mutate('export.create', { attemptIds: [attemptId] })).rejects.toThrow(/FORBIDDEN/);
    }
    const { exportId } = await researcher.mutate<{ exportId: string }>('export.create', { attemptIds: [attemptId] });
    await until('the export', async () => {
      const rows = await researcher.query<{ exportId: string; state: string; error: string | null }[]>('export.list');
      return rows.find((row) => row.exportId === exportId)?.state === 'done';
    });
    const path = `/api/exports/${exportId}`;
    const allowed: Role[] = ['researcher', 'admin'];
    for (const role of ROLES) {
      const response = await (await signIn(role)).fetch(path);
      expect(response.status, role).toBe(allowed.includes(role) ? 200 : 403);
      await response.body?.cancel();
    }
    expect((await owner.session.fetch(path)).status).toBe(403);
    expect((await fetch(platform.baseUrl + path)).status).toBe(401);
  });
});
