import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claimEpoch, type EpochClaim } from '@plumbline/database/recordingTail';
import { decodeRunnerFrame, EVENTS, type EventInput, type EventType, type RecordedEvent } from '@plumbline/protocol';
import { loadRecordingKeys } from '@plumbline/recording/keys';
import { openRecording, type Recording, type TerminalSeek } from '@plumbline/recording/reader';
import { AttemptRecorder } from '@plumbline/recording/recorder';
import { drawScreen, type ScreenStep } from '@plumbline/screens';
import { fingerprint, makeTerminal, write } from '@plumbline/screens/screens.fixture';
import { folderStore } from '@plumbline/storage';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import type { Terminal } from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TerminalRig } from './terminals.fixture.ts';

const SIZES = [
  [132, 43],
  [61, 17],
  [100, 30],
  [80, 24],
] as const;

/**
 * `foot` stands in the last or last but one row of the screen once the program draws itself at its size, `word` is of it and put out each
 * time, and what `mark` types has it show a word after all that it had to draw; htop draws all at once.
 */
interface Program {
  start: string;
  foot: RegExp;
  word: string;
  keys: readonly string[];
  mark?: (n: number) => string;
  end: string;
}
const PROGRAMS: Record<string, Program> = {
  vim: {
    start: 'vim -u NONE -N "+set number hlsearch laststatus=2" text.txt',
    foot: /text\.txt/,
    word: 'text.txt',
    keys: ['/line\r', 'dd5jp', ':vsplit\r', '\x06\x06', 'iüber 漢字 🙂\x1b', ':set wrap!\r', 'V5j>', '\x07'],
    // In the line that stays when all is drawn again; the command itself, which is shown as it is typed, does not have the word.
    mark: (n) => `:set statusline=%f\\ ma\\rk-${n}\r`,
    end: ':qa!\r',
  },
  htop: { start: 'htop -d 2', foot: /F1Help/, word: 'Help', keys: ['t', '\x1b[B\x1b[B', 'I', 'H', 'P', 'M', '+', '-'], end: 'q' },
  tmux: {
    start: 'TMUX_TMPDIR=. tmux -f tmux.conf -L recorded new-session -s work',
    foot: /\[work\]/,
    word: '[work]',
    keys: ['ls -la --color=always\r', '\x02%', 'seq 1 60\r', '\x02"', 'echo größer\r', '\x02o', '\x02[\x1b[5~\x1b[5~q', '\x02z'],
    mark: (n) => `echo mark-$((${n}+0))\r`,
    end: 'tmux kill-server\r',
  },
};

const rig = new TerminalRig();
let database: TestDatabase;
let folder: TemporaryFolder;

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

/** What a journal's entries say, as the gateway has it. */
function eventsOf(entries: TerminalRig['entries']): EventInput[] {
  return entries.flatMap(({ kind, body }): EventInput[] => {
    if (kind === 'text') {
      const { type, stream, atMs, data } = JSON.parse(body.toString()) as { type: EventType; stream: number; atMs: number; data: unknown };
      return [{ type, stream, atMs, data: EVENTS[type].schema.parse(data) } as EventInput];
    }
    const frame = decodeRunnerFrame(body);
    if (frame?.kind !== 'output') return [];
    return [{ type: 'terminal.output', stream: frame.terminal, atMs: frame.atMs, data: { offset: frame.offset, bytes: frame.bytes } }];
  });
}

/** Records events as the gateway's recorder does, seals them in several segments, and opens what it made. */
async function recordingOf(events: readonly EventInput[]): Promise<Recording> {
  const { db } = database;
  const store = folderStore(`${folder.path}/store`);
  const keys = await loadRecordingKeys(`${folder.path}/keys`);
  const attemptId = (await makeAttempt(db)).attempt.id;
  const claim = (await claimEpoch(db, attemptId, null)) as EpochClaim;
  const ignore = () => {};
  const callbacks = { onDurable: ignore, onStalled: ignore, onStale: ignore };
  const recorder = await AttemptRecorder.open({ db, store, keys, attemptId, claim, nowMs: () => events[0]?.atMs ?? 0, ...callbacks });
  for (const [i, event] of events.entries()) {
    recorder.offer('runner:a', i + 1, event);
    if (i % Math.ceil(events.length / 4) === 0) await recorder.seal();
  }
  await recorder.finish();
  return openRecording({ db, store, keys, attemptId });
}

const stepOf = (event: RecordedEvent): ScreenStep | null =>
  event.type === 'terminal.output'
    ? { kind: 'output', ...event.data }
    : event.type === 'terminal.resized'
      ? { kind: 'resize', ...event.data }
      : null;

async function take(step: ScreenStep, to: Terminal): Promise<void> {
  if (step.kind === 'resize') to.resize(step.cols, step.rows);
  else await write(to, step.bytes);
}

