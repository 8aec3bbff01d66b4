import { setTimeout as pause } from 'node:timers/promises';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { BUDGET, type Held, heldBy, loadOf, typeOneKey, workOnce } from '../support/workspaceCost.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { rounded } from './summary.ts';

/** How long to work, in minutes: a round begins every 15 seconds then. Without it forty follow on one another. */
const MINUTES = Number(process.env.BENCH_MINUTES ?? 0);
const ROUND_MS = 15_000;
const ROUNDS = MINUTES > 0 ? Math.ceil((MINUTES * 60_000) / ROUND_MS) : 40;
const ROUNDS_A_LOOK = 10;

/** Loads the workspace with an empty cache, works in it, and says what that took in time, bytes and memory. */
export async function benchWorkspace(): Promise<Record<string, unknown>> {
  const platform = await PlatformUnderTest.start();
  const browser = await launchChromium();
  try {
    const admin = await Session.signIn(platform.baseUrl, 'admin@demo.plumbline.local', platform.demoPassword);
    const { account, session } = await expertWith(platform.baseUrl, admin, /practice/i);
    const attemptId = await startAttempt(session, /practice/i);
    const page = await (await browser.newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } })).newPage();
    const signIn = await loadOf(page, () => page.goto('/sign-in'), page.getByLabel('E-mail').waitFor.bind(page.getByLabel('E-mail')));
    await new People(page).signIn(account.email, account.password);
    const work = new WorkspacePage(page);
    await page.goto(`/attempts/${attemptId}/work`);
    await work.terminal(1).waitFor();
    await work.openFile('solution', 'textstats.py');

    const load = await loadOf(
      page,
      () => page.reload({ waitUntil: 'commit' }),
      () => typeOneKey(page),
    );
    await page.keyboard.press('Backspace');

    const held: Held[] = [];
    const beganMs = performance.now();
    for (let round = 0; round < ROUNDS; round += 1) {
      if (MINUTES > 0) await pause(Math.max(0, beganMs + round * ROUND_MS - performance.now()));
      await workOnce(page, work, round);
      if (round % ROUNDS_A_LOOK !== ROUNDS_A_LOOK - 1) continue;
      held.push(await heldBy(page));
      console.error(`${Math.round((performance.now() - beganMs) / 1000)} s: ${round + 1} rounds, ${JSON.stringify(held.at(-1))}`);
    }
    const heapMb = held.map((look) => rounded(look.heapMb));
    const faults = [
      ...(load.transferredMb > BUDGET.transferredMb
        ? [`${load.transferredMb} MB before the editor is usable; at most ${BUDGET.transferredMb}`]
        : []),
      ...(Math.max(...heapMb) > BUDGET.heapMb ? [`${Math.max(...heapMb)} MB of heap; at most ${BUDGET.heapMb}`] : []),
    ];
    return {
      bench: 'workspace',
      load,
      signIn,
      ratio: rounded(load.usableMs / signIn.usableMs),
      rounds: ROUNDS,
      heapMb,
      nodes: held.map(({ nodes }) => nodes),
      listeners: held.map(({ listeners }) => listeners),
      budget: BUDGET,
      faults,
    };
  } finally {
    await browser.close();
    await platform.stop();
  }
}
