import { claimEpoch, type EpochClaim } from '@plumbline/database/recordingTail';
import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexEvents, OUTLINED_TYPES } from './indexBuilder.ts';
import { loadRecordingKeys, type RecordingKeys } from './keys.ts';
import { openRecording, type Recording, SEEK_PAGE_BYTES, type TerminalSeek } from './reader.ts';
import { AttemptRecorder } from './recorder.ts';
import { screenPlace } from './screenPlace.ts';

const BASE_MS = 1_790_000_000_000;
const EVENTS = 240;

let database: TestDatabase;
let folder: TemporaryFolder;
let store: ObjectStore;
let keys: RecordingKeys;

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
  store = folderStore(`${folder.path}/store`);
  keys = await loadRecordingKeys(`${folder.path}/keys`);
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

async function newRecorder(): Promise<{ recorder: AttemptRecorder; attemptId: string }> {
  const attemptId = (await makeAttempt(database.db)).attempt.id;
  const claim = (await claimEpoch(database.db, attemptId, null)) as EpochClaim;
  const ignore = () => {};
  const callbacks = { onDurable: ignore, onStalled: ignore, onStale: ignore };
  const recorder = await AttemptRecorder.open({ db: database.db, store, keys, attemptId, claim, nowMs: () => BASE_MS, ...callbacks });
  return { recorder, attemptId };
}

/** Two terminals with keyframes now and then; every tenth event happened long before it arrived. */
function eventOf(n: number, offsets: [number, number]): EventInput {
  const stream = n % 2;
  const atMs = BASE_MS + n * 10 - (n % 10 === 7 ? 600 : 0);
  if (n <= 2) return { type: 'terminal.opened', stream, atMs, data: { cols: 80, rows: 24, term: 'xterm', shell: '/bin/bash' } };
  const offset = offsets[stream] as number;
  if (n % 25 < 2)
    return {
      type: 'terminal.keyframe',
      stream,
      atMs: BASE_MS + n * 10,
      data: { cols: 80, rows: 24, offset, screen: `screen at ${offset}` },
    };
  const bytes = Buffer.from(`event ${n}\r\n`);
  offsets[stream] = offset + bytes.length;
  return { type: 'terminal.output', stream, atMs, data: { offset, bytes } };
}

