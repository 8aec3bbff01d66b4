import { test as base } from '@playwright/test';
import { PlatformUnderTest } from './platform.ts';
import { Session } from './session.ts';

interface WorkerFixtures {
  platform: PlatformUnderTest;
}

interface TestFixtures {
  /** Signs in one of the demo accounts without a browser. */
  signIn: (role: 'expert' | 'reviewer' | 'researcher' | 'admin') => Promise<Session>;
}

/** Tests on one installation that they share. */
export const test = base.extend<TestFixtures, WorkerFixtures>({
  platform: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's dependencies from this pattern.
    async ({}, use) => {
      const platform = await PlatformUnderTest.start();
      await use(platform);
      await platform.stop();
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  baseURL: async ({ platform }, use) => use(platform.baseUrl),
  signIn: async ({ platform }, use) => {
    await use((role) => Session.signIn(platform.baseUrl, `${role}@demo.plumbline.local`, platform.demoPassword));
  },
});

export { expect } from '@playwright/test';
