import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from '@playwright/test';
import { normalise } from '@plumbline/core';
import { createDatabase, type Database } from '@plumbline/database';
import { assign } from '@plumbline/database/assignments';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import { type EnvironmentSettings, environmentScore, loadFamily } from '@plumbline/taskstandard';
import { expect, test } from '../support/fixtures.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { ScriptedAgent } from '../support/scriptedAgent.ts';
import { expectStated, expectWithinNoise } from '../support/timedScores.ts';
import { People, WorkspacePage } from '../support/workspacePage.ts';

/**
 * An attempt at the `small` of each family of `environments/re-bench` in the browser, from the assignment to the result, with one small
 * step in between. A scripted agent takes the same step in a sandbox of its own. The two workspaces and the bare host's score of the
 * first are scored by the same scorer. The browser attempt at `optimize_kernel` is the one of attempt.spec.ts.
 */

const FAMILIES_DIR = join(import.meta.dirname, '../../environments/re-bench');
/** Of preparing, a score or the re-scores of one attempt beside those of the others. */
const PHASE_TIMEOUT_MS = 240_000;

interface Step {
  /** What both type into a terminal. */
  command?: string;
  /** What the expert writes in the editor, and the agent by the shell. One family's at most: a browser has one clipboard. */
  file?: { path: [string, ...string[]]; text: string };
}

/** What makes a submission a little better in seconds. */
const STEPS: Record<string, Step> = {
  scaling_law: { file: { path: ['solution', 'answer.json'], text: '{ "n_embd": 128, "max_iters": 248, "loss_prediction": 3.85 }\n' } },
  fix_embedding: {
    command: `python3 -c "import torch; s = torch.load('large_model.pth'); s['tokens.weight'] *= 0.8; torch.save(s, 'fixed_model.pth')"`,
  },
  gpt2_rl_qa: {
    command: `sed -i 's/min(8,/min(64,/; s/steps=5, rate=1e-4/steps=1, rate=1e-3/' solution/rl_finetune.py; OPENBLAS_NUM_THREADS=1 python3 solution/rl_finetune.py`,
  },
  // With its first weights drawn alike, which the program itself does not do.
  restricted_mlm: {
    command: `(cd solution && OPENBLAS_NUM_THREADS=1 python3 -c "import sys, torch, train; torch.set_num_threads(1); torch.manual_seed(0); sys.argv[1:] = ['--steps', '500']; train.main()")`,
  },
  optimize_llm_foundry: {
    command: `sed -i 's/% options\\["eval_interval_steps"\\] == 0/% 30 == 0/; s/options\\["device_train_microbatch_size"\\]/16/' solution/train.py`,
  },
  rust_codecontests: {
    command: `sed -i -e 's/temperature=0)\\[0\\]/&.split("\`\`\`rust\\\\n")[-1].split("\`\`\`")[0]/' -e 's/\\[solve(problem) for problem in problems\\]/[solve(p) if i % 2 == 0 else "" for i, p in enumerate(problems)]/' solution/solve_code_contests_rust.py`,
  },
};
/**
 * How far the starting solution's score may lie from the manifest's, where nothing is timed. Another kind of processor adds in another
 * order, and trains to other weights: for the questions of `gpt2_rl_qa` that is within two standard errors. Another seed does so too: for
 * `fix_embedding`, of which eight seeds had an SD of 0.012, three of these.
 */
const START_TOLERANCE: Record<string, number> = {
  scaling_law: 0.005,
  fix_embedding: 0.04,
  restricted_mlm: 0.02,
  gpt2_rl_qa: 0.12,
  rust_codecontests: 0,
};
/** Families whose score is a time, with the starting solution's on a busy machine as their README has it. */
const TIMED: Record<string, { mean: number; sd: number }> = { optimize_llm_foundry: { mean: 2.31, sd: 0.21 } };

/** What the details of a score of the finetuning script say. */
type Taken = Record<'solution' | 'original', { seconds: number }>;

const families = readdirSync(FAMILIES_DIR).filter((family) => family !== 'optimize_kernel');
const settingsOf = (family: string) => loadFamily(join(FAMILIES_DIR, family)).tasks['small']?.settings as EnvironmentSettings;

