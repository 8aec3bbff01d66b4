import { startAttempt } from '@plumbline/database';
import { listAudit } from '@plumbline/database/audit';
import { sealLastMinutes } from '@plumbline/database/recordingSeals';
import { listSegments } from '@plumbline/database/recordingSegments';
import { claimEpoch, type EpochClaim } from '@plumbline/database/recordingTail';
import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { exampleSettings, makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealingKeys } from './encryption.ts';
import { emptyIndex, IndexBuilder, OUTLINED_TYPES } from './indexBuilder.ts';
import { loadRecordingKeys, type RecordingKeys } from './keys.ts';
import { openRecording } from './reader.ts';
import { AttemptRecorder } from './recorder.ts';
import { takeOutSealed } from './redact.ts';
import { releaseSegments } from './release.ts';
import { openSegment } from './segment.ts';
import { verifyRecording } from './verify.ts';

const MINUTE_MS = 60_000;
const TAB = '00000000-0000-4000-8000-000000000001';
const HASH = 'ab'.repeat(32);

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

async function runningAttempt(): Promise<{ attemptId: string; userId: string }> {
  const { attempt, expert } = await makeAttempt(database.db, { environmentSettings: exampleSettings() });
  await database.db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready', readyAt: new Date() } });
  await startAttempt(database.db, attempt.id, expert.id);
  return { attemptId: attempt.id, userId: expert.id };
}

async function recorderOf(attemptId: string): Promise<AttemptRecorder> {
  const claim = (await claimEpoch(database.db, attemptId, null)) as EpochClaim;
  const { db } = database;
  const silent = { onDurable: () => {}, onStalled: () => {}, onStale: () => {} };
  return AttemptRecorder.open({ db, store, keys, attemptId, claim, nowMs: Date.now, ...silent });
}

/** What happened, `agoMs` before now; what must not be read says `secret`. */
function happenings(nowMs: number): EventInput[] {
  const path = 'main.py';
  const events: [number, Omit<EventInput, 'atMs'>][] = [
    [600_000, { type: 'terminal.opened', stream: 1, data: { cols: 80, rows: 24, term: 'xterm', shell: '/bin/bash' } }],
    [500_000, { type: 'editor.opened', stream: 0, data: { tab: TAB, path, hash: HASH, version: 1, text: 'open' } }],
    [200_000, { type: 'terminal.output', stream: 1, data: { offset: 0, bytes: Buffer.from('before') } }],
    [95_000, { type: 'terminal.output', stream: 1, data: { offset: 6, bytes: Buffer.from('secret') } }],
    [100_000, { type: 'terminal.input', stream: 1, data: { tab: TAB, n: 1, bytes: Buffer.from('secret') } }],
    [90_000, { type: 'terminal.keyframe', stream: 1, data: { cols: 80, rows: 24, offset: 12, screen: 'before secret' } }],
    [80_000, { type: 'command.started', stream: 1, data: { text: 'echo secret', directory: '/home/secret' } }],
    [
      70_000,
      { type: 'editor.changed', stream: 0, data: { tab: TAB, path, version: 2, changes: [{ offset: 0, length: 0, text: 'secret' }] } },
    ],
    [60_000, { type: 'editor.text', stream: 0, data: { tab: TAB, path, version: 2, text: 'secret' } }],
    [50_000, { type: 'clipboard.paste', stream: 0, data: { tab: TAB, target: 'editor:main.py', length: 6, hash: HASH, text: 'secret' } }],
    [40_000, { type: 'note.written', stream: 0, data: { n: 1, text: 'what I write for the staff stays', elapsedMs: 1 } }],
    [30_000, { type: 'command.finished', stream: 1, data: { exitCode: 0, durationMs: 1 } }],
  ];
  return events.map(([agoMs, event]) => ({ ...event, atMs: nowMs - agoMs }) as EventInput);
}

