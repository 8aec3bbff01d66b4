import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { GATEWAY_PORT, type PlatformUnderTest, type ProcessName } from '../support/platform.ts';
import { familyOf, signalAll } from '../support/processFamily.ts';
import { randomFrom } from '../support/random.ts';
import { findFaults, hasAllShown, readEvents } from '../support/recordingCheck.ts';
import { Tab } from '../support/tab.ts';
import { Acts } from './acts.ts';
import { checkClock, checkPausedClock, readClock } from './clockReading.ts';
import { Desk } from './desk.ts';
import { checkEnding } from './ending.ts';
import { OutOfReach } from './givenBack.ts';
import { Witness } from './witness.ts';

/** CHAOS_FAULTS=100 for the long run; what a change is held to is each kind once, and each process killed at three moments. */
const LONG_RUN_FAULTS = Number(process.env.CHAOS_FAULTS ?? 0);
/** CHAOS_KINDS='database away,store away' for these kinds alone. */
const CHOSEN_KINDS = process.env.CHAOS_KINDS?.split(',') ?? null;
/** How long something is away or stands still: long enough for every time-out on the way to strike now and then. */
const AWAY_MS = 7_000;
/** CHAOS_AWAY_MS=300000 has database and store away, and a gateway stalled, for so long each time, and not for a random while. */
const SET_AWAY_MS = process.env.CHAOS_AWAY_MS === undefined ? null : Number(process.env.CHAOS_AWAY_MS);
/** A runner that hears and says nothing, on a link that nobody closes: past what the gateway waits for a sign of life. */
const CUT_OFF_MS = 15_000;
/** How long a runner finds no way to the gateway, while its programs go on and its journal fills. CHAOS_LINK_CUT_MS=600000 for a long one. */
const LINK_CUT_MS = Number(process.env.CHAOS_LINK_CUT_MS ?? 6_000);
/** One that dies again and again is replaced ever more slowly, after two minutes at last. */
const REPLACED_WITHIN_MS = 240_000;
/** Random moments are uniform within this stretch after the platform is whole again. */
const CALM_MS = 2_500;

/** Every so many faults one strikes while the attempt is paused, and less often where an attempt has not so many pauses. */
const PAUSED_EVERY = 4;
const PAUSES = 12;

interface Stage {
  platform: PlatformUnderTest;
  tab: Tab;
  desk: Desk;
  random: () => number;
  reach: OutOfReach;
}

const kill =
  (name: ProcessName) =>
  async ({ platform, reach }: Stage) => {
    const killed = platform.pid(name);
    const fromMs = Date.now();
    platform.kill(name);
    // Health believes a dead process's last word for ten seconds.
    await until(`another ${name} is there`, () => platform.pid(name) !== killed, REPLACED_WITHIN_MS);
    if (name === 'gateway' || name === 'postgres') reach.surely({ fromMs, toMs: Date.now() });
  };

const awayMs = (random: () => number) => SET_AWAY_MS ?? 1_000 + random() * AWAY_MS;

/** Ends a process's connections to a port, as a network does that is taken away: neither side says a word. */
function cutConnections(pid: number, port: number): void {
  const rows = execFileSync('ss', ['-tnpH', 'dport', '=', `:${port}`], { encoding: 'utf8' }).split('\n');
  for (const row of rows.filter((line) => line.includes(`pid=${pid},`))) {
    const sourcePort = /:(\d+)\s/.exec(row)?.[1] ?? '';
    execFileSync('ss', ['-K', '-tn', 'sport', '=', `:${sourcePort}`, 'and', 'dport', '=', `:${port}`], { stdio: 'ignore' });
  }
}

/** Stands still for a while and then goes on as if nothing had been: what it believed of the world is old. */
const stall =
  (name: ProcessName) =>
  async ({ platform, random, reach }: Stage) => {
    const pids = familyOf(platform.pid(name));
    const fromMs = Date.now();
    signalAll(pids, 'SIGSTOP');
    await sleep(awayMs(random));
    reach.surely({ fromMs, toMs: Date.now() });
    signalAll(pids, 'SIGCONT');
  };

const KILLS = ['gateway killed', 'worker killed', 'web killed', 'database killed'];
const FAULT_KINDS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'gateway killed': kill('gateway'),
  'worker killed': kill('worker'),
  'web killed': kill('web'),
  'database killed': kill('postgres'),
  'database away': stall('postgres'),
  'gateway stalled': stall('gateway'),
  'web stalled': stall('web'),
  'runner killed': async ({ platform, tab, desk, reach }) => {
    const killed = platform.runnerPid(tab.attemptId);
    const fromMs = Date.now();
    process.kill(killed, 'SIGKILL');
    await until('the gateway has lost it', () => tab.sandbox === 'away');
    const isAnother = () => tab.sandbox === 'attached' && platform.runnerPid(tab.attemptId) !== killed;
    await until('another one is there', isAnother, REPLACED_WITHIN_MS);
    reach.surely({ fromMs, toMs: Date.now() });
    await desk.open();
  },
  'runner cut off': async ({ platform, tab, random }) => {
    const pid = platform.runnerPid(tab.attemptId);
    process.kill(pid, 'SIGSTOP');
    await sleep(3_000 + random() * CUT_OFF_MS);
    process.kill(pid, 'SIGCONT');
  },
  'runner without a network': async ({ platform, tab }) => {
    const pid = platform.runnerPid(tab.attemptId);
    const untilMs = performance.now() + LINK_CUT_MS;
    let wasAway = false;
    while (performance.now() < untilMs) {
      cutConnections(pid, GATEWAY_PORT);
      await sleep(10);
      wasAway ||= tab.sandbox === 'away';
    }
    expect(wasAway).toBe(true);
  },
  'store away': async ({ platform, random }) => {
    const store = join(platform.dataDir, 'store');
    renameSync(store, `${store}.away`);
    // In its place stands what nothing can be written into.
    writeFileSync(store, '');
    await sleep(awayMs(random));
    rmSync(store);
    renameSync(`${store}.away`, store);
  },
  'link cut': async ({ tab }) => tab.cut(),
  'page reloaded in a browser that keeps nothing': async ({ tab }) => tab.losePage(5),
  'input doubled and out of order': async ({ tab, random }) => {
    for (let turn = 0; turn < 20; turn++) {
      tab.stutter(random);
      await sleep(30);
    }
  },
};

