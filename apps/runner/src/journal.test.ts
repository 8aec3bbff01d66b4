import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, type JournalEntry } from './journal.ts';

/** The state counts entries and sums their bytes: a fold that forgets or repeats one shows. */
interface Sums {
  count: number;
  bytes: number;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function open(fileMaxBytes = 2_000): Journal<Sums> {
  return new Journal<Sums>({
    dir,
    initialState: { count: 0, bytes: 0 },
    fold: (state, entry) => ({ count: state.count + 1, bytes: state.bytes + entry.body.length }),
    fileMaxBytes,
  });
}

function bodies(journal: Journal<Sums>, after = 0): string[] {
  return [...journal.entriesAfter(after)].map((entry: JournalEntry) => `${entry.n}:${entry.body.toString()}`);
}

const journalFiles = () => readdirSync(dir).sort();

describe('the journal', () => {
  it('gives back what was appended, with its numbers, after a restart', () => {
    const journal = open();
    for (let i = 1; i <= 5; i++) journal.append(i % 2 ? 'text' : 'binary', (n) => `entry ${n}`);
    journal.close();
    const again = open();
    expect(bodies(again)).toEqual(['1:entry 1', '2:entry 2', '3:entry 3', '4:entry 4', '5:entry 5']);
    expect(again.append('text', (n) => `${n}`).n).toBe(6);
    again.close();
  });

  it('goes on numbering after everything was acknowledged and its files deleted', () => {
    const journal = open(100);
    for (let i = 1; i <= 50; i++) journal.append('text', () => 'x'.repeat(60));
    journal.acknowledge(50);
    expect(journalFiles()).toHaveLength(1);
    journal.close();
    const again = open(100);
    expect(again.append('text', () => 'y').n).toBe(51);
    expect(again.state.count).toBe(51);
    again.close();
  });

  it('has nothing on the disk that was appended before it turned, once that is acknowledged, whatever ends in between', () => {
    const onDisk = () =>
      journalFiles()
        .map((name) => readFileSync(join(dir, name), 'utf8'))
        .join('');
    const journal = open(1_000_000);
    for (let i = 1; i <= 3; i++) journal.append('text', () => `secret ${i}`);
    journal.acknowledge(2);
    journal.turn();
    journal.append('text', () => 'later');
    // What nobody else has yet stays.
    expect(onDisk()).toContain('secret 3');
    journal.close();
    const again = open(1_000_000);
    expect(bodies(again, 2)).toEqual(['3:secret 3', '4:later']);
    again.acknowledge(3);
    expect(onDisk()).not.toContain('secret');
    again.turn();
    again.turn();
    again.acknowledge(4);
    expect(onDisk()).not.toContain('later');
    expect(again.append('text', () => 'goes on').n).toBe(5);
    again.close();
    const last = open(1_000_000);
    expect(bodies(last, 4)).toEqual(['5:goes on']);
    expect(last.state.count).toBe(5);
    last.close();
  });

  it('has nothing on the disk where all was acknowledged before it turned', () => {
    const journal = open(1_000_000);
    journal.append('text', () => 'secret');
    journal.acknowledge(1);
    journal.turn();
    expect(
      journalFiles()
        .map((name) => readFileSync(join(dir, name), 'utf8'))
        .join(''),
    ).not.toContain('secret');
    journal.close();
  });

  it('keeps on disk no more than what is not acknowledged, and one file', () => {
    const journal = open(10_000);
    for (let i = 1; i <= 400; i++) {
      journal.append('binary', () => 'z'.repeat(1_000));
      journal.acknowledge(i - 5);
    }
    const bytes = journalFiles().reduce((sum, name) => sum + readFileSync(join(dir, name)).length, 0);
    expect(bytes).toBeLessThan(2 * 13_000);
    expect(journal.unacknowledgedBytes).toBe(5_000);
    journal.close();
  });

  it('loses nothing after an acknowledgement and gives a prefix, whatever byte a crash cuts at', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ size: fc.integer({ min: 0, max: 400 }), ack: fc.boolean() }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (steps, cut, flip) => {
          rmSync(dir, { recursive: true, force: true });
          const journal = open(500);
          const written: string[] = [];
          let acked = 0;
          for (const step of steps) {
            const text = String.fromCharCode(97 + (written.length % 26)).repeat(step.size);
            const { n } = journal.append('text', () => text);
            written.push(`${n}:${text}`);
            if (step.ack) {
              acked = n;
              journal.acknowledge(n);
            }
          }
          journal.close();
          // Only the newest file is ever half written. Bytes of entries that were acknowledged may be cut too.
          const last = join(dir, journalFiles().at(-1) ?? '');
          const data = readFileSync(last);
          const at = Math.floor(cut * data.length);
          if (flip && at < data.length) {
            data[at] = (data[at] ?? 0) ^ 0xff;
            writeFileSync(last, data);
          } else {
            truncateSync(last, at);
          }
          const again = open(500);
          const got = bodies(again);
          const firstGot = got.length === 0 ? again.lastN + 1 : Number(got[0]?.split(':')[0]);
          // What is there is a run of what was written, and it starts no later than the first that is not acknowledged.
          expect(got).toEqual(written.slice(firstGot - 1, again.lastN));
          if (again.lastN > acked) expect(firstGot).toBeLessThanOrEqual(acked + 1);
          expect(again.state.count).toBe(again.lastN);
          const next = again.append('text', () => 'after');
          expect(next.n).toBe(again.lastN);
          again.close();
          const third = open(500);
          expect(third.lastN).toBe(next.n);
          third.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('goes on from the next whole file where the beginning of the oldest is gone, and numbers nothing anew', () => {
    const journal = open(300);
    for (let i = 1; i <= 20; i++) journal.append('text', () => 'x'.repeat(60));
    journal.close();
    const [oldest = '', second = ''] = journalFiles();
    const data = readFileSync(join(dir, oldest));
    data.fill(0, 0, 40);
    writeFileSync(join(dir, oldest), data);
    const again = open(300);
    expect(again.lastN).toBe(20);
    expect(again.firstN).toBe(Number(second.slice(0, 16)));
    expect(again.state).toEqual({ count: 20, bytes: 1_200 });
    expect(bodies(again)[0]).toMatch(new RegExp(`^${again.firstN}:`));
    again.close();
  });

  it('keeps no entries with a hole between them', () => {
    const journal = open(300);
    for (let i = 1; i <= 20; i++) journal.append('text', () => 'x'.repeat(60));
    journal.close();
    const [, second = '', third = ''] = journalFiles();
    truncateSync(join(dir, second), readFileSync(join(dir, second)).length - 1);
    const again = open(300);
    expect([again.firstN, again.lastN]).toEqual([Number(third.slice(0, 16)), 20]);
    again.close();
    expect(journalFiles()[0]).toBe(third);
  });

  it('numbers what comes after a power cut behind what the recording has, in this life and the next', () => {
    const before = open();
    for (let i = 1; i <= 3; i++) before.append('text', (n) => `entry ${n}`);
    before.close();
    const journal = open();
    journal.append('text', () => 'since');
    const again = journal.continueAfter(5);
    expect(again?.map(({ body }) => body.toString())).toEqual(['since']);
    expect(journal.state.count).toBe(3);
    expect(journal.append('text', () => 'again').n).toBe(6);
    expect(journal.continueAfter(9)).toBeNull();
    journal.close();
    const next = open();
    expect([bodies(next), next.firstN, next.state.count]).toEqual([['6:again'], 6, 4]);
    next.close();
  });

  it('leaves its numbers alone where the recording has no more than it', () => {
    open().close();
    const journal = open();
    journal.append('text', () => 'one');
    expect(journal.continueAfter(0)).toBeNull();
    expect(bodies(journal)).toEqual(['1:one']);
    journal.close();
  });
});
