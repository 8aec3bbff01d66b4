import { readFile, rm, writeFile } from 'node:fs/promises';
import { destroyWrappedKey } from '@plumbline/database/recordingKeys';
import { listSegments, type SegmentRow } from '@plumbline/database/recordingSegments';
import { claimEpoch, type EpochClaim } from '@plumbline/database/recordingTail';
import type { EventInput } from '@plumbline/protocol';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealingKeys } from './encryption.ts';
import { indexEvents, OUTLINED_TYPES } from './indexBuilder.ts';
import { loadRecordingKeys, type RecordingKeys } from './keys.ts';
import { openRecording } from './reader.ts';
import { AttemptRecorder } from './recorder.ts';
import { eraseRecording, redactRecording } from './redact.ts';
import { releaseSegments } from './release.ts';
import { openSegment, sealLines } from './segment.ts';
import { verifyRecording } from './verify.ts';

const BASE_MS = 1_790_000_000_000;
const SEGMENTS = 4;
const PER_SEGMENT = 25;
const TAIL = 10;

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

const NOTE = 45;

function event(n: number): EventInput {
  if (n === NOTE) return { type: 'note.written', stream: 0, atMs: BASE_MS + n, data: { n: 1, text: 'a name', elapsedMs: n } };
  if (n % 10 === 1)
    return { type: 'terminal.keyframe', stream: 1, atMs: BASE_MS + n, data: { cols: 80, rows: 24, offset: n * 8, screen: `screen ${n}` } };
  return { type: 'terminal.output', stream: 1, atMs: BASE_MS + n, data: { offset: n * 8, bytes: Buffer.from(`line ${n}\r\n`.padEnd(8)) } };
}

async function newRecorder(): Promise<{ attemptId: string; recorder: AttemptRecorder }> {
  const attemptId = (await makeAttempt(database.db)).attempt.id;
  const claim = (await claimEpoch(database.db, attemptId, null)) as EpochClaim;
  const recorder = await AttemptRecorder.open({
    db: database.db,
    store,
    keys,
    attemptId,
    claim,
    nowMs: () => BASE_MS,
    onDurable: () => {},
    onStalled: () => {},
    onStale: () => {},
  });
  return { attemptId, recorder };
}

/** Four sealed segments, and either a tail of ten batches or a finished recording. */
async function record(end: 'tail' | 'finished'): Promise<string> {
  const { attemptId, recorder } = await newRecorder();
  let n = 0;
  const next = (source: string) => expect(recorder.offer(source, recorder.takenMark(source) + 1, event(++n))).toBe('taken');
  for (let segment = 0; segment < SEGMENTS; segment++) {
    for (let i = 0; i < PER_SEGMENT; i++) next(n % 2 === 0 ? 'runner:a' : 'tab:b');
    await recorder.seal();
  }
  if (end === 'finished') {
    await recorder.finish();
    return attemptId;
  }
  for (let i = 0; i < TAIL; i++) {
    next('runner:c');
    await recorder.flush();
  }
  recorder.close();
  return attemptId;
}

function verify(attemptId: string) {
  return verifyRecording({ db: database.db, store, keys, attemptId });
}

function placeOf(hash: string): string {
  return `${folder.path}/store/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`;
}

