import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import { decodeRunnerFrame } from '@plumbline/protocol';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventLog, type LogState, openJournal } from '../../../../../runner/src/eventLog.ts';
import type { Journal, JournalEntry } from '../../../../../runner/src/journal.ts';
import { ServerTime } from '../../../../../runner/src/serverTime.ts';
import { Terminals } from '../../../../../runner/src/terminals.ts';
import { RecordedTerminals } from './recordedTerminals.fixture.ts';

let dir: string;
let journal: Journal<LogState>;
let entries: JournalEntry[];
let terminals: Terminals;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'search-'));
  const lines = Array.from({ length: 300 }, (_, n) => `${n % 50 === 7 ? 'a needle' : 'plain hay'} in line ${n}`);
  writeFileSync(join(dir, 'text.txt'), lines.join('\n'));
  journal = openJournal(join(dir, 'journal'));
  const log = new EventLog(journal, new ServerTime(systemClock), systemClock);
  entries = [];
  log.deliverTo((entry) => entries.push(entry));
  terminals = new Terminals({
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

/** What the runner has recorded of the terminal so far. */
function recordedSoFar(): RecordedTerminals {
  const recorded = new RecordedTerminals().open(1, 80, 24);
  for (const { kind, body } of entries) {
    if (kind === 'binary') {
      const frame = decodeRunnerFrame(body);
      if (frame?.kind === 'output') recorded.put(1, frame.bytes);
      continue;
    }
    const { type, data } = JSON.parse(body.toString()) as { type: string; data: { cols: number; rows: number } };
    if (type === 'terminal.resized') recorded.resize(1, data.cols, data.rows);
  }
  return recorded;
}

const PROGRAMS: Record<string, { start: string; acts: [keys: string, shows: RegExp][]; text: string }> = {
  vim: {
    start: 'vim -u NONE -N text.txt',
    acts: [
      ['', /in line 5/],
      [':57\r', /in line 60/],
      ['zt', /in line 70/],
      ['onewly wri', /newly wri/],
      ['tten', /newly written/],
      ['\x1b:q!\r', /\$$/],
    ],
    text: 'needle in line 57',
  },
  less: {
    start: 'less text.txt',
    acts: [
      ['', /in line 5/],
      [' ', /in line 40/],
      [' ', /in line 60/],
      ['b', /in line 30/],
      ['q', /\$$/],
    ],
    text: 'needle in line 57',
  },
  tmux: {
    start: 'tmux -f /dev/null -L searched new-session -s work',
    acts: [
      ['', /\[work\]/],
      ['\x02%', /│/],
      ['sed -n 58p text.txt\r', /a needle in line 57/],
      ['\x02:', /:$/],
      ['kill-server\r', /exited/],
    ],
    text: 'needle in line 57',
  },
  htop: {
    start: 'htop -d 2',
    acts: [
      ['', /Load average/],
      ['\x1b[B', /Load average/],
      ['q', /\$$/],
    ],
    text: 'load average',
  },
};

describe('a search of a recorded full-screen program', () => {
  for (const [name, { start, acts, text }] of Object.entries(PROGRAMS)) {
    it(`leads to the moment at which the text came onto the screen: ${name}`, async () => {
      const id = terminals.open(80, 24);
      let n = 0;
      const type = (keys: string) => terminals.input({ tab: 'tab', terminal: id, n: ++n, more: false, bytes: Buffer.from(keys) });
      const shows = (what: RegExp) =>
        vi.waitFor(async () => expect((await recordedSoFar().screens(1)).at(-1)?.join('\n').trimEnd()).toMatch(what), {
          timeout: 20_000,
          interval: 50,
        });
      await shows(/\$$/);
      type(`${start}\r`);
      for (const [keys, what] of acts) {
        if (keys !== '') type(keys);
        await shows(what);
      }
      const recorded = recordedSoFar();
      const found = (await recorded.find(text)).map(([second]) => second);
      const has = (await recorded.screens(1)).map((rows) => rows.join('\n').toLowerCase().includes(text));
      const first = has.indexOf(true);
      expect(first).toBeGreaterThan(0);
      expect(found[0]).toBe(first);
      // And never to one at which it is not there.
      expect(found.map((second) => has[second])).toEqual(found.map(() => true));
    });
  }
});
