import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '@plumbline/config/systemClock';
import type { Clock } from '@plumbline/core';
import { decodeRunnerFrame, RUNNER_FRAME_MAX_BYTES, RUNNER_UNACKNOWLEDGED_MAX_BYTES, type RunnerFrame } from '@plumbline/protocol';
import headless, { type Terminal } from '@xterm/headless';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { OutputAllowance } from './outputAllowance.ts';
import { ServerTime } from './serverTime.ts';
import { Terminals } from './terminals.ts';

const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
const logger = pino({ level: 'silent' });

let dir: string;
let journal: Journal<LogState>;
let log: EventLog;
let terminals: Terminals;
let allowance: OutputAllowance;
let entries: JournalEntry[];
let nextN: number;
/** So much later than it is, for what comes only after a while. */
let skippedMs: number;
const clock: Clock = { ...systemClock, monoMs: () => systemClock.monoMs() + skippedMs };

function start(limits: { freeBytes?: number; slowBytesPerSecond?: number } = {}): void {
  journal = openJournal(join(dir, 'journal'));
  log = new EventLog(journal, new ServerTime(systemClock), systemClock);
  entries = [];
  log.deliverTo((entry) => entries.push(entry));
  allowance = new OutputAllowance({ clock: systemClock, ...limits });
  terminals = new Terminals({
    allowance,
    log,
    clock,
    logger,
    shellCommand: (env) => ({
      file: '/bin/bash',
      args: ['--norc', '--noprofile'],
      env: { ...env, PATH: process.env.PATH ?? '', PS1: '$ ', HOME: dir, LANG: 'C.UTF-8' },
      cwd: dir,
    }),
    onListChanged: () => {},
  });
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'terminals-'));
  nextN = 1;
  skippedMs = 0;
  start();
});

