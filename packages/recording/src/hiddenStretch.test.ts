import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { anyText, fingerprint, makeTerminal, write } from '@plumbline/screens/screens.fixture';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CastWriter } from './asciicast.ts';
import { decodeUnit, encodeUnit, type LinePlace, prepareEvent } from './codec.ts';
import { linesWithout } from './redact.ts';
import { withheldLine } from './withheld.ts';

const BASE_MS = 1_790_000_000_000;
const LEAF = withheldLine(Buffer.alloc(32));

/** A terminal's output cut into events anywhere, in the middle of characters too, with sizes between, of which a stretch is meant. */
const anyStretch = fc.record({
  text: fc.array(fc.oneof(fc.constantFrom('größe', '漢字', '🙂', '\r\n'), anyText(40, 10)), { minLength: 1, maxLength: 20 }),
  cuts: fc.array(fc.nat(), { maxLength: 30 }),
  sizes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 20, max: 60 })), { maxLength: 4 }),
  from: fc.nat(),
  count: fc.nat(12),
});

function recorded({ text, cuts, sizes, from, count }: typeof anyStretch extends fc.Arbitrary<infer T> ? T : never) {
  const bytes = Buffer.from(text.join(''));
  const borders = [...new Set([0, ...cuts.map((cut) => cut % bytes.length), bytes.length])].sort((a, b) => a - b);
  const place = { stream: 1, atMs: BASE_MS };
  const events: EventInput[] = borders.slice(1).map((end, i) => {
    const offset = borders[i] as number;
    return { ...place, type: 'terminal.output', data: { offset, bytes: bytes.subarray(offset, end) } };
  });
  for (const [at, cols] of sizes) events.splice(at % events.length, 0, { ...place, type: 'terminal.resized', data: { cols, rows: 10 } });
  events.unshift({ ...place, type: 'terminal.opened', data: { cols: 40, rows: 10, term: 'xterm', shell: 'bash' } });
  const firstSeq = 2 + (from % (events.length - 1));
  const isMeant = ({ seq }: { seq: number }) => seq >= firstSeq && seq < firstSeq + count;
  return { events, isMeant };
}

/** A character in three events, the first of which is hidden. */
const CUT_THRICE = { text: ['漢字'], cuts: [1, 2], sizes: [], from: 0, count: 1 };

/** What readers get: of a recording that goes on, and of one out of which the stretch was taken. */
function readings(events: readonly EventInput[], isMeant: (place: LinePlace) => boolean): RecordedEvent[][] {
  const prepared = events.map((event) => prepareEvent(event, event.atMs));
  const lines = encodeUnit(prepared, BASE_MS).map((line) => Buffer.from(line));
  const header = { firstSeq: 1, baseMs: BASE_MS } as Parameters<typeof linesWithout>[0]['header'];
  const left = linesWithout({ header, lines }, isMeant, () => LEAF).lines;
  const isSealed = (place: LinePlace) => place.type === 'terminal.output' && isMeant(place);
  return [decodeUnit(lines, BASE_MS, 1, (place) => !isSealed(place)), decodeUnit(left, BASE_MS, 1)];
}

describe('a hidden stretch of output', () => {
  it('leaves no byte of its own to anybody, half a character that ends after it included, and every size', () => {
    fc.assert(
      fc.property(anyStretch, (stretch) => {
        const { events, isMeant } = recorded(stretch);
        const hidden = new Set<number>();
        for (const [i, { type, data }] of events.entries()) {
          if (type !== 'terminal.output' || !isMeant({ seq: i + 1 })) continue;
          for (let at = 0; at < data.bytes.length; at += 1) hidden.add(data.offset + at);
        }
        for (const shown of readings(events, isMeant)) {
          for (const { type, data } of shown) {
            if (type !== 'terminal.output') continue;
            for (let at = 0; at < data.bytes.length; at += 1) expect(hidden.has(data.offset + at)).toBe(false);
          }
          const sizes = (of: readonly { type: string; data: unknown }[]) =>
            of.filter(({ type }) => type === 'terminal.resized').map(({ data }) => data);
          expect(sizes(shown)).toEqual(sizes(events));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has a cast go on, on an empty screen of the size that the terminal has, with nothing but what came after', async () => {
    await fc.assert(
      fc.asyncProperty(anyStretch, async (stretch) => {
        const { events, isMeant } = recorded(stretch);
        for (const shown of readings(events, isMeant)) {
          const writer = new CastWriter();
          const [, ...lines] = shown
            .map((event) => writer.write(event))
            .join('')
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line));
          const player = makeTerminal(40, 10);
          let expected = makeTerminal(40, 10);
          let offset = 0;
          for (const { type, data } of shown) {
            if (type === 'terminal.resized') expected.resize(data.cols, data.rows);
            if (type !== 'terminal.output') continue;
            if (data.offset > offset) expected = makeTerminal(expected.cols, expected.rows);
            offset = data.offset + data.bytes.length;
            await write(expected, data.bytes);
          }
          for (const [, code, text] of lines) {
            if (code === 'o') await write(player, text);
            if (code === 'r') player.resize(Number(text.split('x')[0]), Number(text.split('x')[1]));
          }
          // Letters that are whole: a cast holds the half of one back until its other half comes.
          const end = shown.findLast(({ type }) => type === 'terminal.output');
          if (end?.type === 'terminal.output' && Buffer.from(end.data.bytes).toString('utf8').endsWith('\ufffd')) continue;
          expect(fingerprint(player)).toEqual(fingerprint(expected));
        }
      }),
      { numRuns: 60, examples: [[CUT_THRICE]] },
    );
  });
});
