import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser } from '@playwright/test';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { NarrowProxy } from '../support/narrowProxy.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { BUDGET, type Held, heldBy, type Load, type Weight, watchEditor, weightOf } from '../support/workspaceCost.ts';
import { WorkspaceWork } from '../support/workspaceWork.ts';
import { CodeServerPage, type ComparedPage, type OwnAttempt, OwnPage } from './comparedPages.ts';
import { growthFaults, growthOf, WARM_UP_ROUNDS } from './growth.ts';
import { rounded } from './summary.ts';

/** How long to work, in minutes: a round begins every minute then. Without it `ROUNDS` follow on one another. */
const MINUTES = Number(process.env.BENCH_MINUTES ?? 0);
const ROUND_MS = 60_000;
/** Three times what a slope is looked for in without the first ones, so that one that is above its bound stands out. */
const ROUNDS = MINUTES > 0 ? Math.ceil((MINUTES * 60_000) / ROUND_MS) : 3 * WARM_UP_ROUNDS;

/** The smallest screen that the workspace is made for, and a large one. */
const SIZES = [
  { width: 1280, height: 720 },
  { width: 2560, height: 1440 },
];
const LOADS = Number(process.env.BENCH_LOADS ?? 5);
const KEYS = 100;
/** The address of a code-server to load and type into in turn with the workspace. */
const CODE_SERVER = process.env.BENCH_CODE_SERVER;

/** Loads the workspace with an empty cache on two screens, works in it, and says what that took in time, bytes and memory. */
export async function benchWorkspace(): Promise<Record<string, unknown>> {
  const platform = await PlatformUnderTest.start();
  const proxy = await NarrowProxy.start();
  const browser = await launchChromium();
  try {
    const admin = await Session.signIn(platform.baseUrl, 'admin@demo.plumbline.local', platform.demoPassword);
    const { account, session } = await expertWith(platform.baseUrl, admin, /practice/i);
    const attempt = { baseUrl: platform.baseUrl, account, attemptId: await startAttempt(session, /practice/i) };
    const weights = await weigh(browser, proxy, attempt);
    say(JSON.stringify(weights));
    const sizes = LOADS > 0 ? await timeLoads(browser, attempt) : [];
    const held = await workOn(browser, proxy, attempt);
    const growth = growthOf(held);
    const heapMb = Math.max(...held.map((look) => look.heapMb));
    const { transferredMb } = weights.workspace;
    return {
      bench: 'workspace',
      ...weights,
      sizes,
      rounds: ROUNDS,
      held: Object.fromEntries((Object.keys(growth) as (keyof Held)[]).map((of) => [of, held.map((look) => rounded(look[of]))])),
      growth,
      budget: BUDGET,
      faults: [
        ...(transferredMb > BUDGET.transferredMb
          ? [`${transferredMb} MB before the editor is usable; at most ${BUDGET.transferredMb}`]
          : []),
        ...(heapMb > BUDGET.heapMb ? [`${rounded(heapMb)} MB of heap; at most ${BUDGET.heapMb}`] : []),
        ...growthFaults(growth),
      ],
    };
  } finally {
    await browser.close();
    proxy.stop();
    await platform.stop();
  }
}

type Subjects<T> = { workspace: T; codeServer?: T };

/** The workspace, and the code-server where one is named, each in a page of its own. */
async function open(browser: Browser, attempt: OwnAttempt): Promise<Subjects<ComparedPage>> {
  const workspace = await OwnPage.open(browser, attempt);
  return CODE_SERVER === undefined ? { workspace } : { workspace, codeServer: await CodeServerPage.open(browser, CODE_SERVER) };
}

async function each<T, U>({ workspace, codeServer }: Subjects<T>, act: (of: T) => Promise<U>): Promise<Subjects<U>> {
  const own = await act(workspace);
  return codeServer === undefined ? { workspace: own } : { workspace: own, codeServer: await act(codeServer) };
}

/** One after the other: what one page goes on to send would be counted as the other's. */
async function weigh(browser: Browser, proxy: NarrowProxy, attempt: OwnAttempt): Promise<Subjects<Weight>> {
  const weightOfOne = async (one: ComparedPage) => {
    const weight = await weightOf(one.page, proxy, () => one.load());
    await one.page.context().close();
    return weight;
  };
  const workspace = await weightOfOne(await OwnPage.open(browser, attempt, proxy.url));
  if (CODE_SERVER === undefined) return { workspace };
  return { workspace, codeServer: await weightOfOne(await CodeServerPage.open(browser, CODE_SERVER, proxy.url)) };
}

/** On each screen some loads in turn, and then keys. */
async function timeLoads(browser: Browser, attempt: OwnAttempt) {
  const pages = await open(browser, attempt);
  const figures = [];
  for (const size of SIZES) {
    await each(pages, (one) => one.page.setViewportSize(size));
    const loads: Subjects<Load>[] = [];
    while (loads.length < LOADS) loads.push(await each(pages, (one) => one.load()));
    const keys = await each(pages, async (one) => ({ editor: await one.editorKeys(KEYS), terminal: await one.terminalKeys(KEYS) }));
    const times = {
      workspace: spreadOf(loads.map(({ workspace }) => workspace)),
      codeServer: spreadOf(loads.flatMap(({ codeServer }) => codeServer ?? [])),
    };
    figures.push({ ...size, loads: times, keys, loadAverage: rounded(loadavg()[0] ?? 0) });
    say(JSON.stringify(figures.at(-1)));
  }
  await each(pages, (one) => one.page.context().close());
  return figures;
}

/** Of each figure the least, the median and the most. */
function spreadOf(loads: readonly Load[]) {
  const spread = (of: keyof Load) => {
    const sorted = loads.map((load) => load[of]).sort((a, b) => a - b);
    return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  };
  return {
    usableMs: spread('usableMs'),
    blockingMs: spread('blockingMs'),
    longestTaskMs: spread('longestTaskMs'),
    layoutShift: spread('layoutShift'),
  };
}

/** Round after round of work in one page, and what it held after each. */
async function workOn(browser: Browser, proxy: NarrowProxy, attempt: OwnAttempt): Promise<Held[]> {
  const { page, work } = await OwnPage.open(browser, attempt, proxy.url);
  await watchEditor(page);
  await page.reload();
  await work.terminal(1).waitFor();
  const rounds = new WorkspaceWork(page, work, proxy);
  await rounds.prepare();
  const held: Held[] = [];
  const beganMs = performance.now();
  while (held.length < ROUNDS) {
    if (MINUTES > 0) await pause(Math.max(0, beganMs + held.length * ROUND_MS - performance.now()));
    await rounds.round(held.length + 1);
    held.push(await heldBy(page));
    say(`${held.length} rounds, ${JSON.stringify(held.at(-1))}`);
  }
  return held;
}

/** It takes minutes: where it is, for whoever waits. */
const say = (text: string) => console.error(`${(performance.now() / 1000).toFixed(0)} s: ${text}`);
