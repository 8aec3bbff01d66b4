import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRunnerFrame } from '@plumbline/protocol';
import headless, { type Terminal } from '@xterm/headless';
import { describe, expect, it, vi } from 'vitest';
import { openJournal } from './eventLog.ts';
import { TerminalRig } from './terminals.fixture.ts';

const rig = new TerminalRig();
const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
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
    const first = rig.terminals.open(80, 24);
    const second = rig.terminals.open(80, 24, 'second');
    await rig.seen(first, /\$ /);
    await rig.seen(second, /\$ /);
    rig.type(first, 'echo one-$((1+1))\r');
    rig.type(second, 'echo two-$((1+1))\r');
    await rig.seen(first, 'one-2');
    await rig.seen(second, 'two-2');
    const all = rig.frames();
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
    expect(rig.entries.map(({ n }) => n)).toEqual(rig.entries.map((_, i) => i + 1));
  });

  it('record the name that a terminal is given, once, after what it showed before', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.terminals.rename(id, 'training');
    rig.terminals.rename(id, 'training');
    const events = rig.entries.filter(({ kind }) => kind === 'text').map(({ body }) => JSON.parse(body.toString()));
    expect(events.filter(({ type }) => type === 'terminal.renamed')).toMatchObject([{ stream: id, data: { name: 'training' } }]);
    expect(rig.terminals.list()).toMatchObject([{ terminal: id, name: 'training' }]);
  });

  it('take a repeated input frame once', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    const frame = { tab: TAB, terminal: id, n: 1, more: false, bytes: Buffer.from('echo $((40+2))\r') };
    rig.terminals.input(frame);
    rig.terminals.input(frame);
    await rig.seen(id, '42');
    rig.terminals.input({ ...frame, n: 2, bytes: Buffer.from('echo $((40+3))\r') });
    await rig.seen(id, '43');
    expect(rig.outputBytes(id).toString().match(/^42/gm)).toHaveLength(1);
  });

  it('record a password as a length, and what is typed after it as text', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, 'read -s -p "Password: " p; echo "got-$(echo -n "$p" | wc -c)"\r');
    // Not the echo of the command, of which only a part may have come.
    await rig.seen(id, /[\r\n]Password: $/);
    for (const key of 'hunter2\r') rig.type(id, key);
    await rig.seen(id, 'got-7');
    rig.type(id, 'echo visible\r');
    await rig.seen(id, /visible\r\n(.*\r)?visible/);
    const inputs = rig.frames().filter((frame) => frame.kind === 'input');
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

  it('record as a length what is typed key by key at a prompt that shows nothing back, and what a shell and an editor draw themselves as text', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, 'read -s -n 8 -p "Pin: " p; echo "got-$(echo -n "$p" | wc -c)"\r');
    await rig.seen(id, /[\r\n]Pin: $/);
    for (const key of 'hunter22') rig.type(id, key);
    await rig.seen(id, 'got-8');
    rig.type(id, `python3 -c 'import os, tty; tty.setcbreak(0); print("code" + ":", flush=True); os.read(0, 1)'; echo after-$((1+1))\r`);
    await rig.seen(id, /code:\r\n$/);
    rig.type(id, 'Q');
    await rig.seen(id, 'after-2');
    rig.type(id, 'vim -u NONE note; cat note; echo left-$((1+1))\r');
    await rig.seen(id, '~');
    for (const key of 'iseen\x1b') rig.type(id, key);
    rig.type(id, ':wq\r');
    await rig.seen(id, /seen\r\nleft-2/);
    const inputs = rig.frames().filter((frame) => frame.kind === 'input');
    expect(inputs.filter((frame) => frame.hidden).map((frame) => [frame.bytes.length, frame.length])).toEqual(Array(9).fill([0, 1]));
    const kept = inputs.map((frame) => Buffer.from(frame.bytes).toString()).join('');
    for (const typed of ['read -s', 'vim -u NONE', 'iseen\x1b:wq\r']) expect(kept).toContain(typed);
    for (const secret of ['h', 'Q']) expect(inputs.some((frame) => Buffer.from(frame.bytes).toString() === secret)).toBe(false);
  });

  it('give a restore that equals the screen of the raw bytes, in an editor and a pager', async () => {
    const id = rig.terminals.open(100, 30);
    await rig.seen(id, /\$ /);
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
      rig.type(id, keys);
      await rig.seen(id, shows);
      const screen = await rig.terminals.restore(id);
      const raw = new headless.Terminal({ cols: 100, rows: 30, scrollback: 10_000, allowProposedApi: true });
      const copy = new headless.Terminal({ cols: 100, rows: 30, scrollback: 10_000, allowProposedApi: true });
      await new Promise<void>((resolve) => raw.write(rig.outputBytes(id).subarray(0, screen.offset), resolve));
      await new Promise<void>((resolve) => copy.write(screen.screen, resolve));
      expect(cells(copy)).toEqual(cells(raw));
      expect([copy.buffer.active.cursorX, copy.buffer.active.cursorY]).toEqual([raw.buffer.active.cursorX, raw.buffer.active.cursorY]);
    }
  });

  it('answer what programs ask the terminal', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, 'IFS= read -rs -d R -p $\'\\e[6n\' pos; printf "at-%q\\n" "$pos"\r');
    await rig.seen(id, /at-.*\[\d+;\d+/);
    rig.type(id, 'IFS= read -rs -d \\\\ -p $\'\\e]11;?\\e\\\\\' c; printf "colour-%q\\n" "$c"\r');
    await rig.seen(id, /colour-.*rgb:1111/);
  });

  it('hand a 5 MB bracketed paste to the program as one block', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(
      id,
      `python3 -c '
import os, sys, termios, tty, hashlib
old = termios.tcgetattr(0); tty.setraw(0)
sys.stdout.write("\\x1b[?2004hready\\r\\n"); sys.stdout.flush()
data = bytearray()
while not data.endswith(b"\\x1b[201~"): data += os.read(0, 65536)
termios.tcsetattr(0, termios.TCSADRAIN, old)
print("starts", data.startswith(b"\\x1b[200~"), data.count(b"\\x1b[200~"), len(data), hashlib.sha256(data).hexdigest()[:12])
'\r`,
    );
    await rig.seen(id, /\[\?2004hready\r\n/);
    const paste = Buffer.concat([Buffer.from('\x1b[200~'), Buffer.alloc(5 * 1024 * 1024, 'plumbline '), Buffer.from('\x1b[201~')]);
    for (let at = 0; at < paste.length; at += 16_384) rig.type(id, paste.subarray(at, at + 16_384), at + 16_384 < paste.length);
    const { createHash } = await import('node:crypto');
    await rig.seen(id, new RegExp(`starts True 1 ${paste.length} ${createHash('sha256').update(paste).digest('hex').slice(0, 12)}`));
    const blocks = rig.frames().filter((frame) => frame.kind === 'input' && frame.paste && frame.length > 1000);
    expect(blocks).toHaveLength(1);
    expect(blocks[0]).toMatchObject({ length: paste.length, inputN: rig.nextN - 1 });
  });

  it('leave no descriptor and no process behind after a hundred shells', async () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const round = async (count: number) => {
      const ids = Array.from({ length: count }, () => rig.terminals.open(80, 24));
      await Promise.all(ids.map((id) => rig.seen(id, /\$ /)));
      for (const id of ids) rig.terminals.close(id);
      await vi.waitFor(() => expect(rig.terminals.list().some(({ open }) => open)).toBe(false), { timeout: 20_000 });
      rig.log.acknowledge(rig.log.lastN);
      rig.entries.length = 0;
    };
    await round(5);
    const before = descriptors();
    for (let i = 0; i < 10; i++) await round(10);
    await expect.poll(descriptors).toBeLessThanOrEqual(before + 2);
  });

  it('say that the terminals of a killed runner are closed, and go on numbering', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    const { lastN } = rig.log;
    // A second reader of the journal stands for the next life; the first one is only closed afterwards.
    const next = openJournal(join(rig.dir, 'journal'));
    expect(next.lastN).toBe(lastN);
    expect(next.state.openTerminals).toEqual([id]);
    expect(next.state.lastTerminal).toBe(id);
    next.close();
  });

  it('echo a keystroke within a few milliseconds', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    const latencies: number[] = [];
    for (let i = 0; i < 200; i++) {
      const before = rig.outputBytes(id).length;
      const at = performance.now();
      await new Promise<void>((resolve) => {
        rig.log.deliverTo((entry) => {
          rig.entries.push(entry);
          if (decodeRunnerFrame(entry.body)?.kind === 'output') resolve();
        });
        rig.type(id, 'x');
      });
      latencies.push(performance.now() - at);
      expect(rig.outputBytes(id).length).toBeGreaterThan(before);
    }
    latencies.sort((a, b) => a - b);
    process.stderr.write(`echo: median ${latencies[100]?.toFixed(2)} ms, 95th ${latencies[190]?.toFixed(2)} ms\n`);
    // A wait of our own is in every one of them; what else the machine does is not.
    expect(latencies[20]).toBeLessThan(10);
  });
});