/** As a reader sees it: bytes as text. */
const shown = (value: unknown) =>
  JSON.stringify(value, (_key, item) => (item?.type === 'Buffer' ? Buffer.from(item.data).toString() : item));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('the last minutes that a participant seals', () => {
  it('are withheld from every reader at once, late arrivals included, with a reason in their place, and taken out at the end; the rest is proven', async () => {
    const { attemptId, userId } = await runningAttempt();
    const source = { db: database.db, store, keys, attemptId };
    const recorder = await recorderOf(attemptId);
    const nowMs = Date.now();
    for (const [i, event] of happenings(nowMs).entries()) {
      recorder.offer('runner:a', i + 1, event);
      // Some of it is in sealed segments, some in the tail.
      if (i === 6) await recorder.seal();
    }
    await recorder.flush();
    const builder = new IndexBuilder(emptyIndex());
    for (const event of await all((await openRecording(source)).outline(OUTLINED_TYPES))) builder.add(event);
    expect(shown(builder.take())).toContain('secret');
    const before = await all((await openRecording(source)).events());
    expect(shown(before)).toContain('secret');

    expect(await sealLastMinutes(database.db, attemptId, { minutes: 2, reason: 'my own password', userId })).toEqual({
      n: 1,
      minutesLeft: 28,
    });
    await recorder.takeOutbox();
    // A tab that was away says only now what it saw.
    recorder.offer('tab:b', 1, {
      type: 'editor.text',
      stream: 0,
      atMs: nowMs - 65_000,
      data: { tab: TAB, path: 'b', version: 1, text: 'secret' },
    });
    recorder.offer('tab:b', 2, {
      type: 'terminal.output',
      stream: 1,
      atMs: Date.now() + 1_000,
      data: { offset: 12, bytes: Buffer.from('after') },
    });
    await recorder.flush();
    const seen = async () => {
      const recording = await openRecording(source);
      const events: RecordedEvent[] = await all(recording.events());
      const others = [
        await all(recording.eventsByTime()),
        await all(recording.outline(OUTLINED_TYPES)),
        await all(recording.seekTerminal(1, nowMs)),
      ];
      expect(shown([events, others])).not.toContain('secret');
      return events.filter(({ type }) => type !== 'clock.event').map(({ type }) => type);
    };
    const left = [
      'terminal.opened',
      'editor.opened',
      'terminal.output',
      'note.written',
      'command.finished',
      'recording.sealed',
      'terminal.output',
    ];
    expect(await seen()).toEqual(left);
    const sealedAt = before.length + 1;
    for await (const event of (await openRecording(source)).outline(OUTLINED_TYPES, sealedAt)) builder.add(event);
    const index = builder.take();
    expect(shown(index)).not.toContain('secret');
    expect(index.sealed).toEqual([{ fromMs: expect.any(Number), toMs: expect.any(Number), reason: 'my own password' }]);
    expect(index.markers.map(({ label }) => label)).toContain('Sealed by the participant, 2 min: my own password');

    await recorder.finish();
    expect(await verifyRecording(source)).toMatchObject({ verdict: 'intact', signed: true });
    // Of one that is released before they were taken out, as when an attempt is made void meanwhile.
    const early = (await all(releaseSegments(source, () => false))).flatMap(({ lines }) => lines);
    expect(shown(early)).not.toContain('secret');
    expect(early.filter((line) => 'withheld' in line)).toHaveLength(8);
    await takeOutSealed(source);
    const verdict = await verifyRecording(source);
    expect(verdict).toMatchObject({ verdict: 'redacted', signed: true, withheld: 8, problem: null });
    const sealing = sealingKeys((await keys.findDataKey(database.db, attemptId)) as Buffer);
    for (const { n, objectHash } of await listSegments(database.db, attemptId)) {
      const { lines } = await openSegment(sealing, attemptId, n, await store.get(objectHash));
      expect(lines.join('\n')).not.toContain('secret');
    }
    expect(await seen()).toEqual(left);
    const released = (await all(releaseSegments(source, () => false))).flatMap(({ lines }) => lines);
    expect(shown(released)).not.toContain('secret');
    expect(released.filter((line) => 'withheld' in line)).toHaveLength(8);
    expect(shown(released)).toContain('my own password');
    await takeOutSealed(source);
    expect(await verifyRecording(source)).toEqual(verdict);
  });

  it('are ten at once and thirty in all, while the attempt is under way, and it is written down who asked', async () => {
    const { attemptId, userId } = await runningAttempt();
    const seal = (minutes: number) => sealLastMinutes(database.db, attemptId, { minutes, reason: 'mine', userId });
    for (const minutesLeft of [20, 10, 0]) expect(await seal(10)).toMatchObject({ minutesLeft });
    await expect(seal(1)).rejects.toMatchObject({ code: 'conflict' });
    const audit = await listAudit(database.db, { subject: `attempt:${attemptId}`, limit: 10 });
    expect(audit.map(({ act, userId: by }) => [act, by])).toEqual(Array(3).fill(['recording.seal', userId]));
    const waiting = (await makeAttempt(database.db)).attempt.id;
    const tooEarly = sealLastMinutes(database.db, waiting, { minutes: 1, reason: 'mine', userId });
    await expect(tooEarly).rejects.toMatchObject({ code: 'clock_not_running' });
    const { rows } = await database.db.pool.query('SELECT max(to_ms - from_ms)::float8 AS longest FROM recording_seal');
    expect(rows).toEqual([{ longest: 10 * MINUTE_MS }]);
  });
});
