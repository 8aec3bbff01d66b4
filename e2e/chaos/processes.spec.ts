import { setTimeout as sleep } from 'node:timers/promises';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import type { ProcessName } from '../support/platform.ts';
import { findFaults, readEvents, recordedInput, recordedLines } from '../support/recordingCheck.ts';
import { Tab } from '../support/tab.ts';

const KILLS_EACH = 3;
/** Random moments are uniform within this stretch after the platform is whole again. */
const CALM_MS = 2_500;

/** Mulberry32: a seed that is printed makes a run repeatable in its choices. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface ClockEventRow {
  kind: string;
  fromMs?: number;
  toMs?: number;
  creditMs?: number;
}

test('processes killed at random moments lose nothing, double nothing, and cost the expert no time', async ({ platform, signIn }) => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  console.log(`chaos seed ${seed} (CHAOS_SEED repeats it)`);
  const victims = (['gateway', 'worker', 'web', 'postgres'] as ProcessName[]).flatMap((name) => Array<ProcessName>(KILLS_EACH).fill(name));
  for (let i = victims.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [victims[i], victims[j]] = [victims[j] as ProcessName, victims[i] as ProcessName];
  }

  const session = await signIn('expert');
  const attemptId = await startAttempt(session, /practice/i);
  const startedMs = performance.now();
  const tab = new Tab(session, attemptId);
  const welcome = await tab.open();
  const startElapsedMs = welcome.clock.elapsedMs - (performance.now() - startedMs);
  await until('the sandbox is attached', () => tab.sandbox === 'attached');
  const { terminal: typist } = await tab.request('terminal.open', { cols: 120, rows: 30 });
  const { terminal: ticker } = await tab.request('terminal.open', { cols: 80, rows: 24 });
  tab.watch(typist);
  tab.watch(ticker);
  tab.type(ticker, 'i=0; while [ ! -e stop ]; do echo "tick $i"; i=$((i+1)); sleep 0.02; done\n');

  let lines = 0;
  let typing = true;
  const typed = (async () => {
    while (typing) {
      tab.type(typist, `echo line-$((${lines} + 1000000))\n`);
      lines += 1;
      await sleep(40);
    }
  })();

  for (const victim of victims) {
    await sleep(200 + random() * CALM_MS);
    const killedMs = performance.now();
    platform.kill(victim);
    await sleep(50);
    await platform.untilHealthy();
    await until('the tab is back', () => tab.connected && tab.sandbox === 'attached');
    console.log(`killed ${victim}: whole again after ${Math.round(performance.now() - killedMs)} ms`);
  }
  typing = false;
  await typed;
  tab.type(typist, 'touch stop; echo all-typed\n');
  await until('everything typed is durable', () => tab.unacknowledgedInput === 0);
  const before = await tab.request('status', {});
  const wallMs = performance.now() - startedMs;

  const events = await until('the last line is recorded', async () => {
    const all = await readEvents(platform, attemptId);
    return recordedLines(all, typist).includes('\nall-typed\n') ? all : null;
  });
  expect(findFaults(events, tab)).toEqual([]);

  const input = recordedInput(events, tab, typist);
  const expected = Array.from({ length: lines }, (_, i) => `echo line-$((${i} + 1000000))\n`).join('');
  expect(input).toBe(`${expected}touch stop; echo all-typed\n`);
  const output = recordedLines(events, typist);
  for (let i = 0; i < lines; i++) expect(output.split(`\nline-${1_000_000 + i}\n`).length - 1, `line ${i} ran once`).toBe(1);
  const ticks = recordedLines(events, ticker).match(/^tick \d+$/gm) as string[];
  for (const [i, tick] of ticks.entries()) expect(tick).toBe(`tick ${i}`);

  // What was given back is in the log; the rest of the wall time must be the elapsed time.
  const { events: clockEvents } = await session.query<{ events: ClockEventRow[] }>('attempt.get', { attemptId });
  const givenBackMs = clockEvents.reduce(
    (sum, event) =>
      sum +
      (event.kind === 'outage'
        ? (event.toMs as number) - (event.fromMs as number)
        : event.kind === 'adjusted'
          ? (event.creditMs as number)
          : 0),
    0,
  );
  const errorMs = startElapsedMs + wallMs - givenBackMs - before.elapsedMs;
  console.log(
    `${victims.length} kills, ${tab.reconnects} reconnects, ${lines} lines typed, ${ticks.length} ticks, ${events.length} events; ` +
      `wall ${Math.round(wallMs)} ms, given back ${Math.round(givenBackMs)} ms, clock off by ${Math.round(errorMs)} ms`,
  );
  expect(Math.abs(errorMs)).toBeLessThan(1_000);
  tab.end();
});