/** Segments of uneven length, and a tail of several batches. */
async function record(): Promise<{ recording: Recording; all: RecordedEvent[] }> {
  const { recorder, attemptId } = await newRecorder();
  const offsets: [number, number] = [0, 0];
  for (let n = 1; n <= EVENTS; n++) {
    recorder.offer('runner:a', n, eventOf(n, offsets));
    if (n < 200 && (n % 31 === 0 || n % 50 === 0)) await recorder.seal();
    if (n % 13 === 0) await recorder.flush();
  }
  await recorder.flush();
  recorder.close();
  const recording = await openRecording({ db: database.db, store, keys, attemptId });
  return { recording, all: await collect(recording.events()) };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** What a seek finds in all of its pages. */
async function sought(pages: AsyncIterable<TerminalSeek>): Promise<TerminalSeek> {
  const [first, ...others] = await collect(pages);
  if (first === undefined) throw new Error('a seek has a page');
  for (const { keyframe } of others) expect(keyframe).toBeNull();
  return { keyframe: first.keyframe, events: [first, ...others].flatMap(({ events }) => events) };
}

const byTime = (a: RecordedEvent, b: RecordedEvent) => a.atMs - b.atMs || a.seq - b.seq;

describe('reading a recording', () => {
  it('gives for any range what filtering the whole gives, by seq or time, in either order', async () => {
    const { recording, all } = await record();
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1));
    expect((await recording.segments()).length).toBeGreaterThan(5);
    const seq = fc.option(fc.integer({ min: 1, max: EVENTS + 20 }), { nil: undefined });
    const ms = fc.option(
      fc.integer({ min: -700, max: EVENTS * 10 + 700 }).map((offset) => BASE_MS + offset),
      { nil: undefined },
    );
    await fc.assert(
      fc.asyncProperty(seq, seq, ms, ms, fc.constantFrom(undefined, 'terminal.keyframe'), async (fromSeq, toSeq, fromMs, toMs, type) => {
        const where = type === undefined ? undefined : (event: RecordedEvent) => event.type === type;
        const expected = all.filter(
          (event) =>
            event.seq >= (fromSeq ?? 0) &&
            event.seq <= (toSeq ?? Number.POSITIVE_INFINITY) &&
            event.atMs >= (fromMs ?? 0) &&
            event.atMs < (toMs ?? Number.POSITIVE_INFINITY) &&
            (where === undefined || where(event)),
        );
        const range = { fromSeq, toSeq, fromMs, toMs, where };
        expect(await collect(recording.events(range))).toEqual(expected);
        expect(await collect(recording.eventsByTime(range))).toEqual([...expected].sort(byTime));
      }),
      { numRuns: 60 },
    );
  });

  it('finds for any moment the last keyframe, and output after it without a hole', async () => {
    const { recording, all } = await record();
    const index = await indexEvents(recording.outline(OUTLINED_TYPES));
    const ofTerminal = (terminal: number, atMs: number) =>
      all.filter((event) => event.stream === terminal && event.atMs <= atMs).sort(byTime);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0, 1), fc.integer({ min: 0, max: EVENTS * 10 + 100 }), async (terminal, offsetMs) => {
        const atMs = BASE_MS + offsetMs;
        const { keyframe, events } = await sought(recording.seekTerminal(terminal, atMs));
        // Where the index has its place, the same is found.
        expect(await sought(recording.seekTerminal(terminal, atMs, screenPlace(index, terminal, atMs)))).toEqual({ keyframe, events });
        const expected = ofTerminal(terminal, atMs).findLast(({ type }) => type === 'terminal.keyframe');
        expect(keyframe).toEqual(expected ?? null);
        expect(events.every((event) => event.atMs <= atMs && event.seq > (keyframe?.seq ?? 0))).toBe(true);
        const shown = keyframe?.data.offset ?? 0;
        const later = all.filter(
          (event) => event.stream === terminal && event.type === 'terminal.output' && event.atMs <= atMs && event.data.offset >= shown,
        );
        expect(events.filter(({ type }) => type === 'terminal.output').sort((a, b) => a.seq - b.seq)).toEqual(later);
      }),
      { numRuns: 60 },
    );
  });

  it('shows output once that a keyframe cuts in the middle', async () => {
    const { recorder, attemptId } = await newRecorder();
    const opened = { cols: 80, rows: 24, term: 'xterm', shell: '/bin/bash' };
    recorder.offer('runner:a', 1, { type: 'terminal.opened', stream: 1, atMs: BASE_MS, data: opened });
    recorder.offer('runner:a', 2, {
      type: 'terminal.keyframe',
      stream: 1,
      atMs: BASE_MS + 1,
      data: { cols: 80, rows: 24, offset: 3, screen: 'abc' },
    });
    recorder.offer('runner:a', 3, {
      type: 'terminal.output',
      stream: 1,
      atMs: BASE_MS + 2,
      data: { offset: 0, bytes: Buffer.from('abcdef') },
    });
    await recorder.seal();
    recorder.close();
    const recording = await openRecording({ db: database.db, store, keys, attemptId });
    const { events } = await sought(recording.seekTerminal(1, BASE_MS + 5));
    expect(events.map(({ data }) => data)).toEqual([{ offset: 3, bytes: Buffer.from('def') }]);
    expect((await sought(recording.seekTerminal(1, BASE_MS))).keyframe).toBeNull();
  });

  it('turns pages of what came since a keyframe, however much a flood put out', async () => {
    const { recorder, attemptId } = await newRecorder();
    const keyframe = { cols: 80, rows: 24, offset: 0, screen: '' };
    recorder.offer('runner:a', 1, { type: 'terminal.keyframe', stream: 1, atMs: BASE_MS, data: keyframe });
    const bytes = Buffer.alloc(SEEK_PAGE_BYTES / 4, 'x');
    for (let n = 0; n < 10; n += 1) {
      const data = { offset: n * bytes.length, bytes };
      recorder.offer('runner:a', n + 2, { type: 'terminal.output', stream: 1, atMs: BASE_MS + 1, data });
    }
    await recorder.flush();
    recorder.close();
    const recording = await openRecording({ db: database.db, store, keys, attemptId });
    const pages = await collect(recording.seekTerminal(1, BASE_MS + 1));
    expect(pages.map((page) => [page.keyframe?.seq ?? null, page.events.length])).toEqual([
      [1, 4],
      [null, 4],
      [null, 2],
    ]);
    expect(pages.flatMap(({ events }) => events.map(({ seq }) => seq))).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('misses nothing while segments are sealed under it', async () => {
    const { recorder, attemptId } = await newRecorder();
    const offsets: [number, number] = [0, 0];
    for (let n = 1; n <= EVENTS; n++) {
      recorder.offer('runner:a', n, eventOf(n, offsets));
      if (n % 20 === 0) await recorder.flush();
    }
    await recorder.flush();
    const recording = await openRecording({ db: database.db, store, keys, attemptId });
    const seen: number[] = [];
    for await (const { seq } of recording.events()) {
      seen.push(seq);
      if (seq === 30) await recorder.seal();
    }
    expect(seen).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1));
    recorder.close();
  });

  it('says that nothing was recorded where nothing was', async () => {
    const attemptId = (await makeAttempt(database.db)).attempt.id;
    await expect(openRecording({ db: database.db, store, keys, attemptId })).rejects.toMatchObject({ code: 'not_found' });
  });
});
