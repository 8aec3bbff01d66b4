import { appendClockEvent, finishScore, listScores, loadAttempt, requestScore, type ScoreRecord, startAttempt } from '@plumbline/database';
import { exampleSettings, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Finalisation } from './finalisation.ts';
import type { LiveAttempt } from './liveAttempt.ts';

/** The end of an attempt with a real database; scores come to what `outcome` says instead of from a runner. */

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing.drop());

type Outcome = 'scored' | 'cancelled';

async function submitted(outcome: (row: ScoreRecord, earlier: number) => Outcome) {
  const { db } = testing;
  const { attempt, expert } = await makeAttempt(db, { environmentSettings: exampleSettings({ cleanRescores: 2 }) });
  const { id } = attempt;
  await db.prisma.attempt.update({ where: { id }, data: { state: 'ready', readyAt: new Date() } });
  await startAttempt(db, id, expert.id);
  const row = await requestScore(db, id, 'participant');
  await finishScore(db, id, { scoreId: row.id, status: 'scored', score: 1.5, message: {}, durationMs: 1 });
  await db.prisma.score.update({ where: { id: row.id }, data: { submissionHash: 'captured' } });
  await appendClockEvent(db, id, { kind: 'submitted' }, { by: expert.id });
  const calls: string[] = [];
  const taken = new Map<string, number>();
  const live = {
    id,
    view: await loadAttempt(db, id),
    gateway: { db, log: pino({ level: 'silent' }) },
    runner: { call: async (act: string) => calls.push(act) },
    recorder: { takeOutbox: async () => {}, finish: async () => {} },
    scoring: {
      start: async (score: ScoreRecord) => {
        const earlier = taken.get(score.trigger) ?? 0;
        taken.set(score.trigger, earlier + 1);
        calls.push('score');
        const status = outcome(score, earlier);
        const message = status === 'scored' ? {} : { reason: 'There is no space left on the disk.' };
        await finishScore(db, id, { scoreId: score.id, status, score: status === 'scored' ? 1 : null, message, durationMs: 1 });
      },
    },
    refresh: async () => {},
  };
  new Finalisation(live as unknown as LiveAttempt, [1, 1, 1]).advance();
  const state = async () => (await loadAttempt(db, id)).state;
  await expect.poll(state, { timeout: 10_000 }).toBe('completed');
  const rows = (await listScores(db, id)).map((score) => `${score.trigger} ${score.status}`);
  return { rows, calls };
}

test('an attempt whose submission cannot be scored again is completed after four tries', async () => {
  const { rows } = await submitted((row) => (row.trigger === 'clean' ? 'cancelled' : 'scored'));
  expect(rows).toEqual(['participant scored', 'final scored', ...Array(4).fill('clean cancelled')]);
});

test('a score that fails in passing is taken again, and the family tears down after the last', async () => {
  const { rows, calls } = await submitted((_row, earlier) => (earlier === 0 ? 'cancelled' : 'scored'));
  expect(rows).toEqual(['participant scored', 'final cancelled', 'final scored', 'clean cancelled', 'clean scored', 'clean scored']);
  expect(calls).toEqual(['finalise', ...Array(5).fill('score'), 'teardown']);
});
