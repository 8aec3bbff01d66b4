import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import { decodeRunnerFrame } from '@plumbline/protocol';
import { isBetweenSequences, KEYFRAME_SCROLLBACK_LINES, serialiseScreen } from '@plumbline/screens';
import { fingerprint, makeTerminal, write } from '@plumbline/screens/screens.fixture';
import type { Terminal } from '@xterm/headless';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { OutputAllowance } from './outputAllowance.ts';
import { ServerTime } from './serverTime.ts';
import { Terminals } from './terminals.ts';

/** A recorded terminal's part of the journal, as a replay reads it. */
type Step = { kind: 'output'; bytes: Uint8Array } | { kind: 'resize'; cols: number; rows: number };

const SIZES = [
  [80, 24],
  [132, 43],
  [61, 17],
  [100, 30],
] as const;

const PROGRAMS: Record<string, { start: string; ready: RegExp; keys: readonly string[]; end: readonly string[] }> = {
  vim: {
    start: 'vim -u NONE -N "+set number hlsearch" text.txt',
    ready: /text\.txt/,
    keys: ['/line\r', 'dd5jp', ':vsplit\r', '\x06\x06', 'iüber 漢字 🙂\x1b', ':set wrap!\r', 'V5j>', '\x07'],
    end: ['\x1b', ':qa!\r'],
  },
  htop: { start: 'htop -d 2', ready: /Help|Quit/, keys: ['t', '\x1b[B\x1b[B', 'I', '/ba', '\x1b', 'H', 'P'], end: ['q'] },
  tmux: {
    start: 'tmux -f /dev/null -L recorded new-session -s work',
    ready: /\[work\]/,
    keys: ['ls -la --color=always\r', '\x02%', 'seq 1 60\r', '\x02"', 'echo größer\r', '\x02o', '\x02[\x1b[5~\x1b[5~q', '\x02z'],
    end: ['\x02:', 'kill-server\r'],
  },
};

let dir: string;
let journal: Journal<LogState>;
let entries: JournalEntry[];
let terminals: Terminals;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'programs-'));
  writeFileSync(join(dir, 'text.txt'), Array.from({ length: 200 }, (_, i) => `line ${i} ${'word '.repeat(i % 23)}`).join('\n'));
  journal = openJournal(join(dir, 'journal'));
  const log = new EventLog(journal, new ServerTime(systemClock), systemClock);
  entries = [];
  log.deliverTo((entry) => entries.push(entry));
  terminals = new Terminals({
    allowance: new OutputAllowance({ clock: systemClock }),
    log,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    shellCommand: (env) => ({
      file: '/bin/bash',
      args: ['--norc', '--noprofile'],
      env: { ...env, PATH: process.env.PATH ?? '', PS1: '$ ', HOME: dir, LANG: 'C.UTF-8', TMUX_TMPDIR: dir },
      cwd: dir,
    }),
    onListChanged: () => {},
  });
});

afterEach(async () => {
  await terminals.dispose();
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

function steps(): Step[] {
  return entries.flatMap(({ kind, body }): Step[] => {
    if (kind === 'binary') {
      const frame = decodeRunnerFrame(body);
      return frame?.kind === 'output' ? [{ kind: 'output', bytes: frame.bytes }] : [];
    }
    const event = JSON.parse(body.toString()) as { type: string; data: { cols: number; rows: number } };
    return event.type === 'terminal.resized' ? [{ kind: 'resize', cols: event.data.cols, rows: event.data.rows }] : [];
  });
}

async function take(step: Step, to: Terminal): Promise<void> {
  if (step.kind === 'resize') to.resize(step.cols, step.rows);
  else await write(to, step.bytes);
}

describe('a recorded full-screen program', () => {
  for (const [name, { start, ready, keys, end }] of Object.entries(PROGRAMS)) {
    it(`is the same cell by cell from every keyframe, at changing sizes: ${name}`, async () => {
      const id = terminals.open(80, 24);
      let n = 0;
      const type = (text: string) => terminals.input({ tab: 'tab', terminal: id, n: ++n, more: false, bytes: Buffer.from(text) });
      const output = () => Buffer.concat(steps().flatMap((step) => (step.kind === 'output' ? [step.bytes] : []))).toString();
      type(`${start}\r`);
      await vi.waitFor(() => expect(output().split(start).at(-1)).toMatch(ready), { timeout: 20_000, interval: 50 });
      for (const [at, key] of keys.entries()) {
        const [cols, rows] = SIZES[at % SIZES.length] as (typeof SIZES)[number];
        terminals.resize(id, cols, rows);
        type(key);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      for (const key of end) {
        type(key);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      type('echo it-$((1+1))-ended\r');
      await vi.waitFor(() => expect(output()).toContain('it-2-ended'), { timeout: 20_000, interval: 50 });

      const recorded = steps();
      expect(recorded.filter(({ kind }) => kind === 'resize').length).toBeGreaterThanOrEqual(keys.length - 1);
      // The bytes as they came, and copies that begin at keyframes along the way.
      const whole = makeTerminal(80, 24);
      const copies: { from: number; terminal: Terminal }[] = [];
      let compared = 0;
      for (const [at, step] of recorded.entries()) {
        await take(step, whole);
        // What a larger screen uncovers is not in a keyframe of the alternate screen: the program paints it anew.
        const isSettled = recorded[at + 1]?.kind !== 'output';
        for (const { from, terminal } of copies) {
          await take(step, terminal);
          if (!isSettled || step.kind === 'resize') continue;
          expect(fingerprint(terminal), `from the keyframe after step ${from}, at step ${at}`).toEqual(fingerprint(whole));
          compared += 1;
        }
        if (at % Math.ceil(recorded.length / 12) !== 0 || !isBetweenSequences(whole)) continue;
        const copy = makeTerminal(whole.cols, whole.rows);
        await write(copy, serialiseScreen(whole, KEYFRAME_SCROLLBACK_LINES));
        expect(fingerprint(copy), `the keyframe after step ${at}`).toEqual(fingerprint(whole));
        copies.push({ from: at, terminal: copy });
      }
      expect(compared).toBeGreaterThan(20);
      for (const { terminal } of copies) terminal.dispose();
      whole.dispose();
    });
  }
});