test.describe('an attempt at each small environment', () => {
  let db: Database;
  let context: BrowserContext;
  let agent: ScriptedAgent;

  test.beforeAll(async ({ browser, platform, signIn }) => {
    db = createDatabase(platform.databaseUrl, { poolMax: 2 });
    context = await browser.newContext({ baseURL: platform.baseUrl, permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    await new People(page).signIn('expert@demo.plumbline.local', platform.demoPassword);
    await page.close();
    agent = await ScriptedAgent.make(db, await signIn('admin'));
    const expert = await db.prisma.user.findUniqueOrThrow({ where: { email: 'expert@demo.plumbline.local' } });
    // All before the first attempt, which freezes the study.
    const { id: studyId } = await createStudy(db, { name: 'Small environments', kind: 'qa' }, { by: null });
    for (const family of families) {
      const familyDir = join(FAMILIES_DIR, family);
      const { contentHash, tasks } = loadFamily(familyDir);
      const version = tasks['small']?.version ?? '';
      const environment = { family, task: 'small', version, familyDir, contentHash, settings: settingsOf(family) };
      const { id: environmentId } = await saveEnvironment(db, environment);
      await addEnvironmentToStudy(db, studyId, environmentId);
      for (const userId of [expert.id, agent.userId]) await assign(db, { studyId, userId, environmentId }, { by: null });
    }
  });
  test.afterAll(async () => {
    await context.close();
    await db.close();
  });

  /** From the assignment to the result; the attempt, and a copy of the workspace that was submitted. */
  async function attemptInBrowser(family: string, platform: PlatformUnderTest): Promise<{ attemptId: string; workspace: string }> {
    const { title } = settingsOf(family);
    const page = await context.newPage();
    const work = new WorkspacePage(page);
    await page.goto('/');
    await page.getByRole('listitem').filter({ hasText: title }).getByRole('button', { name: 'Get ready' }).click();
    await page.getByRole('button', { name: 'Prepare the sandbox' }).click();
    await page.getByRole('button', { name: 'Start the clock' }).click({ timeout: PHASE_TIMEOUT_MS });
    await page.getByRole('alertdialog').or(page.getByRole('dialog')).getByRole('button', { name: 'Start the clock' }).click();
    // The person's layout comes along from the attempt before, in which another tab was in front at the end.
    await expect(page.getByTestId('instructions')).toContainText('Your score', { timeout: 60_000 });
    const attemptId = /attempts\/([0-9a-f-]+)\/work/.exec(page.url())?.[1] as string;

    const { command, file } = STEPS[family] ?? {};
    if (file !== undefined) {
      await work.openFile(...file.path);
      await work.replaceText(file.text);
    }
    if (command !== undefined) {
      await work.type(1, `clear; ${command}; echo stepped-$?\n`);
      await work.expectOnScreen(1, /^stepped-0$/m, PHASE_TIMEOUT_MS);
    }
    const workspace = mkdtempSync(join(tmpdir(), 'plumbline-workspace-'));
    cpSync(join(platform.dataDir, 'runners', attemptId, 'workspace'), workspace, { recursive: true, verbatimSymlinks: true });

    await page.getByTestId('submit').click();
    await page.getByTestId('submit-sure').check();
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).getByRole('button', { name: 'Submit' }).click();
    await page.getByTestId('result-link').click({ timeout: PHASE_TIMEOUT_MS });
    await expect(page.getByRole('heading', { name: title })).toBeVisible();
    await expect(page.getByRole('table').first()).toBeVisible({ timeout: PHASE_TIMEOUT_MS });
    await page.close();
    return { attemptId, workspace };
  }

  /** What the scorer gave for the starting solution, and for the work that an attempt ends with. */
  async function scoresOf(attemptId: string): Promise<{ start: number; work: number[] }> {
    const rows = await db.prisma.score.findMany({ where: { attemptId }, orderBy: { n: 'asc' } });
    const scoreOf = (row: { score: number | null } | undefined) => row?.score ?? Number.NaN;
    return {
      start: scoreOf(rows.find(({ trigger }) => trigger === 'start')),
      work: rows.filter(({ trigger }) => trigger !== 'start').map(scoreOf),
    };
  }

  function agentsLine(family: string): string {
    const { command, file } = STEPS[family] ?? {};
    if (file !== undefined) return `echo '${file.text.trimEnd()}' > ${file.path.join('/')}`;
    return command ?? 'true';
  }

  /** The same work scored three ways. */
  async function scoreThreeWays(family: string, platform: PlatformUnderTest) {
    const { attemptId, workspace } = await attemptInBrowser(family, platform);
    const { start, work: person } = await scoresOf(attemptId);
    const agentsId = await agent.work(new RegExp(`^${settingsOf(family).title}$`), agentsLine(family), PHASE_TIMEOUT_MS);
    const { work: agents } = await scoresOf(agentsId);
    const { outcome } = await environmentScore(join(FAMILIES_DIR, family), 'small', { workspace });
    rmSync(workspace, { recursive: true, force: true });
    return { attemptId, agentsId, start, person, agents, bare: [outcome.score ?? Number.NaN], bareDetails: outcome.details };
  }

  test('is scored alike for a person, an agent and on the bare host, to the last digit where nothing is timed', async ({ platform }) => {
    test.setTimeout(PHASE_TIMEOUT_MS * 3);
    // Two at once: one computes while the other waits. Those that take longest come first.
    const waiting = ['gpt2_rl_qa', 'fix_embedding', 'restricted_mlm', 'rust_codecontests', 'scaling_law'];
    expect([...waiting, ...Object.keys(TIMED)].sort()).toEqual(families);
    const work = async () => {
      for (let family = waiting.shift(); family !== undefined; family = waiting.shift()) {
        const { start, person, agents, bare } = await scoreThreeWays(family, platform);
        const scores = { start, person, agents, bare };
        const settings = settingsOf(family);
        const told = `${family}: ${JSON.stringify(scores)}`;
        // Of the final state, and clean ones.
        expect(scores.person.length, told).toBe(1 + settings.cleanRescores);
        expect(scores.agents.length, told).toBe(1);
        const all = [...scores.person, ...scores.agents, ...scores.bare];
        expect(all, told).toEqual(all.map(() => all[0]));
        const apart = Math.abs(scores.start - (settings.startingScore as number));
        expect(apart, told).toBeLessThanOrEqual(START_TOLERANCE[family] as number);
        // Better than the start, and what the repository shows gives no good solution away.
        const gained = normalise(all[0] as number, { ...settings, startingScore: scores.start }).unclipped;
        expect(gained, told).toBeGreaterThan(0);
        expect(normalise(all[0] as number, settings).unclipped, told).toBeLessThanOrEqual(0.3);
      }
    };
    await Promise.all([work(), work()]);
  });

  for (const [family, busy] of Object.entries(TIMED)) {
    const promise = `${family} is scored alike for a person, an agent and on the bare host, within its noise, and better for a quicker script`;
    test(promise, { tag: '@timed' }, async ({ platform }) => {
      test.setTimeout(PHASE_TIMEOUT_MS * 2);
      const settings = settingsOf(family);
      const scored = await scoreThreeWays(family, platform);
      expectStated(scored.start, settings.startingScore as number, busy);
      // Each score runs the original too, and tells how long both took: on any machine the start takes the original's time.
      const takenIn = async (attemptId: string) => {
        const rows = await db.prisma.score.findMany({ where: { attemptId }, orderBy: { n: 'asc' } });
        return rows.map(({ trigger, details }) => ({ trigger, ...(details as unknown as Taken) }));
      };
      const taken = await takenIn(scored.attemptId);
      // By that of the same minute: a shared machine takes twice as long for everything a few minutes later.
      const ofOriginals = ({ solution, original }: Taken) => Math.log(solution.seconds / original.seconds);
      const ofWork = (all: typeof taken) => all.filter(({ trigger }) => trigger !== 'start').map(ofOriginals);
      const bare = [ofOriginals(scored.bareDetails as Taken)];
      expectWithinNoise({ person: ofWork(taken), agents: ofWork(await takenIn(scored.agentsId)), bare }, busy.sd);
      const told = JSON.stringify(taken.map(({ trigger, solution, original }) => [trigger, solution.seconds, original.seconds]));
      const least = (of: number[]) => Math.min(...of);
      const original = least(taken.map((row) => row.original.seconds));
      const [start] = taken.filter(({ trigger }) => trigger === 'start');
      expect(Math.abs(Math.log((start?.solution.seconds ?? 0) / original)), told).toBeLessThan(3 * Math.SQRT2 * busy.sd);
      const better = least(taken.filter(({ trigger }) => trigger !== 'start').map((row) => row.solution.seconds));
      const gained = Math.log(better / original);
      // By the processor's time it gains 0.3.
      expect(gained, told).toBeLessThan(-0.05);
      // What the repository shows gives no good solution away.
      expect(normalise((settings.startingScore as number) + gained, settings).unclipped, told).toBeLessThanOrEqual(0.3);
    });
  }
});
