import { EVENTS, type EventInput, type EventType } from '@plumbline/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE_OF, decodeUnit, encodeUnit, parseLine, prepareEvent, roundAtMs, TYPE_OF } from './codec.ts';
import { exampleEvents, laterEvents } from './exampleEvents.fixture.ts';
import { FormatError } from './formatError.ts';

const BASE_MS = 1_790_000_000_000;

function throughLines(events: readonly EventInput[], receivedAtMs?: number): ReturnType<typeof decodeUnit> {
  const prepared = events.map((event) => prepareEvent(event, receivedAtMs ?? event.atMs));
  return decodeUnit(asLines(encodeUnit(prepared, BASE_MS)), BASE_MS, 1);
}

const asLines = (lines: readonly string[]) => lines.map((line) => Buffer.from(line));

function output(stream: number, offset: number, bytes: Uint8Array): EventInput {
  return { type: 'terminal.output', stream, atMs: BASE_MS + offset, data: { offset, bytes: Buffer.from(bytes) } };
}

/** One stream's bytes cut anywhere: the chunks with their offsets. */
function chunksOf(bytes: Uint8Array, cuts: readonly number[]): EventInput[] {
  const borders = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return borders.slice(1).map((end, i) => output(1, borders[i] as number, bytes.subarray(borders[i], end)));
}

describe('the codes', () => {
  it('give every event type one code of its own', () => {
    expect(Object.keys(CODE_OF).sort()).toEqual(Object.keys(EVENTS).sort());
    expect(TYPE_OF.size).toBe(Object.keys(EVENTS).length);
  });
});

describe('lines', () => {
  it('give every kind of event back exactly', () => {
    const events = [...exampleEvents(BASE_MS), ...laterEvents(BASE_MS)];
    expect(new Set(events.map(({ type }) => type)).size).toBe(Object.keys(EVENTS).length);
    const decoded = throughLines(events);
    expect(decoded.map(({ seq, ...event }) => event)).toEqual(events);
    expect(decoded.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    for (const event of decoded) expect(EVENTS[event.type as EventType].schema.safeParse(event.data).success).toBe(true);
  });

  it('give any bytes in any chunking back, event by event', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => Buffer.from(value));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 120 }),
          text.filter((b) => b.length > 0),
        ),
        fc.array(fc.nat(), { maxLength: 40 }),
        (bytes, cuts) => {
          const events = chunksOf(bytes, cuts);
          expect(throughLines(events).map(({ seq, ...event }) => event)).toEqual(events);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('give of some events exactly what they are among all, whatever bytes they share with those left out', () => {
    const cuts = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(cuts, fc.infiniteStream(fc.boolean()), (at, choice) => {
        const events = chunksOf(Buffer.from('a🙂é\u0800b🙂🙂'), at);
        const chosen = new Set(events.filter(() => choice.next().value).map(({ atMs }) => atMs));
        const lines = asLines(
          encodeUnit(
            events.map((event) => prepareEvent(event, event.atMs)),
            BASE_MS,
          ),
        );
        const some = decodeUnit(lines, BASE_MS, 1, ({ atMs }) => chosen.has(atMs));
        expect(some).toEqual(decodeUnit(lines, BASE_MS, 1).filter(({ atMs }) => chosen.has(atMs)));
      }),
    );
  });

  it('hold a character whole though two events share it', () => {
    const bytes = Buffer.from('a🙂b');
    const events = [output(1, 0, bytes.subarray(0, 3)), output(2, 0, Buffer.from('between')), output(1, 3, bytes.subarray(3))];
    const lines = encodeUnit(
      events.map((event) => prepareEvent(event, event.atMs)),
      BASE_MS,
    );
    expect(lines).toEqual(['[0,"o",1,[0,"a"]]', '[0,"o",2,[0,"between"]]', '[3,"o",1,[1,"🙂b",2]]']);
  });

  it('hold an incomplete character as base64 where the unit ends before it does', () => {
    const lines = encodeUnit([prepareEvent(output(1, 0, Buffer.from('a🙂').subarray(0, 3)), BASE_MS)], BASE_MS);
    expect(lines).toEqual(['[0,"o",1,[0,["a","8J8="]]]']);
  });

  it('keep times to the microsecond, and the arrival where it was over a second off', () => {
    fc.assert(
      fc.property(
        fc.double({ min: BASE_MS - 1e9, max: BASE_MS + 1e9, noNaN: true }),
        fc.double({ min: -1e7, max: 1e7, noNaN: true }),
        (atMs, lagMs) => {
          const [event] = throughLines([{ type: 'focus.panel', stream: 0, atMs, data: { tab: 'x', panel: 'editor' } }], atMs + lagMs);
          expect(event?.atMs).toBe(roundAtMs(atMs));
          if (Math.abs(lagMs) > 1001) expect(event?.receivedAtMs).toBe(roundAtMs(atMs + lagMs));
          if (Math.abs(lagMs) < 999) expect(event).not.toHaveProperty('receivedAtMs');
        },
      ),
    );
  });

  it('of an unknown code keep their place in seq', () => {
    const decoded = decodeUnit(asLines(['[0,"zz",0,{"from":"a later version"}]', '[1,"fl",0,{"tab":"x","panel":"editor"}]']), BASE_MS, 7);
    expect(decoded.map(({ seq }) => seq)).toEqual([8]);
  });

  it('that are none are refused as such', () => {
    for (const line of [
      '',
      '{}',
      '[1,2]',
      '["a","o",1,[0,""]]',
      '[1,"o",1,[0]]',
      '[1,"o",1,[0,"a",5]]',
      '[1,"o",1,[0,[1]]]',
      '[1,"i",1,null]',
    ]) {
      expect(() => decodeUnit(asLines([line]), BASE_MS, 1), line).toThrow(FormatError);
    }
    expect(parseLine('[1,"o",1,[0,"a"]]', BASE_MS).atMs).toBe(BASE_MS + 1);
  });
});
