import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { decodeRunnerFrame, RUNNER_FRAME_MAX_BYTES, RUNNER_UNACKNOWLEDGED_MAX_BYTES } from '@plumbline/protocol';
import { describe, expect, it, vi } from 'vitest';
import { TerminalRig } from './terminals.fixture.ts';

const rig = new TerminalRig();
/** The end of what was put out last: a keyframe may have come behind it. */
const lastOutput = () =>
  rig.entries
    .findLast(({ kind }) => kind === 'binary')
    ?.body.subarray(-2)
    .toString() ?? '';

describe('the output of terminals', () => {
  it('stop reading a flood that nobody acknowledges, and go on without a gap when somebody does', { timeout: 400_000 }, async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, 'yes 0123456789abcdef | head -c 50000000; echo; echo done-$((1+1))\r');
    await vi.waitFor(() => expect(rig.log.full).toBe(true), { timeout: 90_000 });
    const heldAt = rig.journal.unacknowledgedBytes;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(rig.journal.unacknowledgedBytes).toBeLessThan(RUNNER_UNACKNOWLEDGED_MAX_BYTES + 1024 * 1024);
    expect(rig.journal.unacknowledgedBytes - heldAt).toBeLessThan(512 * 1024);
    let bytes = 0;
    let expected = 0;
    let last = '';
    const drain = () => {
      for (const entry of rig.entries.splice(0)) {
        const frame = entry.kind === 'binary' ? decodeRunnerFrame(entry.body) : null;
        if (frame?.kind === 'output') {
          expect(frame.offset).toBe(expected);
          expected += frame.bytes.length;
          bytes += frame.bytes.length;
          last = (last + Buffer.from(frame.bytes).toString()).slice(-200);
        }
        rig.log.acknowledge(entry.n);
      }
    };
    const before = process.memoryUsage().rss;
    const started = performance.now();
    await vi.waitFor(
      () => {
        drain();
        expect(last).toMatch(/done-2/);
      },
      // Fifty megabytes are parsed: a second or two of a processor of its own.
      { timeout: 240_000, interval: 5 },
    );
    const seconds = (performance.now() - started) / 1000;
    process.stderr.write(`flood: ${(bytes / 1e6 / seconds).toFixed(1)} MB/s\n`);
    expect(bytes).toBeGreaterThan(50_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  it('keep what a shell put out last when it ends while reading is paused', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, 'head -c 9000000 /dev/zero | tr "\\0" a; echo the-very-end; exit 7\r');
    await vi.waitFor(() => expect(rig.log.full).toBe(true), { timeout: 90_000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    rig.log.acknowledge(rig.log.lastN);
    await vi.waitFor(() => expect(rig.events().some(({ type: name }) => name === 'terminal.closed')).toBe(true), { timeout: 60_000 });
    expect(rig.outputBytes(id).toString().slice(-200)).toContain('the-very-end');
    expect(rig.events().find(({ type: name }) => name === 'terminal.closed')?.data).toEqual({ exitCode: 7, signal: null });
  });

  it('lose no key and no output while the disk under their journal is full, and go on by themselves when it is not', async () => {
    const fixture = fileURLToPath(new URL('./fullDisk.fixture.ts', import.meta.url));
    const mount = join(rig.dir, 'disk');
    mkdirSync(mount);
    const view = ['--dev-bind', '/', '/', '--size', String(96 * 1024), '--tmpfs', mount];
    const { stdout } = await promisify(execFile)('bwrap', [...view, process.execPath, fixture, mount, rig.dir], { timeout: 50_000 });
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
  });

  it('are read slowly once the attempt has put out more than it may, lose nothing, and a program waits for them', async () => {
    await rig.terminals.dispose();
    rig.start({ freeBytes: 64 * 1024, slowBytesPerSecond: 40 * 1024 });
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    const beganMs = performance.now();
    rig.type(id, 'head -c 300000 /dev/zero | tr "\\0" x; echo; touch written; echo all-read\r');
    await rig.seen(id, /echo all-read/);
    expect(existsSync(join(rig.dir, 'written'))).toBe(false);
    await rig.seen(id, /[^;] ?\r?\nall-read/);
    // What is left when both the measure and the largest single read are taken off.
    expect(performance.now() - beganMs).toBeGreaterThan(4_000);
    expect(
      rig
        .outputBytes(id)
        .toString()
        .match(/x+/g)
        ?.some((run) => run.length === 300_000),
    ).toBe(true);
  });

  it('count their keyframes as output, which a few bytes can make large', async () => {
    await rig.terminals.dispose();
    rig.start({ freeBytes: 10_000, slowBytesPerSecond: 1_000_000 });
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    rig.type(id, "printf '\\e[44m\\e[2J'; echo painted-$((1+1))\r");
    await rig.seen(id, 'painted-2');
    // Due only once it is painted: one of the echo would be small, and no other be due for long.
    await rig.terminals.restore(id);
    rig.skippedMs = 120 * 60_000;
    await vi.waitFor(
      () => {
        rig.type(id, ' ');
        expect(rig.keyframesOf(id).some(({ data }) => String(data.screen).length > 10_000)).toBe(true);
      },
      { timeout: 60_000, interval: 600 },
    );
    expect(rig.outputBytes(id).length).toBeLessThan(2_000);
    expect(rig.allowance.limited).toBe(true);
  });

  it('give a keyframe only where a jump would otherwise read much: of what other terminals put out, of a long time, or of what may be withheld', async () => {
    const quiet = rig.terminals.open(80, 24);
    const loud = rig.terminals.open(80, 24);
    rig.log.deliverTo((entry) => {
      rig.entries.push(entry);
      setImmediate(() => rig.log.acknowledge(entry.n));
    });
    for (const id of [quiet, loud]) await rig.seen(id, /\$ /);
    let asked = 0;
    const say = async (id: number) => {
      asked += 1;
      rig.type(id, `echo said-$((${asked}+0))\r`);
      await rig.seen(id, new RegExp(`said-${asked}\\r`));
      // Answered behind what was parsed, and then behind the keyframe that was asked for at that.
      for (let question = 0; question < 2; question += 1) await rig.terminals.restore(id);
    };
    // One that is due and lags behind the output is asked for again.
    const hasGiven = (count: number) =>
      vi.waitFor(
        async () => {
          await say(quiet);
          expect(rig.keyframesOf(quiet)).toHaveLength(count);
        },
        { timeout: 60_000, interval: 600 },
      );
    const givesNone = async () => {
      const before = rig.keyframesOf(quiet).length;
      await say(quiet);
      expect(rig.keyframesOf(quiet)).toHaveLength(before);
    };

    rig.skippedMs += 60_000;
    await givesNone();
    rig.type(loud, 'yes 0123456789 | head -c 1100000; touch all-out\r');
    const isOut = () => existsSync(join(rig.dir, 'all-out')) && lastOutput().endsWith('$ ');
    await vi.waitFor(() => expect(isOut()).toBe(true), { timeout: 90_000, interval: 20 });
    await hasGiven(1);
    rig.skippedMs += 60_000;
    await givesNone();
    await rig.terminals.dropScrollback();
    await hasGiven(2);
    rig.skippedMs += 119 * 60_000;
    await givesNone();
    rig.skippedMs += 2 * 60_000;
    await hasGiven(3);
  });

  it('give keyframes right behind the output that they have, also in a flood', async () => {
    const id = rig.terminals.open(80, 24);
    await rig.seen(id, /\$ /);
    let putOut = 0;
    const lags: number[] = [];
    rig.log.deliverTo((entry) => {
      const frame = entry.kind === 'binary' ? decodeRunnerFrame(entry.body) : null;
      const event = entry.kind === 'text' ? JSON.parse(entry.body.toString()) : null;
      if (frame?.kind === 'output') putOut = frame.offset + frame.bytes.length;
      if (event?.type === 'terminal.keyframe') lags.push(putOut - event.data.offset);
      setImmediate(() => rig.log.acknowledge(entry.n));
    });
    rig.type(id, 'yes 0123456789\r');
    await vi.waitFor(() => expect(putOut).toBeGreaterThan(4_000_000), { timeout: 60_000, interval: 20 });
    await vi.waitFor(
      () => {
        rig.skippedMs += 5_000;
        expect(lags.length).toBeGreaterThan(2);
      },
      { timeout: 60_000, interval: 50 },
    );
    rig.type(id, '\x03');
    expect(lags).toEqual(lags.map(() => 0));
  });

  it('forget what has scrolled off their screens when they are told to, also under a full-screen program', async () => {
    const plain = rig.terminals.open(80, 24);
    const paging = rig.terminals.open(80, 24);
    for (const [id, after] of [
      [plain, ''],
      [paging, "; printf '\\e[?1049h\\e[Hfull-screen'; read -r"],
    ] as const) {
      await rig.seen(id, /\$ /);
      rig.type(id, `echo secret-$((40+2)); seq 60; echo still-$((1+1))${after}\r`);
      await rig.seen(id, after === '' ? /still-2/ : /H?full-screen$/);
      expect((await rig.terminals.restore(id)).screen).toContain('secret-42');
    }
    await rig.terminals.dropScrollback();
    rig.skippedMs = 60_000;
    for (const id of [plain, paging]) {
      const { screen } = await rig.terminals.restore(id);
      expect(screen).not.toContain('secret-42');
      expect(screen).toContain('still-2');
      await vi.waitFor(
        () => {
          rig.type(id, 'x');
          expect(rig.keyframesOf(id)).not.toEqual([]);
        },
        { timeout: 60_000, interval: 600 },
      );
      for (const { data } of rig.keyframesOf(id)) {
        expect(data.screen).not.toContain('secret-42');
        expect(data.screen).toContain('still-2');
      }
    }
    // They scroll on as before.
    rig.type(plain, '\x15seq 5000\r');
    await rig.seen(plain, /\n5000\r/);
    expect((await rig.terminals.restore(plain)).screen).toContain('\n1000\r\n');
  });

  it('whose screens are larger than the link carries are restored with fewer lines or with none, and give no keyframe', {
    timeout: 400_000,
  }, async () => {
    // Two colours of its own for every cell.
    const painted = (cols: number, rows: number) =>
      Array.from({ length: rows }, (_, y) =>
        Array.from({ length: cols }, (_, x) => `\x1b[38;2;${100 + (y % 100)};${100 + (x % 150)};200;48;2;200;101;${100 + (x % 99)}mx`).join(
          '',
        ),
      ).join('\r\n');
    const shown = async (cols: number, rows: number, lines: number) => {
      const id = rig.terminals.open(cols, rows);
      await rig.seen(id, /\$ /);
      writeFileSync(join(rig.dir, 'painted'), `${painted(cols, lines)}\x1b[0m\r\nlast-line `);
      rig.type(id, `cat painted; touch shown-${id}\r`);
      // The prompt after it; to search all that was put out, again and again, would take longer than to put it out.
      const isShown = () => existsSync(join(rig.dir, `shown-${id}`)) && lastOutput().endsWith('$ ');
      await vi.waitFor(() => expect(isShown()).toBe(true), { timeout: 150_000, interval: 20 });
      return { id, screen: await rig.terminals.restore(id) };
    };
    const sizeOf = (screen: unknown) => Buffer.byteLength(JSON.stringify(screen));
    rig.log.deliverTo((entry) => {
      rig.entries.push(entry);
      setImmediate(() => rig.log.acknowledge(entry.n));
    });

    const long = await shown(200, 24, 1_800);
    expect(sizeOf(long.screen)).toBeLessThan(5 * 1024 * 1024);
    expect(long.screen.screen.split('\r\n').length).toBeGreaterThan(200);
    expect(long.screen.screen.includes('last-line')).toBe(true);

    const large = await shown(1_000, 350, 350);
    expect(large.screen.screen.includes('too large to be sent again')).toBe(true);
    expect(large.screen.offset).toBeGreaterThan(350 * 1_000 * 30);
    // Old enough for the next keyframe; where all of that took long there was one before.
    const given = rig.keyframesOf(long.id).length;
    rig.skippedMs = 120 * 60_000;
    rig.type(large.id, 'echo $((6*7))\r');
    // One that lags behind the output is asked for again with the next of it.
    await vi.waitFor(
      () => {
        rig.type(long.id, ' ');
        expect(rig.keyframesOf(long.id)).toHaveLength(given + 1);
      },
      { timeout: 60_000, interval: 600 },
    );
    const isAnswered = () => rig.outputBytes(large.id).subarray(-60).toString().includes('42\r\n');
    await vi.waitFor(() => expect(isAnswered()).toBe(true), { timeout: 60_000, interval: 100 });
    // Answered behind what was parsed, and then behind the keyframe that was asked for at that.
    await rig.terminals.restore(large.id);
    await rig.terminals.restore(large.id);
    expect(rig.keyframesOf(large.id)).toEqual([]);
    expect(Math.max(...rig.entries.map(({ body }) => body.length))).toBeLessThan(RUNNER_FRAME_MAX_BYTES);
  });
});
