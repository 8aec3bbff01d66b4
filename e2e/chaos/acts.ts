import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '@plumbline/protocol';
import { until } from '../support/attempt.ts';
import { expect } from '../support/fixtures.ts';
import type { Tab } from '../support/tab.ts';

interface ScoreStatus {
  n: number;
  trigger: string;
  status: string;
}

/** What an expert does besides typing, while things fail: saves, notes and scores. What was confirmed is held to. */
export class Acts {
  readonly #tab: Tab;
  readonly #random: () => number;
  /** The hashes of the files that were saved, by their paths. */
  readonly saved = new Map<string, string>();
  readonly #notes: { n: number; text: string }[] = [];
  readonly #scores: number[] = [];
  #failed = 0;
  #turn = 0;
  #running: Promise<void> | null = null;
  #wanted = false;

  constructor(tab: Tab, random: () => number) {
    this.#tab = tab;
    this.#random = random;
  }

  start(): void {
    this.#wanted = true;
    this.#running = this.#run();
  }

  /** Resolves when the act that is under way is answered, or lost. */
  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      if (this.#tab.connected) await this.#act(this.#turn++).catch(() => void this.#failed++);
      await sleep(100 + this.#random() * 300);
    }
  }

  async #act(turn: number): Promise<void> {
    if (turn % 8 === 7) {
      this.#scores.push((await this.#tab.request('score', {})).n);
    } else if (turn % 2 === 1) {
      const text = `note ${turn}`;
      this.#notes.push({ ...(await this.#tab.request('note', { text })), text });
    } else {
      const [path, text] = [`saved-${turn}`, `saved at turn ${turn}\n`];
      await this.#tab.request('file.write', { tab: this.#tab.id, path, text, baseHash: null });
      this.saved.set(path, createHash('sha256').update(text).digest('hex'));
    }
  }

  /** Holds everything that was confirmed against the log of scores and the recording. Answers what there was, in words. */
  async check(readEvents: () => Promise<RecordedEvent[]>): Promise<string> {
    const scores = await until('every score has ended', async () => {
      const { scores: rows }: { scores: ScoreStatus[] } = await this.#tab.request('scores', {});
      return rows.every(({ status }) => status !== 'running') ? rows : null;
    });
    const asked = scores.filter(({ trigger }) => trigger === 'participant');
    // A runner that is killed takes the score with it that it was at.
    for (const n of this.#scores) expect(asked.find((row) => row.n === n)?.status, `score ${n}`).toMatch(/^(scored|cancelled)$/);
    expect(asked.map(({ status }) => status)).toContain('scored');
    const recorded = await until('every note is recorded', async () => {
      const notes = (await readEvents()).flatMap((event) => (event.type === 'note.written' ? [event.data] : []));
      return this.#notes.every(({ n }) => notes.some((note) => note.n === n)) ? notes : null;
    });
    for (const { n, text } of this.#notes) expect(recorded.filter((note) => note.n === n)).toEqual([expect.objectContaining({ text })]);
    expect(recorded.map(({ n }) => n)).toEqual(recorded.map((_, at) => at + 1));
    return `${this.saved.size} saves, ${this.#notes.length} notes and ${this.#scores.length} scores confirmed, ${this.#failed} refused or lost`;
  }
}
