import type { RecordedEvent } from '@plumbline/protocol';
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

function output(atMs: number, bytes: Uint8Array): RecordedEvent {
  return { seq: 2, type: 'terminal.output', stream: 1, atMs, data: { offset: 0, bytes } };
}

function write(events: readonly RecordedEvent[], input = false): unknown[] {
  const writer = new CastWriter({ input });
  const text = events.map((event) => writer.write(event)).join('');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
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
        const events = borders.slice(1).map((end, i) => output(5_000 + i, bytes.subarray(borders[i], end)));
        const closed: RecordedEvent = { seq: 9, type: 'terminal.closed', stream: 1, atMs: 6_000, data: { exitCode: 0, signal: null } };
        const [, ...lines] = write([OPENED, ...events, closed]) as [unknown, ...[number, string, string][]];
        expect(lines.map(([, , data]) => data).join('')).toBe(bytes.toString('utf8'));
      }),
    );
  });

  it('has times in seconds that never go back, resizes, and what was typed only when asked', () => {
    const events: RecordedEvent[] = [
      OPENED,
      output(5_250, Buffer.from('$ ')),
      { seq: 3, type: 'terminal.input', stream: 1, atMs: 5_300, data: { tab: 't', n: 1, bytes: Buffer.from('ls\r') } },
      output(5_240.5, Buffer.from('ls\r\n')),
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
