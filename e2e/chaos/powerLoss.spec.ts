import { chmodSync, globSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@playwright/test';
import type { RecordedEvent } from '@plumbline/protocol';
import { isAbsent } from '@plumbline/testing/absence';
import { startAttempt, until } from '../support/attempt.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { descendantsOf, signalAll } from '../support/processFamily.ts';
import { randomFrom } from '../support/random.ts';
import { findFaults, hasAllShown, readEvents, recordedInput } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { Acts } from './acts.ts';
import { checkClock, readClock } from './clockReading.ts';
import { Disk } from './disk.ts';
import { checkEnding } from './ending.ts';
import { OutOfReach } from './givenBack.ts';
import { Witness } from './witness.ts';

/** How often the power fails. POWER_LOSSES=10 for a long run. */
const LOSSES = Number(process.env.POWER_LOSSES ?? 2);
/** A runner that dies again and again is replaced ever more slowly, after two minutes at last. */
const REPLACED_WITHIN_MS = 240_000;
/** It fails at a random moment within so long of when everything works. */
const CALM_MS = 4_000;
/** A runner's journal is synced every second; what it sent before may still be on its way to the database. */
const UNSYNCED_MS = 2_000;

const lineTyped = (n: number) => `echo line-$((${n} + 1000000))\n`;

/** A terminal of one life of the machine, with the lines that were typed into it. */
class Typist {
  readonly terminal: number;
  readonly #tab: Tab;
  readonly lines: number[] = [];
  /** How many of them the tab was told to be durable before the power failed. */
  acknowledged = 0;
  /** When how much of it was shown. */
  readonly #shown: { end: number; atMs: number }[] = [];

  constructor(tab: Tab, terminal: number) {
    this.#tab = tab;
    this.terminal = terminal;
    tab.watch(terminal);
    const { onOutput } = tab;
    tab.onOutput = (of, bytes) => {
      const stretch = tab.shown.get(of)?.at(-1);
      if (of === terminal && stretch !== undefined) this.#shown.push({ end: stretch.offset + stretch.length, atMs: Date.now() });
      onOutput(of, bytes);
    };
  }

  type(n: number): void {
    this.#tab.type(this.terminal, lineTyped(n));
    this.lines.push(n);
  }

  /** The bytes that were shown so shortly before a moment that no disk had to have them. */
  shownSince(atMs: number): number {
    const before = this.#shown.findLast((shown) => shown.atMs < atMs)?.end ?? 0;
    return (this.#shown.at(-1)?.end ?? 0) - before;
  }

  /** Of the lines typed a first part is recorded, each once, with all that were acknowledged in it. */
  check(events: readonly RecordedEvent[]): void {
    const input = recordedInput(events, this.#tab, this.terminal);
    const recorded = input.split('\n').length - 1;
    expect(input, `terminal ${this.terminal} was typed into once and in order`).toBe(this.lines.slice(0, recorded).map(lineTyped).join(''));
    expect(recorded, `what was acknowledged in terminal ${this.terminal}`).toBeGreaterThanOrEqual(this.acknowledged);
  }
}

/** Stops the whole machine in one moment, in which its disk keeps what it has; nothing of it is left then. */
async function losePower(platform: PlatformUnderTest, disk: Disk): Promise<void> {
  // Stopped from the root on: who is stopped begins nobody anew.
  let stopped: number[] = [];
  for (let all = descendantsOf(platform.supervisorPid); all.length > stopped.length; all = descendantsOf(platform.supervisorPid)) {
    signalAll(all, 'SIGSTOP');
    stopped = all;
  }
  disk.cutPower();
  signalAll(stopped, 'SIGKILL');
  await until('nothing runs any more', () => stopped.every(hasEnded));
  disk.powerUp();
}

function hasEnded(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

test('a machine that loses its power, with everything on it, loses nothing that was acknowledged and costs the expert no time', async () => {
  test.skip(isAbsent('a loss of power', Disk.missing()), 'file systems cannot be mounted');
  test.setTimeout(240_000 + LOSSES * REPLACED_WITHIN_MS);
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  console.log(`power loss seed ${seed} (CHAOS_SEED repeats it)`);
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-power-'));
  chmodSync(dir, 0o755);
  const disk = new Disk(dir);
  let platform = await PlatformUnderTest.start({}, disk.path);
  try {
    const session = await Session.signIn(platform.baseUrl, 'expert@demo.plumbline.local', platform.demoPassword);
    const attemptId = await startAttempt(session, /practice/i);
    const tab = new Tab(session, attemptId);
    const witness = new Witness(tab);
    await tab.open();
    await until('the sandbox is attached', () => tab.sandbox === 'attached');
    const atFirst = await readClock(tab);
    const reach = new OutOfReach();
    const acts = new Acts(tab, random);
    const typists: Typist[] = [];
    const lackMs = new Map<number, number>();
    let lines = 0;
    const open = async () => {
      const typist = new Typist(tab, (await tab.request('terminal.open', { cols: 120, rows: 30 })).terminal);
      typists.push(typist);
      return typist;
    };
    /** Works until the promise has ended. */
    const workUntil = async (typist: Typist, end: Promise<unknown>) => {
      let goesOn = true;
      const ended = end.finally(() => {
        goesOn = false;
      });
      while (goesOn) {
        typist.type(lines++);
        witness.edit();
        await sleep(40);
      }
      await ended;
    };

    // Before the first loss, and there after the last.
    const { n: scoreN } = await tab.request('score', {});
    const findScore = async () => (await tab.request('scores', {})).scores.find((row) => row.n === scoreN && row.status === 'scored');
    const scoredBefore = await until('a score is there', findScore);

    for (let loss = 0; loss < LOSSES; loss++) {
      const typist = await open();
      acts.start();
      await workUntil(typist, sleep(500 + random() * CALM_MS));
      const cutMs = Date.now();
      await losePower(platform, disk);
      await until('the tab has lost its platform', () => !tab.connected);
      typist.acknowledged = typist.lines.length - tab.unacknowledgedInput;
      lackMs.set(typist.terminal, cutMs - UNSYNCED_MS);
      platform = await PlatformUnderTest.start({}, disk.path);
      await until('the tab is back', () => tab.connected && tab.sandbox === 'attached', REPLACED_WITHIN_MS);
      await acts.stop();
      reach.surely({ fromMs: cutMs, toMs: Date.now() });
      reach.atMost({ fromMs: cutMs, toMs: Date.now() });
      console.log(`power lost: whole again after ${Date.now() - cutMs} ms`);
    }

    const last = await open();
    acts.start();
    await workUntil(last, sleep(1_000));
    await acts.stop();
    tab.type(last.terminal, 'touch ran stop\n');
    await until('everything typed is durable', () => tab.unacknowledgedInput === 0 && tab.unacknowledgedEvents === 0);
    last.acknowledged = last.lines.length;
    const events = await until('the last line is recorded, and what was shown of it', async () => {
      const all = await readEvents(platform, attemptId);
      const isTyped = recordedInput(all, tab, last.terminal).endsWith('touch ran stop\n');
      return isTyped && hasAllShown(all, tab, last.terminal) ? all : null;
    });
    const shownBytes = (terminal: number) => {
      const fromMs = lackMs.get(terminal);
      return fromMs === undefined ? 0 : (typists.find((typist) => typist.terminal === terminal)?.shownSince(fromMs) ?? 0);
    };
    expect(findFaults(events, tab, { shownBytes })).toEqual([]);
    const gaps = events.flatMap((event) => (event.type === 'connection.gap' ? [event.data] : []));
    expect(gaps.length, JSON.stringify(gaps)).toBeLessThanOrEqual(LOSSES);
    for (const typist of typists) if (typist !== last) typist.check(events);
    console.log(
      `${LOSSES} losses of power, ${tab.reconnects} reconnects, ${lines} lines typed, ${tab.eventCount} edits, ${gaps.length} gaps, ${events.length} events; ` +
        (await checkClock(session, tab, atFirst, reach)),
    );
    expect(await findScore()).toEqual(scoredBefore);
    console.log(await acts.check(() => readEvents(platform, attemptId)));
    await checkEnding(platform, session, tab, { witness, terminal: last.terminal, saved: acts.saved });
    tab.end();
  } catch (error) {
    console.log(platform.output);
    for (const log of globSync(join(disk.path, 'runners', '*', 'runner.log'))) console.log(readFileSync(log, 'utf8').slice(-10_000));
    throw error;
  } finally {
    await platform.stop({ keepData: true });
    disk.remove();
  }
});
