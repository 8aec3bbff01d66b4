import { expectAccessible } from '../support/accessibility.ts';
import { expect, test } from '../support/fixtures.ts';

test.use({ seed: 'empty' });

const FIRST = { name: 'First admin', email: 'first@example.org', password: 'the-first-password' };

test('the first visit asks for the first admin, and no later one does', async ({ page, browser, platform }) => {
  await page.goto('/');
  await expect(page).toHaveURL(/\/setup$/);
  await expectAccessible(page, 'set-up');
  await page.getByLabel('Name').fill(FIRST.name);
  await page.getByLabel('E-mail').fill(FIRST.email);
  await page.getByLabel('Password').fill(FIRST.password);
  await page.getByRole('button', { name: 'Make the account and sign in' }).click();
  await expect(page.getByRole('button', { name: `Account of ${FIRST.name}` })).toBeVisible();
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  await expect(page.getByRole('row', { name: new RegExp(FIRST.email) })).toContainText('you');

  const context = await browser.newContext({ baseURL: platform.baseUrl });
  const second = await context.newPage();
  await second.goto('/setup');
  await expect(second).toHaveURL(/\/sign-in$/);
  const refused = await second.request.post('/api/setup', {
    headers: { origin: platform.baseUrl },
    data: { ...FIRST, email: 'second@example.org' },
  });
  expect(refused.status()).toBe(409);
  expect(await refused.text()).not.toContain(FIRST.email);
  await second.getByLabel('E-mail').fill(FIRST.email);
  await second.getByLabel('Password').fill(FIRST.password);
  await second.getByRole('button', { name: 'Sign in' }).click();
  await expect(second.getByRole('button', { name: `Account of ${FIRST.name}` })).toBeVisible();
  await context.close();
});
