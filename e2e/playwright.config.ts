import { defineConfig } from '@playwright/test';

const WORKSPACE = 'journeys/workspace*.spec.ts';
const ENVIRONMENTS = 'journeys/environments.spec.ts';
const TIMED = /@timed/;

/**
 * Journeys in a real Chromium, hostile clients and chaos without one: all against the production build with real
 * sandboxes. One worker: they share the machine's ports, and two cores.
 */
export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  workers: 1,
  fullyParallel: false,
  forbidOnly: process.env.CI !== undefined,
  timeout: 300_000,
  expect: { timeout: 20_000 },
  reporter: [['list'], ['json', { outputFile: '../test-results/e2e.json' }]],
  projects: [
    { name: 'start', testMatch: 'start/*.spec.ts' },
    // Those of the workspace need nothing from the internet, and may run where there is none. Both take alike.
    { name: 'journeys', testMatch: 'journeys/*.spec.ts', testIgnore: [WORKSPACE, ENVIRONMENTS] },
    { name: 'workspace', testMatch: WORKSPACE },
    { name: 'environments', testMatch: ENVIRONMENTS, grepInvert: TIMED },
    // Their scores are a time: nothing may run beside them.
    { name: 'timed', testMatch: ENVIRONMENTS, grep: TIMED },
    { name: 'placement', testMatch: 'placement/*.spec.ts' },
    { name: 'hostile', testMatch: 'hostile/*.spec.ts' },
    { name: 'chaos', testMatch: 'chaos/*.spec.ts' },
    // For machines that have one: `npm run test:gpu`.
    { name: 'gpu', testMatch: 'gpu/*.spec.ts' },
  ],
  use: {
    viewport: { width: 1440, height: 900 },
    // An act that cannot be done says so, and why, long before the test's own limit.
    actionTimeout: 30_000,
    // What was done and answered, and a picture where a test fails. A picture of every frame would cost as much as the work on a machine
    // without a graphics card, and the document at each act a sixth of it: `--trace on` has both, for the test that is looked into.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: false, sources: false },
    screenshot: 'only-on-failure',
    launchOptions: {
      // Chromium without the bars and menus of its window, which cost a quarter of the processor's time of a journey.
      executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium-headless-shell',
      args: [
        // Chromium's own sandbox refuses to run as root, as in most CI containers.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