afterEach(async () => {
  await terminals.dispose();
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

const frames = (): RunnerFrame[] =>
  entries
    .filter(({ kind }) => kind === 'binary')
    .map(({ body }) => decodeRunnerFrame(body))
    .filter((frame) => frame !== null);
const events = (): { type: string; stream: number; data: Record<string, unknown> }[] =>
  entries.filter(({ kind }) => kind === 'text').map(({ body }) => JSON.parse(body.toString()));
const outputBytes = (id: number) =>
  Buffer.concat(frames().flatMap((frame) => (frame.kind === 'output' && frame.terminal === id ? [Buffer.from(frame.bytes)] : [])));

const keyframesOf = (id: number) => events().filter(({ type, stream }) => type === 'terminal.keyframe' && stream === id);

function type(id: number, text: string | Uint8Array, more = false): void {
  terminals.input({ tab: TAB, terminal: id, n: nextN++, more, bytes: typeof text === 'string' ? Buffer.from(text) : text });
}

async function seen(id: number, text: string | RegExp, timeoutMs = 20_000): Promise<void> {
  await vi.waitFor(() => expect(outputBytes(id).toString()).toMatch(text), { timeout: timeoutMs, interval: 20 });
}

/** Every cell of a terminal's viewport, with its style. */
function cells(of: Terminal): string[] {
  const buffer = of.buffer.active;
  return Array.from({ length: of.rows }, (_, y) => {
    const line = buffer.getLine(buffer.baseY + y);
    return Array.from({ length: of.cols }, (_, x) => {
      const cell = line?.getCell(x);
      return `${cell?.getChars() || ' '}${cell?.getFgColor()},${cell?.getBgColor()},${cell?.isBold()},${cell?.isInverse()}`;
    }).join('|');
  });
}

describe('terminals', () => {
  it('record input before its echo, in order, for two terminals at once', async () => {
    const first = terminals.open(80, 24);
    const second = terminals.open(80, 24, 'second');
    await seen(first, /\$ /);
    await seen(second, /\$ /);
    type(first, 'echo one-$((1+1))\r');
    type(second, 'echo two-$((1+1))\r');
    await seen(first, 'one-2');
    await seen(second, 'two-2');
    const all = frames();
    for (const [id, text] of [
      [first, 'one-2'],
      [second, 'two-2'],
    ] as const) {
      const typed = all.findIndex((frame) => frame.kind === 'input' && frame.terminal === id);
      const shown = all.findIndex(
        (frame) => frame.kind === 'output' && frame.terminal === id && Buffer.from(frame.bytes).toString().includes(text),
      );
      expect(typed).toBeGreaterThan(-1);
      expect(typed).toBeLessThan(shown);
    }
    expect(entries.map(({ n }) => n)).toEqual(entries.map((_, i) => i + 1));
  });

  it('take a repeated input frame once', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    const frame = { tab: TAB, terminal: id, n: 1, more: false, bytes: Buffer.from('echo $((40+2))\r') };
    terminals.input(frame);
    terminals.input(frame);
    await seen(id, '42');
    terminals.input({ ...frame, n: 2, bytes: Buffer.from('echo $((40+3))\r') });
    await seen(id, '43');
    expect(outputBytes(id).toString().match(/^42/gm)).toHaveLength(1);
  });

  it('record a password as a length, and what is typed after it as text', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    type(id, 'read -s -p "Password: " p; echo "got-$(echo -n "$p" | wc -c)"\r');
    await seen(id, /Password: $/);
    for (const key of 'hunter2\r') type(id, key);
    await seen(id, 'got-7');
    type(id, 'echo visible\r');
    await seen(id, /visible\r\n(.*\r)?visible/);
    const inputs = frames().filter((frame) => frame.kind === 'input');
    const hidden = inputs.filter((frame) => frame.hidden);
    expect(hidden).toHaveLength(8);
    expect(hidden.every((frame) => frame.bytes.length === 0 && frame.length === 1)).toBe(true);
    expect(
      inputs
        .filter((frame) => !frame.hidden)
        .map((frame) => Buffer.from(frame.bytes).toString())
        .join(''),
    ).not.toContain('hunter2');
    expect(Buffer.from(inputs.at(-1)?.bytes ?? []).toString()).toBe('echo visible\r');
  });

  it('give a restore that equals the screen of the raw bytes, in an editor and a pager', async () => {
    const id = terminals.open(100, 30);
    await seen(id, /\$ /);
    const steps: [string, RegExp][] = [
      ['for i in $(seq 200); do printf "\\033[3%dmline %d\\033[0m\\n" $((i % 8)) $i; done\r', /line 200/],
      ['seq 500 | less\r', /\r\n29/],
      [' /77\r', /77/],
      ['q', /\$ $/],
      ['printf "\\033[1;34mblue\\033[5;20r\\033[5;1Hin-%d-side" $((1+1))\r', /in-2-side/],
    ];
    if (existsSync('/usr/bin/vi')) {
      steps.push(['clear; seq 300 > lines; vi lines\r', /"lines".*300/], ['20dd', /20 fewer lines/], [':q!\r', /\$ $/]);
    }
    for (const [keys, shows] of steps) {
      type(id, keys);
      await seen(id, shows);
      const screen = await terminals.restore(id);
      const raw = new headless.Terminal({ cols: 100, rows: 30, scrollback: 10_000, allowProposedApi: true });
      const copy = new headless.Terminal({ cols: 100, rows: 30, scrollback: 10_000, allowProposedApi: true });
      await new Promise<void>((resolve) => raw.write(outputBytes(id).subarray(0, screen.offset), resolve));
      await new Promise<void>((resolve) => copy.write(screen.screen, resolve));
      expect(cells(copy)).toEqual(cells(raw));
      expect([copy.buffer.active.cursorX, copy.buffer.active.cursorY]).toEqual([raw.buffer.active.cursorX, raw.buffer.active.cursorY]);
    }
  });

  it('answer what programs ask the terminal', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    type(id, 'IFS= read -rs -d R -p $\'\\e[6n\' pos; printf "at-%q\\n" "$pos"\r');
    await seen(id, /at-.*\[\d+;\d+/);
    type(id, 'IFS= read -rs -d \\\\ -p $\'\\e]11;?\\e\\\\\' c; printf "colour-%q\\n" "$c"\r');
    await seen(id, /colour-.*rgb:1111/);
  });

  it('hand a 5 MB bracketed paste to the program as one block', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    type(
      id,
      `python3 -c '
import os, sys, termios, tty, hashlib
old = termios.tcgetattr(0); tty.setraw(0)
sys.stdout.write("\\x1b[?2004hready\\r\\n"); sys.stdout.flush()
data = b""
while not data.endswith(b"\\x1b[201~"): data += os.read(0, 65536)
termios.tcsetattr(0, termios.TCSADRAIN, old)
print("starts", data.startswith(b"\\x1b[200~"), data.count(b"\\x1b[200~"), len(data), hashlib.sha256(data).hexdigest()[:12])
'\r`,
    );
    await seen(id, /\[\?2004hready\r\n/);
    const paste = Buffer.concat([Buffer.from('\x1b[200~'), Buffer.alloc(5 * 1024 * 1024, 'plumbline '), Buffer.from('\x1b[201~')]);
    for (let at = 0; at < paste.length; at += 16_384) type(id, paste.subarray(at, at + 16_384), at + 16_384 < paste.length);
    const { createHash } = await import('node:crypto');
    await seen(id, new RegExp(`starts True 1 ${paste.length} ${createHash('sha256').update(paste).digest('hex').slice(0, 12)}`));
    const blocks = frames().filter((frame) => frame.kind === 'input' && frame.paste && frame.length > 1000);
    expect(blocks).toHaveLength(1);
    expect(blocks[0]).toMatchObject({ length: paste.length, inputN: nextN - 1 });
  });

  it('stop reading a flood that nobody acknowledges, and go on without a gap when somebody does', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    type(id, 'yes 0123456789abcdef | head -c 50000000; echo; echo done-$((1+1))\r');
    await vi.waitFor(() => expect(log.full).toBe(true), { timeout: 30_000 });
    const heldAt = journal.unacknowledgedBytes;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(journal.unacknowledgedBytes).toBeLessThan(RUNNER_UNACKNOWLEDGED_MAX_BYTES + 1024 * 1024);
    expect(journal.unacknowledgedBytes - heldAt).toBeLessThan(512 * 1024);
    let bytes = 0;
    let expected = 0;
    let last = '';
    const drain = () => {
      for (const entry of entries.splice(0)) {
        const frame = entry.kind === 'binary' ? decodeRunnerFrame(entry.body) : null;
        if (frame?.kind === 'output') {
          expect(frame.offset).toBe(expected);
          expected += frame.bytes.length;
          bytes += frame.bytes.length;
          last = (last + Buffer.from(frame.bytes).toString()).slice(-200);
        }
        log.acknowledge(entry.n);
      }
    };
    const before = process.memoryUsage().rss;
    const started = performance.now();
    await vi.waitFor(
      () => {
        drain();
        expect(last).toMatch(/done-2/);
      },
      { timeout: 60_000, interval: 5 },
    );
    const seconds = (performance.now() - started) / 1000;
    process.stderr.write(`flood: ${(bytes / 1e6 / seconds).toFixed(1)} MB/s\n`);
    expect(bytes).toBeGreaterThan(50_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  }, 90_000);

  it('keep what a shell put out last when it ends while reading is paused', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    type(id, 'head -c 9000000 /dev/zero | tr "\\0" a; echo the-very-end; exit 7\r');
    await vi.waitFor(() => expect(log.full).toBe(true), { timeout: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    log.acknowledge(log.lastN);
    await vi.waitFor(() => expect(events().some(({ type: name }) => name === 'terminal.closed')).toBe(true), { timeout: 20_000 });
    expect(outputBytes(id).toString().slice(-200)).toContain('the-very-end');
    expect(events().find(({ type: name }) => name === 'terminal.closed')?.data).toEqual({ exitCode: 7, signal: null });
  });

  it('leave no descriptor and no process behind after a hundred shells', async () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const round = async (count: number) => {
      const ids = Array.from({ length: count }, () => terminals.open(80, 24));
      await Promise.all(ids.map((id) => seen(id, /\$ /)));
      for (const id of ids) terminals.close(id);
      await vi.waitFor(() => expect(terminals.list().some(({ open }) => open)).toBe(false), { timeout: 20_000 });
      log.acknowledge(log.lastN);
      entries.length = 0;
    };
    await round(5);
    const before = descriptors();
    for (let i = 0; i < 10; i++) await round(10);
    expect(descriptors()).toBeLessThanOrEqual(before + 2);
  }, 60_000);

  it('lose no key and no output while the disk under their journal is full, and go on by themselves when it is not', async () => {
    const fixture = fileURLToPath(new URL('./fullDisk.fixture.ts', import.meta.url));
    const mount = join(dir, 'disk');
    mkdirSync(mount);
    const view = ['--dev-bind', '/', '/', '--size', String(96 * 1024), '--tmpfs', mount];
    const { stdout } = await promisify(execFile)('bwrap', [...view, process.execPath, fixture, mount, dir], { timeout: 50_000 });
    const result = JSON.parse(stdout);
    expect(result).toEqual({
      stalls: [true, false],
      ranWhileFull: false,
      sentWhileFull: 0,
      inputs: [1, 2, 3],
      lines: 2_000,
      isGapless: true,
      kept: true,
      rotated: { taken: expect.any(Number), back: result.rotated.taken, refused: true },
    });
  }, 60_000);

  it('are read slowly once the attempt has put out more than it may, lose nothing, and a program waits for them', async () => {
    await terminals.dispose();
    start({ freeBytes: 64 * 1024, slowBytesPerSecond: 40 * 1024 });
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    const beganMs = performance.now();
    type(id, 'head -c 300000 /dev/zero | tr "\\0" x; echo; touch written; echo all-read\r');
    await seen(id, /echo all-read/);
    expect(existsSync(join(dir, 'written'))).toBe(false);
    await seen(id, /[^;] ?\r?\nall-read/);
    // What is left when both the measure and the largest single read are taken off.
    expect(performance.now() - beganMs).toBeGreaterThan(4_000);
    expect(
      outputBytes(id)
        .toString()
        .match(/x+/g)
        ?.some((run) => run.length === 300_000),
    ).toBe(true);
  });

  it('count their keyframes as output, which a few bytes can make large', async () => {
    await terminals.dispose();
    start({ freeBytes: 10_000, slowBytesPerSecond: 1_000_000 });
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    skippedMs = 60_000;
    type(id, "printf '\\e[44m\\e[2J'; echo painted-$((1+1))\r");
    await seen(id, 'painted-2');
    await vi.waitFor(
      () => {
        type(id, ' ');
        expect(keyframesOf(id).some(({ data }) => String(data.screen).length > 10_000)).toBe(true);
      },
      { timeout: 20_000, interval: 600 },
    );
    expect(outputBytes(id).length).toBeLessThan(2_000);
    expect(allowance.limited).toBe(true);
  });

  it('forget what has scrolled off their screens when they are told to, also under a full-screen program', async () => {
    const plain = terminals.open(80, 24);
    const paging = terminals.open(80, 24);
    for (const [id, after] of [
      [plain, ''],
      [paging, "; printf '\\e[?1049h\\e[Hfull-screen'; read -r"],
    ] as const) {
      await seen(id, /\$ /);
      type(id, `echo secret-$((40+2)); seq 60; echo still-$((1+1))${after}\r`);
      await seen(id, after === '' ? /still-2/ : /H?full-screen$/);
      expect((await terminals.restore(id)).screen).toContain('secret-42');
    }
    await terminals.dropScrollback();
    skippedMs = 60_000;
    for (const id of [plain, paging]) {
      const { screen } = await terminals.restore(id);
      expect(screen).not.toContain('secret-42');
      expect(screen).toContain('still-2');
      await vi.waitFor(
        () => {
          type(id, 'x');
          expect(keyframesOf(id)).not.toEqual([]);
        },
        { timeout: 20_000, interval: 600 },
      );
      for (const { data } of keyframesOf(id)) {
        expect(data.screen).not.toContain('secret-42');
        expect(data.screen).toContain('still-2');
      }
    }
    // They scroll on as before.
    type(plain, '\x15seq 5000\r');
    await seen(plain, /\n5000\r/);
    expect((await terminals.restore(plain)).screen).toContain('\n1000\r\n');
  });

  it('whose screens are larger than the link carries are restored with fewer lines or with none, and give no keyframe', async () => {
    // Two colours of its own for every cell.
    const painted = (cols: number, rows: number) =>
      Array.from({ length: rows }, (_, y) =>
        Array.from({ length: cols }, (_, x) => `\x1b[38;2;${100 + (y % 100)};${100 + (x % 150)};200;48;2;200;101;${100 + (x % 99)}mx`).join(
          '',
        ),
      ).join('\r\n');
    const shown = async (cols: number, rows: number, lines: number) => {
      const id = terminals.open(cols, rows);
      await seen(id, /\$ /);
      writeFileSync(join(dir, 'painted'), `${painted(cols, lines)}\x1b[0m\r\nlast-line `);
      type(id, `cat painted; touch shown-${id}\r`);
      // The prompt after it; to search all that was put out, again and again, would take longer than to put it out.
      const isShown = () => existsSync(join(dir, `shown-${id}`)) && entries.at(-1)?.body.subarray(-2).toString() === '$ ';
      await vi.waitFor(() => expect(isShown()).toBe(true), { timeout: 60_000, interval: 20 });
      return { id, screen: await terminals.restore(id) };
    };
    const sizeOf = (screen: unknown) => Buffer.byteLength(JSON.stringify(screen));
    log.deliverTo((entry) => {
      entries.push(entry);
      setImmediate(() => log.acknowledge(entry.n));
    });

    const long = await shown(200, 24, 1_800);
    expect(sizeOf(long.screen)).toBeLessThan(5 * 1024 * 1024);
    expect(long.screen.screen.split('\r\n').length).toBeGreaterThan(200);
    expect(long.screen.screen.includes('last-line')).toBe(true);

    const large = await shown(1_000, 350, 350);
    expect(large.screen.screen.includes('too large to be sent again')).toBe(true);
    expect(large.screen.offset).toBeGreaterThan(350 * 1_000 * 30);
    // Old enough for the next keyframe.
    skippedMs = 60_000;
    type(long.id, 'echo $((6*7))\r');
    type(large.id, 'echo $((6*7))\r');
    await vi.waitFor(() => expect(keyframesOf(long.id)).toHaveLength(1), { timeout: 20_000, interval: 20 });
    const isAnswered = () => outputBytes(large.id).subarray(-60).toString().includes('42\r\n');
    await vi.waitFor(() => expect(isAnswered()).toBe(true), { timeout: 20_000, interval: 100 });
    // Answered behind what was parsed, and then behind the keyframe that was asked for at that.
    await terminals.restore(large.id);
    await terminals.restore(large.id);
    expect(keyframesOf(large.id)).toEqual([]);
    expect(Math.max(...entries.map(({ body }) => body.length))).toBeLessThan(RUNNER_FRAME_MAX_BYTES);
  }, 120_000);

  it('say that the terminals of a killed runner are closed, and go on numbering', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    const { lastN } = log;
    // A second reader of the journal stands for the next life; the first one is only closed afterwards.
    const next = openJournal(join(dir, 'journal'));
    expect(next.lastN).toBe(lastN);
    expect(next.state.openTerminals).toEqual([id]);
    expect(next.state.lastTerminal).toBe(id);
    next.close();
  });

  it('echo a keystroke within a few milliseconds', async () => {
    const id = terminals.open(80, 24);
    await seen(id, /\$ /);
    const latencies: number[] = [];
    for (let i = 0; i < 200; i++) {
      const before = outputBytes(id).length;
      const at = performance.now();
      await new Promise<void>((resolve) => {
        log.deliverTo((entry) => {
          entries.push(entry);
          if (decodeRunnerFrame(entry.body)?.kind === 'output') resolve();
        });
        type(id, 'x');
      });
      latencies.push(performance.now() - at);
      expect(outputBytes(id).length).toBeGreaterThan(before);
    }
    latencies.sort((a, b) => a - b);
    process.stderr.write(`echo: median ${latencies[100]?.toFixed(2)} ms, 95th ${latencies[190]?.toFixed(2)} ms\n`);
    // A wait of our own is in every one of them; what else the machine does is not.
    expect(latencies[20]).toBeLessThan(10);
  });
});