/** A terminal that shows what a replay's does after a jump: the keyframe, as far as it could be drawn ahead, and the rest. */
async function shown(pages: AsyncIterable<TerminalSeek>): Promise<Terminal> {
  let keyframe: TerminalSeek['keyframe'] = null;
  const events: RecordedEvent[] = [];
  for await (const page of pages) {
    keyframe ??= page.keyframe;
    events.push(...page.events);
  }
  const opened = events.find((event) => event.type === 'terminal.opened');
  const base = keyframe?.data ?? { cols: opened?.data.cols ?? 0, rows: opened?.data.rows ?? 0, offset: 0, screen: '' };
  const steps = events.flatMap((event) => stepOf(event) ?? []);
  const drawn = (await drawScreen(base, steps, () => false)) ?? { base, tail: steps };
  const terminal = makeTerminal(drawn.base.cols, drawn.base.rows);
  await write(terminal, drawn.base.screen);
  for (const step of drawn.tail) await take(step, terminal);
  return terminal;
}

/** What was typed, at which sizes, into a program that drew itself after each of them. */
async function use({ start, foot, word, keys, mark, end }: Program): Promise<number> {
  writeFileSync(join(rig.dir, 'text.txt'), Array.from({ length: 200 }, (_, i) => `line ${i} ${'word '.repeat(i % 23)}`).join('\n'));
  // Keys that come at once are keys.
  writeFileSync(join(rig.dir, 'tmux.conf'), 'set -g assume-paste-time 0\n');
  const id = rig.terminals.open(80, 24);
  const screenIs = (isThere: (terminal: Terminal) => void) =>
    vi.waitFor(
      async () => {
        const { cols, rows, screen } = await rig.terminals.restore(id);
        const terminal = makeTerminal(cols, rows);
        await write(terminal, screen);
        isThere(terminal);
        terminal.dispose();
      },
      { timeout: 20_000, interval: 50 },
    );
  const rowsOf = ({ buffer: { active }, rows }: Terminal) =>
    Array.from({ length: rows }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '');
  const hasDrawn = (cols: number, rows: number, since = 0) =>
    screenIs((terminal) => {
      // A screen that is made smaller has the foot of before at once.
      expect(rig.outputBytes(id).subarray(since).toString()).toContain(word);
      expect([terminal.cols, terminal.rows, terminal.buffer.active.type]).toEqual([cols, rows, 'alternate']);
      expect(rowsOf(terminal).slice(-2).join('\n')).toMatch(foot);
    });
  await rig.seen(id, /\$ /);
  rig.type(id, `${start}\r`);
  await hasDrawn(80, 24);
  for (const [at, key] of keys.entries()) {
    // Old enough for a keyframe with what comes now.
    rig.skippedMs += 3 * 3_600_000;
    rig.type(id, key);
    if (mark !== undefined) {
      rig.type(id, mark(at));
      // A new size that comes while it works is missed by vim.
      await screenIs((terminal) => expect(rowsOf(terminal).join('\n')).toContain(`mark-${at}`));
    }
    const [cols, rows] = SIZES[at % SIZES.length] as (typeof SIZES)[number];
    rig.terminals.resize(id, cols, rows);
    await hasDrawn(cols, rows, rig.outputBytes(id).length);
  }
  rig.type(id, end);
  // What is typed before that goes to the program that ends.
  await screenIs((terminal) => expect(terminal.buffer.active.type).toBe('normal'));
  rig.type(id, 'echo it-$((1+1))-ended\r');
  await rig.seen(id, 'it-2-ended');
  return id;
}

describe('a full-screen program, from its terminal through recorder, sealed segments and reader to the screen of a replay', () => {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    it(`is the same cell by cell after a jump to any moment, and at every keyframe: ${name}`, { timeout: 120_000 }, async () => {
      const id = await use(program);
      const events = eventsOf(rig.entries);
      const recording = await recordingOf(events);
      expect((await recording.segments()).length).toBeGreaterThan(2);

      // A terminal that is fed the same bytes as they came, beside those of a replay.
      const whole = makeTerminal(80, 24);
      const own = events.filter((event) => event.stream === id);
      let compared = 0;
      let offset = 0;
      for (const [at, event] of own.entries()) {
        const step = stepOf(event as RecordedEvent);
        if (step !== null) await take(step, whole);
        if (event.type === 'terminal.output') offset = event.data.offset + event.data.bytes.length;
        if (event.type === 'terminal.keyframe' && event.data.offset === offset) {
          const copy = makeTerminal(event.data.cols, event.data.rows);
          await write(copy, event.data.screen);
          expect(fingerprint(copy), `the keyframe at ${offset}`).toEqual(fingerprint(whole));
          copy.dispose();
        }
        // What a larger screen uncovers is not in a keyframe of the alternate screen: the program paints it anew, and has done so by the next size.
        const next = own.slice(at + 1).find(({ type }) => type === 'terminal.output' || type === 'terminal.resized');
        const isSettled = event.type === 'terminal.output' && next?.type !== 'terminal.output' && next?.atMs !== event.atMs;
        if (!isSettled) continue;
        const copy = await shown(recording.seekTerminal(id, event.atMs));
        expect(fingerprint(copy), `after a jump to event ${at} of ${own.length}`).toEqual(fingerprint(whole));
        copy.dispose();
        compared += 1;
      }
      whole.dispose();
      expect(compared).toBeGreaterThanOrEqual(program.keys.length - 1);
      expect(rig.keyframesOf(id)).not.toEqual([]);
    });
  }
});
