import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { BUDGET, heapMbOf, loadOf, typeOneKey, workOnce } from '../support/workspaceCost.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';
import { rounded } from './summary.ts';

const ROUNDS = 40;

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

    const heapMb: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await workOnce(page, work, round);
      if (round % 10 === 9) heapMb.push(rounded(await heapMbOf(page)));
    }
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
      budget: BUDGET,
      faults,
    };
  } finally {
    await browser.close();
    await platform.stop();
  }
}
