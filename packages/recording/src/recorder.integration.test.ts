import { randomBytes } from 'node:crypto';
import type { Database } from '@plumbline/database/client';
import { listSegments } from '@plumbline/database/recordingSegments';
import { claimEpoch, type EpochClaim, readRecordingState, readTail } from '@plumbline/database/recordingTail';
import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleEvents } from './exampleEvents.fixture.ts';
import { loadRecordingKeys, type RecordingKeys } from './keys.ts';
import { openRecording } from './reader.ts';
import { AttemptRecorder, type RecorderOptions } from './recorder.ts';
import { verifyRecording } from './verify.ts';

const BASE_MS = 1_790_000_000_000;

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

async function newAttempt(): Promise<string> {
  return (await makeAttempt(database.db)).attempt.id;
}

async function recorderOf(attemptId: string, changes: Partial<RecorderOptions> = {}): Promise<AttemptRecorder> {
  const claim = changes.claim ?? ((await claimEpoch(database.db, attemptId, null)) as EpochClaim);
  return AttemptRecorder.open({
    db: database.db,
    store,
    keys,
    attemptId,
    claim,
    nowMs: () => BASE_MS,
    onDurable: () => {},
    onStalled: () => {},
    onStale: () => {},
    ...changes,
  });
}

async function allEvents(attemptId: string): Promise<RecordedEvent[]> {
  const recording = await openRecording({ db: database.db, store, keys, attemptId });
  const events: RecordedEvent[] = [];
  for await (const event of recording.events()) events.push(event);
  return events;
}

function note(n: number): EventInput {
  return { type: 'note.written', stream: 0, atMs: BASE_MS + n, data: { n, text: `note ${n}`, elapsedMs: n } };
}

/** Cut into pieces of these sizes. All happen within a second of their arrival, so that an event is all that is recorded. */
function chunksOf(bytes: Buffer, sizes: readonly number[]): EventInput[] {
  const chunks: EventInput[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const size = sizes[chunks.length % sizes.length] as number;
    const chunk = bytes.subarray(offset, offset + size);
    chunks.push({ type: 'terminal.output', stream: 1, atMs: BASE_MS + chunks.length / 2, data: { offset, bytes: chunk } });
    offset += chunk.length;
  }
  return chunks;
}

/** A database that can be told to lose its next write, or only the answer to it. */
function flakyDatabase(): { db: Database; failNext(before: boolean): void } {
  let failing: 'no' | 'before' | 'after' = 'no';
  const { pool } = database.db;
  const query = async (...args: unknown[]): Promise<unknown> => {
    const act = () => (pool.query as (...all: unknown[]) => Promise<unknown>).apply(pool, args);
    const isWrite = typeof args[0] === 'object' || String(args[0]).includes('INSERT');
    if (failing === 'no' || !isWrite) return act();
    const when = failing;
    failing = 'no';
    if (when === 'after') await act();
    throw new Error('connection lost');
  };
  const flaky = new Proxy(pool, { get: (target, name) => (name === 'query' ? query : Reflect.get(target, name)) });
  return {
    db: { ...database.db, pool: flaky },
    failNext(before) {
      failing = before ? 'before' : 'after';
    },
  };
}

/** A database that counts how often the tail is read. */
function countingDatabase(): { db: Database; tailReads(): number } {
  let tailReads = 0;
  const { pool } = database.db;
  const query = (...args: unknown[]): unknown => {
    if (/SELECT \* FROM recording_tail/.test(String(args[0]))) tailReads++;
    return (pool.query as (...all: unknown[]) => unknown).apply(pool, args);
  };
  const counting = new Proxy(pool, { get: (target, name) => (name === 'query' ? query : Reflect.get(target, name)) });
  return { db: { ...database.db, pool: counting }, tailReads: () => tailReads };
}

