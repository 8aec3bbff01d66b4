import { setTimeout as sleep } from 'node:timers/promises';
import { expertWith } from '../support/accounts.ts';
import { startAttempt, until } from '../support/attempt.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { findFaults, readEvents } from '../support/recordingCheck.ts';
import type { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { privateMb, rssMb } from './processes.ts';
import { latencyOf, rounded } from './summary.ts';

/** So many sandboxes are asked for at once. */
const LANES = 3;
/** What a training run prints: a line about three times a second. */
const TRAINING = `python3 -uc "import itertools, random, time
any(print(f'step {n} loss {random.random():.4f}') or time.sleep(0.2 + 0.25 * random.random()) for n in itertools.count())"\n`;
/** Beside it each person types a key now and then. */
const KEY_EVERY_MIN_MS = 500;
const KEY_EVERY_MAX_MS = 2_500;
const INTERRUPT = '\x03';
/** After the last byte that a tab saw: by then the recording has been written. */
const WRITTEN_AFTER_MS = 3_000;

interface Member {
  tab: Tab;
  terminal: number;
  shownBytes: number;
  typedKeys: number;
  timer: NodeJS.Timeout | null;
}

/**
 * Other live attempts on the same gateway. Each is real: an account and an attempt of its own, its runner and its sandbox, a
 * program that prints, and a tab that shows it and types. The tabs are sockets of this process instead of browsers.
 */
export class Crowd {
  readonly #platform: PlatformUnderTest;
  readonly #admin: Session;
  readonly #members: Member[] = [];
  #fromMs = 0;

  constructor(platform: PlatformUnderTest, admin: Session) {
    this.#platform = platform;
    this.#admin = admin;
  }

  /** Has more attempts join until there are so many. */
  async growTo(size: number, say: (text: string) => void): Promise<void> {
    let next = this.#members.length;
    const lane = async () => {
      while (next < size) {
        next += 1;
        const { session } = await expertWith(this.#platform.baseUrl, this.#admin, /practice/i);
        await this.#join(new Tab(session, await startAttempt(session, /practice/i)));
        if (this.#members.length % 10 === 0) say(`${this.#members.length} other attempts are live`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async #join(tab: Tab): Promise<void> {
    await tab.open();
    await until('the sandbox is attached', () => tab.sandbox === 'attached');
    const { terminal } = await tab.request('terminal.open', { cols: 120, rows: 30 });
    const member: Member = { tab, terminal, shownBytes: 0, typedKeys: 0, timer: null };
    tab.onOutput = (_, bytes) => {
      member.shownBytes += bytes.length;
    };
    tab.watch(terminal);
    tab.type(terminal, TRAINING);
    await until('the training prints', () => tab.text(terminal).includes('loss 0.'));
    this.#members.push(member);
    this.#typeLater(member);
  }

  #typeLater(member: Member): void {
    const delayMs = KEY_EVERY_MIN_MS + Math.random() * (KEY_EVERY_MAX_MS - KEY_EVERY_MIN_MS);
    member.timer = setTimeout(() => {
      member.tab.type(member.terminal, 'x');
      member.typedKeys += 1;
      this.#typeLater(member);
    }, delayMs);
  }

  /** From here on what it does is counted. */
  beginCount(): void {
    this.#fromMs = performance.now();
    for (const member of this.#members) Object.assign(member, { shownBytes: 0, typedKeys: 0 });
  }

  /** What it did since the count began, and what its runners take. */
  count() {
    const seconds = (performance.now() - this.#fromMs) / 1_000;
    const pids = this.#members.map(({ tab }) => this.#platform.runnerPid(tab.attemptId));
    const sum = (of: 'shownBytes' | 'typedKeys') => this.#members.reduce((total, member) => total + member[of], 0);
    return {
      attempts: this.#members.length,
      silent: this.#members.filter(({ shownBytes }) => shownBytes === 0).length,
      shownBytesPerSecond: Math.round(sum('shownBytes') / seconds),
      keysPerSecond: rounded(sum('typedKeys') / seconds),
      runnerRssMb: latencyOf(pids.map(rssMb)).medianMs,
      runnerPrivateMb: latencyOf(pids.map(privateMb)).medianMs,
    };
  }

  /** Ends its programs and tabs, and says what of it the recordings lack. */
  async disperse(): Promise<string[]> {
    for (const { tab, terminal, timer } of this.#members) {
      clearTimeout(timer ?? undefined);
      tab.type(terminal, INTERRUPT);
    }
    for (const { tab } of this.#members) {
      await until('everything typed is durable', () => tab.unacknowledgedInput === 0, 120_000);
      tab.end();
    }
    await sleep(WRITTEN_AFTER_MS);
    const faults: string[] = [];
    for (const { tab } of this.#members) {
      if (tab.reconnects > 0) faults.push(`the tab of ${tab.attemptId} was cut ${tab.reconnects} times`);
      for (const fault of findFaults(await readEvents(this.#platform, tab.attemptId), tab)) faults.push(`${tab.attemptId}: ${fault}`);
    }
    return faults;
  }
}