/** The gateway looks for the pages so often: they are out of reach from its last look before to its first after. */
const PAGES_LOOK_MS = 2_000;
/** What takes nothing away from anybody: it gives no time back. */
const COSTS_NO_TIME = [
  'worker killed',
  'store away',
  'link cut',
  'page reloaded in a browser that keeps nothing',
  'input doubled and out of order',
];
/** What types, edits or opens terminals cannot strike in a pause. */
const NEEDS_RUNNING = ['runner killed', 'page reloaded in a browser that keeps nothing', 'input doubled and out of order'];

test('random faults lose nothing, double nothing, and cost the expert no time', async ({ platform, signIn }) => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  console.log(`chaos seed ${seed} (CHAOS_SEED repeats it)`);
  const kinds = Object.keys(FAULT_KINDS).filter((kind) => process.getuid?.() === 0 || kind !== 'runner without a network');
  const plan = CHOSEN_KINDS ?? [...KILLS, ...KILLS, ...kinds];
  const faults = Array.from({ length: LONG_RUN_FAULTS || plan.length }, (_, i) => plan[i % plan.length] as string);
  test.setTimeout(faults.length * (30_000 + Math.max(SET_AWAY_MS ?? 0, LINK_CUT_MS)));
  const pausedEvery = Math.max(PAUSED_EVERY, Math.ceil(faults.length / PAUSES));
  for (let i = faults.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [faults[i], faults[j]] = [faults[j] as string, faults[i] as string];
  }

  const session = await signIn('expert');
  const attemptId = await startAttempt(session, /practice/i);
  const tab = new Tab(session, attemptId);
  const witness = new Witness(tab);
  await tab.open();
  await until('the sandbox is attached', () => tab.sandbox === 'attached');
  const atFirst = await readClock(tab);
  const desk = new Desk(tab);
  await desk.open();

  const reach = new OutOfReach();
  const acts = new Acts(tab, random);
  let typing = false;
  let typed = Promise.resolve();
  const work = () => {
    typing = true;
    typed = (async () => {
      while (typing) {
        desk.typeLine();
        witness.edit();
        await sleep(40);
      }
    })();
    acts.start();
  };
  const rest = async () => {
    typing = false;
    await typed;
    await acts.stop();
  };
  const strike = async (fault: string) => {
    const beganMs = Date.now();
    await FAULT_KINDS[fault]?.({ platform, tab, desk, random, reach });
    await sleep(50);
    await platform.untilHealthy();
    await until('the tab is back', () => tab.connected && tab.sandbox === 'attached');
    const lookMs = fault.startsWith('web') ? PAGES_LOOK_MS : 0;
    if (!COSTS_NO_TIME.includes(fault)) reach.atMost({ fromMs: beganMs - lookMs, toMs: Date.now() + lookMs });
    console.log(`${fault}: whole again after ${Math.round(Date.now() - beganMs)} ms`);
  };

  work();
  for (const [at, fault] of faults.entries()) {
    await sleep(200 + random() * CALM_MS);
    if (at % pausedEvery !== 0 || NEEDS_RUNNING.includes(fault)) {
      await strike(fault);
      continue;
    }
    await rest();
    await until('what was typed arrived', () => tab.unacknowledgedInput === 0 && tab.unacknowledgedEvents === 0);
    const paused = await tab.request('pause', { reason: 'break' });
    await strike(fault);
    const { state } = await tab.request('status', {});
    expect(state, `after ${fault} in a pause`).toBe('paused');
    await checkPausedClock(session, tab, paused.elapsedMs, `${fault} in a pause`);
    await tab.request('resume', {});
    work();
  }
  await rest();
  desk.typeLast();
  // A last one, so that what was lost before it is seen to be.
  witness.edit();
  // A tab is read so fast and no faster, and what was kept for ten minutes is much.
  const keptMs = Math.max(60_000, SET_AWAY_MS ?? 0, LINK_CUT_MS);
  await until('everything typed is durable', () => tab.unacknowledgedInput === 0 && tab.unacknowledgedEvents === 0, keptMs);

  const events = await until('the last line, and all that was shown, is recorded', async () => {
    const all = await readEvents(platform, attemptId);
    return desk.isWhollyRecorded(all) && hasAllShown(all, tab) ? all : null;
  });
  expect(findFaults(events, tab)).toEqual([]);

  const ticks = desk.check(events);

  const clock = await checkClock(session, tab, atFirst, reach);
  console.log(
    `${faults.length} faults, ${desk.reopened} runners replaced, ${tab.reconnects} reconnects, ${desk.lines} lines typed, ${tab.eventCount} edits, ${tab.lostEvents.size} lost with a page, ${ticks} ticks, ${events.length} events; ${clock}`,
  );
  console.log(await acts.check(() => readEvents(platform, attemptId)));
  const endedMs = performance.now();
  await checkEnding(platform, session, tab, { witness, terminal: desk.terminal, saved: acts.saved });
  console.log(`ended, verified and exported in ${Math.round(performance.now() - endedMs)} ms`);
  tab.end();
});