describe('the commands of a terminal', () => {
  const INTEGRATION = fileURLToPath(new URL('./shellIntegration.bash', import.meta.url));
  const commands = () => events().filter(({ type }) => type.startsWith('command.'));

  async function openIntegrated(bashrc: string): Promise<number> {
    writeFileSync(join(dir, '.bashrc'), bashrc);
    await terminals.dispose();
    terminals = new Terminals({
      allowance: new OutputAllowance({ clock: systemClock }),
      log,
      clock: systemClock,
      logger,
      shellCommand: (env) => ({
        file: '/bin/bash',
        args: ['--init-file', INTEGRATION, '-i'],
        env: { ...env, PATH: process.env.PATH ?? '', HOME: dir, LANG: 'C.UTF-8' },
        cwd: dir,
      }),
      onListChanged: () => {},
    });
    return terminals.open(80, 24);
  }

  async function run(id: number, line: string, finished: number): Promise<void> {
    type(id, `${line}\r`);
    await vi.waitFor(() => expect(commands().filter(({ type }) => type === 'command.finished')).toHaveLength(finished), {
      timeout: 20_000,
      interval: 20,
    });
  }

  it('are recorded with text, directory, exit code and duration, whatever the person puts into .bashrc', async () => {
    const own =
      "PROMPT_COMMAND='own=$?; printf own-%s- $own'; PS0='[ps0]'; PS1='mine> '; HISTTIMEFORMAT=\"%F \"; set -u; alias hi=\"echo hello\"";
    const id = await openIntegrated(own);
    await seen(id, /own-0-.*mine> /);
    await run(id, 'mkdir -p "a;b" && cd "a;b"', 1);
    await run(id, '(exit 42)', 2);
    // The command lasts from before it is told of until after it is let go, whatever the machine's load.
    type(id, 'hi | cat; read -r </dev/tty\r');
    await vi.waitFor(
      () => expect(commands().at(-1)).toMatchObject({ type: 'command.started', data: { text: 'hi | cat; read -r </dev/tty' } }),
      {
        timeout: 20_000,
        interval: 20,
      },
    );
    const toldAt = performance.now();
    await vi.waitUntil(() => performance.now() - toldAt >= 200);
    const heldMs = performance.now() - toldAt;
    await run(id, '', 3);
    type(id, 'cat <<X\rone\\two\rX\r');
    await seen(id, /one\\two\r\n.*mine> /s);
    const started = commands().filter(({ type }) => type === 'command.started');
    expect(started.map(({ data, stream }) => ({ ...data, stream }))).toEqual([
      { text: 'mkdir -p "a;b" && cd "a;b"', directory: dir, stream: id },
      { text: '(exit 42)', directory: join(dir, 'a;b'), stream: id },
      { text: 'hi | cat; read -r </dev/tty', directory: join(dir, 'a;b'), stream: id },
      { text: 'cat <<X\none\\two\nX', directory: join(dir, 'a;b'), stream: id },
    ]);
    const finished = commands().filter(({ type }) => type === 'command.finished');
    expect(finished.map(({ data }) => data.exitCode).slice(0, 3)).toEqual([0, 42, 0]);
    expect(finished[2]?.data.durationMs).toBeGreaterThanOrEqual(heldMs);
    // The person's own hook still sees the exit code, and their own PS0 is still shown.
    await seen(id, /own-42-/);
    await seen(id, /\[ps0\]/);
    expect(outputBytes(id).toString()).toContain('hello');
  });

  it.each([
    [
      'sets PROMPT_COMMAND, PS0 and traps',
      "PROMPT_COMMAND='printf own-; '; PS0='[ps0]'; trap ': debug' DEBUG; trap ': err' ERR; trap ': exit' EXIT; set -T; set -E",
    ],
    [
      'installs its own hooks at the first prompt in the place of all others',
      "PROMPT_COMMAND='PROMPT_COMMAND=later; PS0=[ps0]; shopt -u promptvars'; later() { printf own-; }",
    ],
    ['has a list of prompt commands', "PROMPT_COMMAND=('printf own-' 'PROMPT_COMMAND=(\"printf own-\" true)')"],
    [
      'turns the history off and gives commands other names',
      "HISTSIZE=0; HISTIGNORE='*'; set +o history; shopt -u promptvars; alias builtin=true local=true printf=true; PROMPT_COMMAND='command printf own-'",
    ],
  ])('are recorded with a .bashrc that %s', async (_, bashrc) => {
    const id = await openIntegrated(`PS1='mine> '; ${bashrc}`);
    await seen(id, /own-.*mine> |mine> /);
    await run(id, 'true', 1);
    await run(id, '(exit 3)', 2);
    await seen(id, /own-/);
    expect(commands().map(({ type, data }) => [type, data.text ?? data.exitCode])).toEqual([
      ['command.started', 'true'],
      ['command.finished', 0],
      ['command.started', '(exit 3)'],
      ['command.finished', 3],
    ]);
  });

  it('leave nothing on the screen, under `set -x` neither', async () => {
    const id = await openIntegrated('PS1="$ "');
    await seen(id, /\$ /);
    await run(id, 'set -x', 1);
    await run(id, 'true', 2);
    await seen(id, /\+ true\r\n.*\$ $/s);
    const screen = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
    await new Promise<void>((resolve) => screen.write(outputBytes(id), resolve));
    const lines = Array.from({ length: 24 }, (_, y) => screen.buffer.active.getLine(y)?.translateToString(true) ?? '');
    expect(lines.map((line) => line.trimEnd()).filter((line) => line !== '')).toEqual(['$ set -x', '$ true', '+ true', '$']);
    screen.dispose();
  });

  it('that still run when the terminal closes end without an exit code, and forged marks are no commands', async () => {
    const id = await openIntegrated('PS1="$ "');
    await seen(id, /\$ /);
    type(id, "printf '\\e]633;C;0\\a\\e]633;D;0;0\\a'; sleep 1000\r");
    await vi.waitFor(() => expect(commands()).toHaveLength(1), { timeout: 20_000, interval: 20 });
    terminals.close(id);
    await vi.waitFor(() => expect(events().some(({ type }) => type === 'terminal.closed')).toBe(true), { timeout: 20_000, interval: 20 });
    expect(commands().map(({ type, data }) => [type, data.exitCode])).toEqual([
      ['command.started', undefined],
      ['command.finished', null],
    ]);
  });
});