describe('a recorder', () => {
  it('makes every kind of event durable, and gives it back from the tail and from sealed segments', async () => {
    const attemptId = await newAttempt();
    const durable: [string, number][] = [];
    const recorder = await recorderOf(attemptId, { onDurable: (source, n) => durable.push([source, n]) });
    const events = exampleEvents(BASE_MS);
    for (const [i, event] of events.entries()) expect(recorder.offer('runner:a', i + 1, event)).toBe('taken');
    expect(recorder.unacknowledgedBytes).toBeGreaterThan(0);
    await recorder.flush();
    expect(recorder.unacknowledgedBytes).toBe(0);
    expect(durable.at(-1)).toEqual(['runner:a', events.length]);
    const withoutSeq = async () => (await allEvents(attemptId)).map(({ seq, ...event }) => event);
    expect(await withoutSeq()).toEqual(events);
    await recorder.seal();
    expect(await readTail(database.db, attemptId, 1, 10)).toEqual([]);
    expect(await listSegments(database.db, attemptId)).toHaveLength(1);
    expect(await withoutSeq()).toEqual(events);
    recorder.close();
  });

  it('takes each number of a source once, in whatever order and however often it is sent', async () => {
    const attemptId = await newAttempt();
    const recorder = await recorderOf(attemptId);
    const COUNT = 30;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('tab:a', 'tab:b', 'runner:x'),
        fc.array(fc.integer({ min: 1, max: COUNT }), { maxLength: 60 }),
        async (source, tries) => {
          for (const n of tries) {
            const mark = recorder.takenMark(source);
            expect(recorder.offer(source, n, note(n))).toBe(n <= mark ? 'duplicate' : n === mark + 1 ? 'taken' : 'gap');
          }
        },
      ),
      { numRuns: 20 },
    );
    const sources = ['tab:a', 'tab:b', 'runner:x'];
    for (const source of sources) for (let n = 1; n <= COUNT; n++) recorder.offer(source, n, note(n));
    await recorder.seal();
    const events = await allEvents(attemptId);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: COUNT * 3 }, (_, i) => i + 1));
    const numbers = events.map(({ data }) => (data as { n: number }).n).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: COUNT * 3 }, (_, i) => Math.floor(i / 3) + 1));
    recorder.close();
  });

  it('goes on where the last owner stopped, and its predecessor writes nothing more', async () => {
    const attemptId = await newAttempt();
    const onStale = vi.fn();
    const first = await recorderOf(attemptId, { onStale });
    for (let n = 1; n <= 5; n++) first.offer('runner:a', n, note(n));
    await first.flush();
    const second = await recorderOf(attemptId);
    expect(second.mark('runner:a')).toBe(5);
    first.offer('runner:a', 6, note(600));
    await expect(first.flush()).rejects.toThrow();
    expect(onStale).toHaveBeenCalledTimes(1);
    expect(first.offer('runner:a', 7, note(7))).toBe('closed');
    expect(second.offer('runner:a', 5, note(5))).toBe('duplicate');
    for (let n = 6; n <= 9; n++) second.offer('runner:a', n, note(n));
    await second.seal();
    expect((await allEvents(attemptId)).map(({ data }) => (data as { n: number }).n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect((await listSegments(database.db, attemptId)).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 5],
      [6, 9],
    ]);
    second.close();
  });

  it('says that it stalls while the database is away, keeps everything, and commits it once when it is back', async () => {
    const attemptId = await newAttempt();
    const stalls: boolean[] = [];
    const claim = (await claimEpoch(database.db, attemptId, null)) as EpochClaim;
    let away = false;
    let lost = 0;
    // The answer of a commit that took place is lost too: that is what a cut connection looks like.
    const pool = new Proxy(database.db.pool, {
      get(target, name) {
        if (name !== 'query') return Reflect.get(target, name);
        return async (...args: unknown[]) => {
          if (away) {
            if (lost++ === 0) await (target.query as (...all: unknown[]) => Promise<unknown>)(...args);
            throw new Error('connection lost');
          }
          return (target.query as (...all: unknown[]) => Promise<unknown>)(...args);
        };
      },
    });
    const recorder = await recorderOf(attemptId, { claim, db: { ...database.db, pool }, onStalled: (stalled) => stalls.push(stalled) });
    away = true;
    for (let n = 1; n <= 100; n++) recorder.offer('runner:a', n, note(n));
    await vi.waitFor(() => expect(stalls).toEqual([true]), { timeout: 20_000 });
    expect(recorder.mark('runner:a')).toBe(0);
    expect(recorder.offer('runner:a', 101, note(101))).toBe('taken');
    away = false;
    await recorder.flush();
    // And once more for each further second in which a busy machine commits nothing.
    expect([stalls.slice(0, 2), stalls.at(-1)]).toEqual([[true, false], false]);
    expect(recorder.mark('runner:a')).toBe(101);
    expect((await readRecordingState(database.db, attemptId)).lastSeq).toBe(101);
    expect(await allEvents(attemptId)).toHaveLength(101);
    recorder.close();
  });

  it('holds every byte once, whatever fails, and however often its owner dies', async () => {
    const text = Buffer.from('naïve 漢字 🙂 \x1b[1mbold\x1b[0m\r\n'.repeat(40));
    // What a gateway's life is made of: events arrive, the database fails for some statements, the process dies.
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), before: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('seal' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (steps, sizes) => {
          const attemptId = await newAttempt();
          const flaky = flakyDatabase();
          const chunks = chunksOf(text, sizes);
          let recorder = await recorderOf(attemptId, { db: flaky.db });
          let next = 1;
          for (const at of steps) {
            if (at.do === 'send')
              for (let i = 0; i < at.count && next <= chunks.length; i++)
                recorder.offer('runner:a', next, chunks[next++ - 1] as EventInput);
            if (at.do === 'flush') await recorder.flush();
            if (at.do === 'seal') await recorder.seal();
            if (at.do === 'fail') flaky.failNext(at.before);
            if (at.do === 'die') {
              recorder.close();
              recorder = await recorderOf(attemptId, { db: flaky.db });
              next = recorder.mark('runner:a') + 1;
            }
          }
          for (; next <= chunks.length; next++) expect(recorder.offer('runner:a', next, chunks[next - 1] as EventInput)).toBe('taken');
          await recorder.finish();
          const events = await allEvents(attemptId);
          expect(events.map(({ seq, ...event }) => event)).toEqual(chunks);
          expect(await verifyRecording({ db: database.db, store, keys, attemptId })).toMatchObject({ verdict: 'intact', signed: true });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('asks before a score becomes durable, and again until the answer is yes', async () => {
    const attemptId = await newAttempt();
    let asked = 0;
    const recorder = await recorderOf(attemptId, {
      beforeDurable: async (events) => {
        expect(events.some(({ type }) => type === 'score.finished')).toBe(true);
        expect((await readRecordingState(database.db, attemptId)).lastSeq).toBe(0);
        asked++;
        if (asked < 3) throw new Error('not yet');
      },
    });
    for (const [i, event] of exampleEvents(BASE_MS).entries()) recorder.offer('runner:a', i + 1, event);
    await recorder.flush();
    expect(asked).toBe(3);
    recorder.close();
  });

  it('names what a source can no longer supply, and goes on after it', async () => {
    const attemptId = await newAttempt();
    const recorder = await recorderOf(attemptId);
    recorder.offer('tab:a', 1, note(1));
    expect(recorder.skip('tab:a', 1, 'nothing is missing')).toBe('duplicate');
    expect(recorder.skip('tab:a', 4, 'the browser was closed')).toBe('taken');
    expect(recorder.offer('tab:a', 5, note(5))).toBe('taken');
    await recorder.flush();
    const events = await allEvents(attemptId);
    expect(events[1]?.data).toEqual({ source: 'tab:a', from: 2, to: 4, reason: 'the browser was closed' });
    expect(events).toHaveLength(3);
    recorder.close();
  });

  it('dates nothing that a tab says before what it said before, also under another owner, and holds no other source to that', async () => {
    const attemptId = await newAttempt();
    const said = (recorder: AttemptRecorder, source: string, n: number, atMs: number) =>
      recorder.offer(source, n, { ...note(n), atMs: BASE_MS + atMs });
    const first = await recorderOf(attemptId);
    said(first, 'tab:a', 1, 300);
    said(first, 'platform', 1, 300);
    await first.flush();
    first.close();
    const second = await recorderOf(attemptId);
    said(second, 'tab:a', 2, 205);
    said(second, 'tab:b', 1, 10);
    said(second, 'platform', 2, 205);
    said(second, 'tab:a', 3, 301);
    await second.flush();
    second.close();
    expect((await allEvents(attemptId)).map(({ atMs }) => atMs - BASE_MS)).toEqual([300, 300, 300, 10, 205, 301]);
  });

  it('cuts segments by size without being asked, and seals them beside the recording', async () => {
    const attemptId = await newAttempt();
    const recorder = await recorderOf(attemptId);
    let offset = 0;
    for (let n = 1; n <= 200; n++) {
      const bytes = Buffer.alloc(32 * 1024, `${n} `);
      recorder.offer('runner:a', n, { type: 'terminal.output', stream: 1, atMs: BASE_MS + n, data: { offset, bytes } });
      offset += bytes.length;
      if (n % 20 === 0) await recorder.flush();
    }
    await vi.waitFor(async () => expect((await listSegments(database.db, attemptId)).length).toBeGreaterThanOrEqual(4), {
      timeout: 20_000,
    });
    await recorder.finish();
    const segments = await listSegments(database.db, attemptId);
    for (const segment of segments) expect(segment.rawBytes).toBeLessThan(2.5 * 1024 * 1024);
    let read = 0;
    for (const event of await allEvents(attemptId)) {
      if (event.type !== 'terminal.output') continue;
      expect(event.data.offset).toBe(read);
      read += event.data.bytes.length;
    }
    expect(read).toBe(offset);
  });

  it('seals what it has just committed without reading it back, and what is more than it holds from the tail', async () => {
    const attemptId = await newAttempt();
    const counting = countingDatabase();
    let storing = Promise.resolve();
    const waiting: ObjectStore = { ...store, put: (hash, bytes) => storing.then(() => store.put(hash, bytes)) };
    const recorder = await recorderOf(attemptId, { db: counting.db, store: waiting });
    const output = randomBytes(5 * 1024 * 1024);
    const chunks = chunksOf(output, [32 * 1024]);
    const send = async (from: number, to: number) => {
      for (let n = from; n <= to; n++) {
        recorder.offer('runner:a', n, chunks[n - 1] as EventInput);
        if (n % 8 === 0) await recorder.flush();
      }
    };
    await send(1, 40);
    await recorder.seal();
    expect(counting.tailReads()).toBe(0);
    let storeAgain = () => {};
    storing = new Promise((resolve) => {
      storeAgain = resolve;
    });
    await send(41, chunks.length);
    storeAgain();
    await recorder.finish();
    expect(counting.tailReads()).toBeGreaterThan(0);
    const recorded = (await allEvents(attemptId)).map(({ data }) => (data as { bytes: Buffer }).bytes);
    expect(Buffer.concat(recorded).equals(output)).toBe(true);
    expect(await verifyRecording({ db: database.db, store, keys, attemptId })).toMatchObject({ verdict: 'intact', signed: true });
  });

  it('takes the platform events of the outbox once, and clears them when they are durable', async () => {
    const attemptId = await newAttempt();
    for (let n = 1; n <= 3; n++) {
      await database.db.pool.query(
        "INSERT INTO recording_outbox (attempt_id, n, type, data, at) VALUES ($1, $2, 'note.written', $3, now())",
        [attemptId, n, JSON.stringify({ n, text: `note ${n}`, elapsedMs: 1 })],
      );
    }
    const recorder = await recorderOf(attemptId);
    await Promise.all([recorder.takeOutbox(), recorder.takeOutbox()]);
    await recorder.flush();
    expect(await allEvents(attemptId)).toHaveLength(3);
    const left = async () => (await database.db.pool.query('SELECT n FROM recording_outbox WHERE attempt_id = $1', [attemptId])).rows;
    await expect.poll(left).toEqual([]);
    recorder.close();
  });
});
