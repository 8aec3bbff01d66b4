import type { RecordedEvent } from '@plumbline/protocol';
import { serialiseScreen } from '@plumbline/screens';
import { anyText, fingerprint, makeTerminal, write as writeTo } from '@plumbline/screens/screens.fixture';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CastWriter, castMarkerOf } from './asciicast.ts';

const OPENED: RecordedEvent = {
  seq: 1,
  type: 'terminal.opened',
  stream: 1,
  atMs: 5_000,
  data: { cols: 80, rows: 24, term: 'xterm-256color', shell: '/bin/bash', name: 'Terminal 1' },
};

function output(atMs: number, bytes: Uint8Array, offset: number): RecordedEvent {
  return { seq: 2, type: 'terminal.output', stream: 1, atMs, data: { offset, bytes } };
}

function write(events: readonly RecordedEvent[], input = false): unknown[] {
  const writer = new CastWriter({ input });
  const text = events.map((event) => writer.write(event)).join('');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** All that a terminal shows that plays a cast. */
async function fingerprintOfCast(cast: string) {
  const [header, ...lines] = cast
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  const player = makeTerminal(header.width, header.height);
  for (const [, code, data] of lines) {
    if (code === 'o') await writeTo(player, data);
    if (code !== 'r') continue;
    const [cols, rows] = data.split('x').map(Number);
    player.resize(cols, rows);
  }
  return fingerprint(player);
}

describe('an asciicast', () => {
  it('names size, TERM and SHELL in its header and nothing else', () => {
    expect(write([OPENED])).toEqual([
      { version: 2, width: 80, height: 24, timestamp: 5, env: { TERM: 'xterm-256color', SHELL: '/bin/bash' } },
    ]);
  });

  it('makes characters whole again, however output was chunked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.array(fc.nat(200), { maxLength: 20 }), (text, cuts) => {
        const bytes = Buffer.from(text);
        const borders = [...new Set([0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length])].sort((a, b) => a - b);
        const events = borders.slice(1).map((end, i) => output(5_000 + i, bytes.subarray(borders[i], end), borders[i] as number));
        const closed: RecordedEvent = { seq: 9, type: 'terminal.closed', stream: 1, atMs: 6_000, data: { exitCode: 0, signal: null } };
        const [, ...lines] = write([OPENED, ...events, closed]) as [unknown, ...[number, string, string][]];
        expect(lines.map(([, , data]) => data).join('')).toBe(bytes.toString('utf8'));
      }),
    );
  });

  it('has times in seconds that never go back, resizes, and what was typed only when asked', () => {
    const events: RecordedEvent[] = [
      OPENED,
      output(5_250, Buffer.from('$ '), 0),
      { seq: 3, type: 'terminal.input', stream: 1, atMs: 5_300, data: { tab: 't', n: 1, bytes: Buffer.from('ls\r') } },
      output(5_240.5, Buffer.from('ls\r\n'), 2),
      { seq: 4, type: 'terminal.resized', stream: 1, atMs: 6_000, data: { cols: 100, rows: 30 } },
    ];
    const expected = [
      [0.25, 'o', '$ '],
      [0.25, 'o', 'ls\r\n'],
      [1, 'r', '100x30'],
    ];
    expect(write(events).slice(1)).toEqual(expected);
    expect(write(events, true)[2]).toEqual([0.3, 'i', 'ls\r']);
  });

  it('shows after lost output what the terminal did from the next keyframe on, in its size', async () => {
    const piece = fc.oneof(
      { weight: 5, arbitrary: anyText(40, 10).map((text) => ({ text, isLost: false, keyframe: false, cols: null })) },
      { weight: 1, arbitrary: anyText(40, 10).map((text) => ({ text, isLost: true, keyframe: false, cols: null })) },
      { weight: 1, arbitrary: fc.constant({ text: '', isLost: false, keyframe: true, cols: null }) },
      { weight: 1, arbitrary: fc.integer({ min: 20, max: 60 }).map((cols) => ({ text: '', isLost: false, keyframe: false, cols })) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const original = makeTerminal(80, 24);
        const writer = new CastWriter();
        let cast = writer.write(OPENED);
        let offset = 0;
        for (const { text, isLost, keyframe, cols } of [...pieces, { text: '', isLost: false, keyframe: true, cols: null }]) {
          const bytes = Buffer.from(text);
          await writeTo(original, bytes);
          if (bytes.length > 0 && !isLost) cast += writer.write(output(6_000, bytes, offset));
          offset += bytes.length;
          if (cols !== null) {
            original.resize(cols, 24);
            // Told of by the keyframe alone where it was lost with the output before it.
            cast += writer.write({ seq: 3, type: 'terminal.resized', stream: 1, atMs: 6_000, data: { cols, rows: 24 } });
          }
          if (!keyframe) continue;
          const data = { cols: original.cols, rows: original.rows, offset, screen: serialiseScreen(original, 60) };
          cast += writer.write({ seq: 4, type: 'terminal.keyframe', stream: 1, atMs: 6_000, data });
        }
        expect(await fingerprintOfCast(cast)).toEqual(fingerprint(original));
      }),
      { numRuns: 40 },
    );
  });

  it('takes the size and the offset of a keyframe after a hole, and what comes once after it', () => {
    const keyframe: RecordedEvent = {
      seq: 3,
      type: 'terminal.keyframe',
      stream: 1,
      atMs: 5_020,
      data: { cols: 60, rows: 10, offset: 12, screen: 'all twelve b' },
    };
    const lines = write([OPENED, output(5_010, Buffer.from('b'), 7), keyframe, output(5_030, Buffer.from('bcd'), 11)]);
    expect(lines.slice(1)).toEqual([
      [0.01, 'm', 'Begun anew after a stretch that is not shown'],
      [0.01, 'o', '\x1bcb'],
      [0.02, 'r', '60x10'],
      [0.02, 'o', '\x1bcall twelve b'],
      [0.03, 'o', 'cd'],
    ]);
    // One that follows no hole changes nothing.
    expect(write([OPENED, output(5_010, Buffer.from('all twelve b'), 0), keyframe])).toHaveLength(2);
  });

  it('has no mark before its terminal is opened or after it is closed', () => {
    const writer = new CastWriter();
    const closed: RecordedEvent = { seq: 9, type: 'terminal.closed', stream: 1, atMs: 6_000, data: { exitCode: 0, signal: null } };
    const marks = [{ atMs: 4_000, label: 'before' }, OPENED, { atMs: 5_500, label: 'within' }, closed, { atMs: 7_000, label: 'after' }];
    const text = marks.map((item) => ('label' in item ? writer.mark(item) : writer.write(item))).join('');
    expect(text.split('\n').slice(1, -1)).toEqual(['[0.5,"m","within"]']);
  });

  it('marks scores and what happened to the clock, in words', () => {
    const at = { seq: 1, stream: 0, atMs: 7_000 };
    const scored = { scoreId: 's', n: 2, trigger: 'participant', status: 'scored', score: 1.5, message: null, durationMs: 1 };
    const clock = (event: Record<string, unknown>) => castMarkerOf({ ...at, type: 'clock.event', data: { n: 2, event } })?.label;
    expect(castMarkerOf({ ...at, type: 'score.finished', data: scored })).toEqual({ atMs: 7_000, label: 'Score 2: 1.5' });
    const none = castMarkerOf({ ...at, type: 'score.finished', data: { ...scored, score: null, status: 'nan' } });
    expect(none?.label).toBe('Score 2: no valid number');
    expect(clock({ kind: 'paused', reason: 'absent' })).toBe('Paused: nobody was there');
    expect(clock({ kind: 'outage', fromMs: 1, toMs: 6_000, cause: 'x' })).toBe('Outage given back');
    expect(clock({ kind: 'woken' })).toBeUndefined();
    expect(castMarkerOf({ ...at, type: 'note.written', data: { n: 1, text: 'x', elapsedMs: 1 } })).toBeNull();
  });
});
