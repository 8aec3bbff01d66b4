import { test as base } from '@playwright/test';
import { PlatformUnderTest } from './platform.ts';
import { Session } from './session.ts';

interface WorkerFixtures {
  /** What the installation holds at first. A file that uses another one has an installation of its own. */
  seed: 'demo' | 'empty';
  platform: PlatformUnderTest;
}

interface TestFixtures {
  /** Signs in one of the demo accounts without a browser. */
  signIn: (role: 'expert' | 'reviewer' | 'researcher' | 'admin') => Promise<Session>;
}

/** Tests on one installation that they share. */
export const test = base.extend<TestFixtures, WorkerFixtures>({
  seed: ['demo', { option: true, scope: 'worker' }],
  platform: [
    async ({ seed }, use) => {
      const platform = await PlatformUnderTest.start({ PLUMBLINE_SEED: seed });
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