describe('verification', () => {
  it('calls an untouched recording intact, finished or not', async () => {
    expect(await verify(await record('finished'))).toMatchObject({
      verdict: 'intact',
      signed: true,
      segments: SEGMENTS,
      lastSeq: 100,
      problem: null,
    });
    expect(await verify(await record('tail'))).toMatchObject({
      verdict: 'intact',
      signed: false,
      segments: SEGMENTS,
      lastSeq: 110,
      problem: null,
    });
  });

  it('calls one intact whose tail is sealed while it is walked, and a reader gets each of its events once', async () => {
    for (const read of ['verify', 'events'] as const) {
      const { attemptId, recorder } = await newRecorder();
      // More batches than are read at once.
      for (let n = 1; n <= 100; n++) {
        recorder.offer('runner:a', n, event(n));
        await recorder.flush();
      }
      let isSealed = false;
      const query = async (text: string, values: unknown[]) => {
        const answer = await database.db.pool.query(text, values);
        if (!isSealed && /FROM recording_tail/.test(text) && answer.rows.length > 1) {
          isSealed = true;
          await recorder.seal();
        }
        return answer;
      };
      const source = { db: { ...database.db, pool: { query } } as unknown as typeof database.db, store, keys, attemptId };
      if (read === 'verify') {
        expect(await verifyRecording(source)).toMatchObject({ verdict: 'intact', segments: 1, lastSeq: 100, problem: null });
      } else {
        const seqs: number[] = [];
        for await (const { seq } of (await openRecording(source)).events()) seqs.push(seq);
        expect(seqs).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
      }
      expect(isSealed).toBe(true);
      recorder.close();
    }
  });

  it('names the segment and its range when any one byte of any stored object is another', async () => {
    const attemptId = await record('finished');
    const rows = await listSegments(database.db, attemptId);
    await fc.assert(
      fc.asyncProperty(fc.nat(SEGMENTS - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (index, at, flip) => {
        const row = rows[index] as SegmentRow;
        const place = placeOf(row.objectHash);
        const object = await readFile(place);
        const changed = Buffer.from(object);
        const position = at % object.length;
        changed[position] = (object[position] as number) ^ flip;
        await writeFile(place, changed);
        const { verdict, problem } = await verify(attemptId);
        await writeFile(place, object);
        expect(verdict).toBe('damaged');
        expect(problem).toMatchObject({ segment: row.n, firstSeq: row.firstSeq, lastSeq: row.lastSeq });
      }),
      { numRuns: 40 },
    );
    expect((await verify(attemptId)).verdict).toBe('intact');
  });

  it('names the batch when any one byte of the tail is another', async () => {
    const attemptId = await record('tail');
    const { rows } = await database.db.pool.query<{ first_seq: string; batch: Buffer }>(
      'SELECT first_seq, batch FROM recording_tail WHERE attempt_id = $1 ORDER BY first_seq',
      [attemptId],
    );
    expect(rows).toHaveLength(TAIL);
    const write = (firstSeq: string, batch: Buffer) =>
      database.db.pool.query('UPDATE recording_tail SET batch = $3 WHERE attempt_id = $1 AND first_seq = $2', [attemptId, firstSeq, batch]);
    await fc.assert(
      fc.asyncProperty(fc.nat(TAIL - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (index, at, flip) => {
        const row = rows[index] as { first_seq: string; batch: Buffer };
        const changed = Buffer.from(row.batch);
        changed[at % changed.length] = (changed[at % changed.length] as number) ^ flip;
        await write(row.first_seq, changed);
        const { verdict, problem } = await verify(attemptId);
        await write(row.first_seq, row.batch);
        expect(verdict).toBe('damaged');
        expect(problem).toMatchObject({ segment: SEGMENTS + 1, firstSeq: Number(row.first_seq), lastSeq: Number(row.first_seq) });
      }),
      { numRuns: 30 },
    );
  });

  it('finds a segment swapped, missing, renumbered or no longer in the store', async () => {
    const attemptId = await record('finished');
    const [, second, third] = (await listSegments(database.db, attemptId)) as [SegmentRow, SegmentRow, SegmentRow, SegmentRow];
    const sql = (text: string) => database.db.pool.query(text.replaceAll('$1', `'${attemptId}'`));
    const expectProblem = async (kind: string, segment: number) =>
      expect((await verify(attemptId)).problem).toMatchObject({ kind, segment });

    await sql(`UPDATE recording_segment SET object_hash = '${third.objectHash}' WHERE attempt_id = $1 AND n = 2`);
    await expectProblem('changed_content', 2);
    await sql(
      `UPDATE recording_segment SET object_hash = '${second.objectHash}', min_at_ms = min_at_ms - 1 WHERE attempt_id = $1 AND n = 2`,
    );
    await expectProblem('changed_index', 2);
    await sql(`UPDATE recording_segment SET min_at_ms = min_at_ms + 1, n = 20 WHERE attempt_id = $1 AND n = 2`);
    await expectProblem('missing_segment', 2);
    await sql(`UPDATE recording_segment SET n = 2 WHERE attempt_id = $1 AND n = 20`);
    const place = placeOf(third.objectHash);
    const object = await readFile(place);
    await rm(place);
    await expectProblem('missing_object', 3);
    await writeFile(place, object);
    await sql(`DELETE FROM recording_segment WHERE attempt_id = $1 AND n = 4`);
    expect((await verify(attemptId)).problem).toMatchObject({ kind: 'missing_events', segment: 4, firstSeq: 76, lastSeq: 100 });
  });

  it('finds counters, marks, manifest and signature that were changed', async () => {
    const attemptId = await record('finished');
    const expectAfter = async (change: string, back: string, kind: string) => {
      await database.db.pool.query(change, [attemptId]);
      expect((await verify(attemptId)).problem).toMatchObject({ kind });
      await database.db.pool.query(back, [attemptId]);
      expect((await verify(attemptId)).verdict).toBe('intact');
    };
    await expectAfter(
      "UPDATE recording_source SET mark = mark + 1 WHERE attempt_id = $1 AND source = 'tab:b'",
      "UPDATE recording_source SET mark = mark - 1 WHERE attempt_id = $1 AND source = 'tab:b'",
      'wrong_count',
    );
    await expectAfter(
      'UPDATE attempt SET last_seq = last_seq + 1 WHERE id = $1',
      'UPDATE attempt SET last_seq = last_seq - 1 WHERE id = $1',
      'missing_events',
    );
    await expectAfter(
      `UPDATE recording_manifest SET manifest = replace(manifest, '"lastSeq":100', '"lastSeq":101') WHERE attempt_id = $1`,
      `UPDATE recording_manifest SET manifest = replace(manifest, '"lastSeq":101', '"lastSeq":100') WHERE attempt_id = $1`,
      'bad_signature',
    );
  });

  it('calls a recording whose key was destroyed erased, and still checks its tombstone', async () => {
    const attemptId = await record('finished');
    await destroyWrappedKey(database.db, attemptId);
    expect(await verify(attemptId)).toMatchObject({ verdict: 'erased', signed: true, segments: SEGMENTS, problem: null });
    await database.db.pool.query("UPDATE recording_segment SET root = repeat('0', 64) WHERE attempt_id = $1 AND n = 2", [attemptId]);
    expect((await verify(attemptId)).verdict).toBe('damaged');
  });
});

describe('redaction and erasure', () => {
  const source = (attemptId: string) => ({ db: database.db, store, keys, attemptId });

  it('take events out for good and leave the rest provable, in the store and in a release', async () => {
    const attemptId = await record('finished');
    const before = await listSegments(database.db, attemptId);
    const kept = await seqsOf(attemptId);
    expect(await redactRecording(source(attemptId), { fromSeq: 20, toSeq: 60 })).toEqual({ withheld: 41 });
    expect(await verify(attemptId)).toMatchObject({ verdict: 'redacted', signed: true, withheld: 41, problem: null });
    expect(await seqsOf(attemptId)).toEqual(kept.filter((seq) => seq < 20 || seq > 60));
    const after = await listSegments(database.db, attemptId);
    expect(after.map(({ root }) => root)).toEqual(before.map(({ root }) => root));
    // The objects that had the events are gone, those of untouched segments are not.
    const gone = await Promise.all(before.map(async ({ objectHash }) => !(await store.has(objectHash))));
    expect(gone).toEqual(before.map(({ firstSeq, lastSeq }) => lastSeq >= 20 && firstSeq <= 60));
    const withheld: number[] = [];
    for await (const segment of releaseSegments(source(attemptId), () => false)) {
      withheld.push(...segment.lines.filter((line) => 'withheld' in line).map(({ seq }) => seq));
    }
    expect(withheld).toEqual(Array.from({ length: 41 }, (_, i) => i + 20));
    expect(await redactRecording(source(attemptId), { fromSeq: 50, toSeq: 61 })).toEqual({ withheld: 1 });
    expect(await verify(attemptId)).toMatchObject({ verdict: 'redacted', withheld: 42 });
  });

  it('leave a gap that stands for several events, without which the recording would look damaged', async () => {
    const { attemptId, recorder } = await newRecorder();
    recorder.offer('tab:a', 1, event(1));
    recorder.skip('tab:a', 4, 'the browser was closed');
    recorder.offer('tab:a', 5, event(5));
    await recorder.finish();
    expect(await redactRecording(source(attemptId), { fromSeq: 1, toSeq: 3 })).toEqual({ withheld: 2 });
    expect(await verify(attemptId)).toMatchObject({ verdict: 'redacted', withheld: 2, problem: null });
  });

  it('leave nothing in the store where the one before was cut short between its two steps', async () => {
    const attemptId = await record('finished');
    const [first] = await listSegments(database.db, attemptId);
    const cutShort = { ...store, delete: () => Promise.reject(new Error('the process ended here')) };
    const range = { fromSeq: 5, toSeq: 5 };
    await expect(redactRecording({ ...source(attemptId), store: cutShort }, range)).rejects.toThrow('ended here');
    expect(await store.has(first?.objectHash ?? '')).toBe(true);
    expect(await redactRecording(source(attemptId), range)).toEqual({ withheld: 0 });
    expect(await store.has(first?.objectHash ?? '')).toBe(false);
    expect(await verify(attemptId)).toMatchObject({ verdict: 'redacted', withheld: 1, problem: null });
  });

  it('are refused while the attempt still records, and a leaf that was changed is found', async () => {
    await expect(redactRecording(source(await record('tail')), { fromSeq: 1, toSeq: 2 })).rejects.toMatchObject({ code: 'conflict' });
    const attemptId = await record('finished');
    await redactRecording(source(attemptId), { fromSeq: 30, toSeq: 30 });
    const sealing = sealingKeys((await keys.findDataKey(database.db, attemptId)) as Buffer);
    const row = (await listSegments(database.db, attemptId))[1] as SegmentRow;
    const segment = await openSegment(sealing, attemptId, 2, await store.get(row.objectHash));
    const lines = segment.lines.map((line, i) =>
      row.firstSeq + i === 30 ? Buffer.from(`"${Buffer.alloc(32, 1).toString('base64')}"`) : line,
    );
    const forged = await sealLines(sealing, attemptId, 2, { ...segment, lines });
    await store.put(forged.row.objectHash, forged.object);
    await database.db.pool.query('UPDATE recording_segment SET object_hash = $2, object_bytes = $3 WHERE attempt_id = $1 AND n = 2', [
      attemptId,
      forged.row.objectHash,
      forged.row.objectBytes,
    ]);
    expect((await verify(attemptId)).problem).toMatchObject({ kind: 'changed_content', segment: 2 });
  });

  it('leave a tombstone without objects when all is erased', async () => {
    const attemptId = await record('finished');
    const rows = await listSegments(database.db, attemptId);
    await eraseRecording(source(attemptId));
    expect(await verify(attemptId)).toMatchObject({ verdict: 'erased', signed: true, lastSeq: 100, problem: null });
    for (const { objectHash } of rows) expect(await store.has(objectHash)).toBe(false);
    await expect(openRecording(source(attemptId))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('take the kept index with them, and nobody who read before can bring it back', async () => {
    const attemptId = await record('finished');
    const open = () => openRecording(source(attemptId));
    const rows = async () => (await database.db.pool.query('SELECT object FROM recording_index WHERE attempt_id = $1', [attemptId])).rows;
    const early = await open();
    expect(await early.keptIndex()).toBeNull();
    const index = await indexEvents(early.outline(OUTLINED_TYPES));
    expect(index.notes.map(({ text }) => text)).toEqual(['a name']);
    await early.keepIndex(index);
    expect(await (await open()).keptIndex()).toEqual(index);
    const [{ object }] = (await rows()) as [{ object: Buffer }];
    // One that was changed is as good as none.
    object[object.length - 1] = (object.at(-1) as number) ^ 1;
    await database.db.pool.query('UPDATE recording_index SET object = $2 WHERE attempt_id = $1', [attemptId, object]);
    expect(await (await open()).keptIndex()).toBeNull();

    await redactRecording(source(attemptId), { fromSeq: NOTE, toSeq: NOTE });
    expect(await rows()).toEqual([]);
    await early.keepIndex(index);
    expect(await rows()).toEqual([]);
    const late = await open();
    const without = await indexEvents(late.outline(OUTLINED_TYPES));
    expect(without.notes).toEqual([]);
    await late.keepIndex(without);
    expect(await (await open()).keptIndex()).toEqual(without);
    expect(await verify(attemptId)).toMatchObject({ verdict: 'redacted', withheld: 1 });

    await eraseRecording(source(attemptId));
    expect(await rows()).toEqual([]);
    await late.keepIndex(without);
    expect(await rows()).toEqual([]);
  });

  it('find no index of a recording that may still grow', async () => {
    const recording = await openRecording(source(await record('tail')));
    await recording.keepIndex(await indexEvents(recording.outline(OUTLINED_TYPES)));
    expect(await recording.keptIndex()).toBeNull();
  });

  async function seqsOf(attemptId: string): Promise<number[]> {
    const seqs: number[] = [];
    for await (const { seq } of (await openRecording(source(attemptId))).events()) seqs.push(seq);
    return seqs;
  }
});
