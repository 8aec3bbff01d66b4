import { elapsedMs } from '@plumbline/core';
import { appendClockEvent, finishScore, listScores, loadAttempt, requestScore, startAttempt } from '@plumbline/database';
import { type GatewayToBrowser, SCORE_STEPS } from '@plumbline/protocol';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LiveAttempt } from './liveAttempt.ts';
import { LostScore } from './lostScore.ts';
import { Scoring } from './scoring.ts';

/** The clock of an environment that stops it for its scorer, with a real database and a runner that does as it is told. */

const settings = (clock: 'stopped' | 'runs') =>
  EnvironmentSettings.parse({
    title: 'Toy',
    startingScore: 0,
    referenceScore: 1,
    direction: 'higher',
    aggregation: 'best',
    scoreUnit: '',
    whileScoring: { participant: 'frozen', clock },
    submission: { paths: ['.'], maxGb: 1 },
    cleanRescores: 0,
    scoreTimeoutSeconds: 60,
    scoreVisible: true,
    review: [],
    resources: {},
    scoring: {},
  });

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

async function running(clock: 'stopped' | 'runs', call: () => Promise<unknown>, scoreVisible = true) {
  const { db } = database;
  const { attempt, expert } = await makeAttempt(db, { environmentSettings: { ...settings(clock), scoreVisible } });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready', readyAt: new Date() } });
  await startAttempt(db, attempt.id, expert.id);
  const told: GatewayToBrowser[] = [];
  const send = (message: GatewayToBrowser) => told.push(message);
  const live = {
    gateway: { db, log: pino({ level: 'silent' }), time: { nowMs: () => Date.now() } },
    id: attempt.id,
    view: await loadAttempt(db, attempt.id),
    runner: { call },
    browsers: Object.assign([{ send }], { broadcast: send }),
    runnerMark: 0,
    clock: { publish: () => undefined },
  } as unknown as LiveAttempt;
  const scoring = new Scoring(live);
  Object.assign(live, { scoring });
  const kinds = async () => (await loadAttempt(db, attempt.id)).events.map(({ kind }) => kind).filter((kind) => kind.startsWith('scoring'));
  return { db, id: attempt.id, scoring, kinds, told, live };
}

const finished = (row: { id: string; n: number }) =>
  ({
    type: 'score.finished',
    data: { scoreId: row.id, n: row.n, trigger: 'participant', status: 'scored', score: 0.5, message: {}, durationMs: 10 },
  }) as never;

describe('a clock that stands still while the scorer runs', () => {
  it('stands from the request to the result, and the score’s seconds cost nothing', async () => {
    const { db, id, scoring, kinds } = await running('stopped', async () => ({}));
    const row = await requestScore(db, id, 'participant', { stopsClock: true });
    expect(await kinds()).toEqual(['scoring_started']);
    await scoring.start(row);
    expect(await kinds()).toEqual(['scoring_started']);
    const view = await loadAttempt(db, id);
    const at = view.events.at(-1)?.atMs as number;
    const { limitMs } = view.limits;
    expect(elapsedMs(view.events, at + 60_000, limitMs)).toBe(elapsedMs(view.events, at, limitMs));
    await scoring.beforeDurable([finished(row)]);
    await scoring.beforeDurable([finished(row)]);
    expect(await kinds()).toEqual(['scoring_started', 'scoring_ended']);
    expect(await listScores(db, id)).toMatchObject([{ status: 'scored', score: 0.5 }]);
  });

  it('goes on when the scorer could not be started, or was lost with its sandbox', async () => {
    const refused = await running('stopped', () => Promise.reject(new Error('no')));
    await expect(refused.scoring.start(await requestScore(refused.db, refused.id, 'participant', { stopsClock: true }))).rejects.toThrow();
    expect(await refused.kinds()).toEqual(['scoring_started', 'scoring_ended']);
    expect(await listScores(refused.db, refused.id)).toMatchObject([{ status: 'cancelled' }]);

    const lost = await running('stopped', async () => ({}));
    await lost.scoring.start(await requestScore(lost.db, lost.id, 'participant', { stopsClock: true }));
    await lost.scoring.cancelLost(null);
    expect(await lost.kinds()).toEqual(['scoring_started', 'scoring_ended']);
    await lost.scoring.start(await requestScore(lost.db, lost.id, 'participant', { stopsClock: true }));
    expect(await lost.kinds()).toHaveLength(3);
  });

  it('lets a score go on that was asked for before an end which came before the runner heard of it', async () => {
    const { db, id, scoring } = await running('stopped', async () => ({}));
    const row = await requestScore(db, id, 'participant', { stopsClock: true });
    await appendClockEvent(db, id, { kind: 'submitted' }, { by: null });
    await scoring.start(row);
    await scoring.beforeDurable([finished(row)]);
    expect(await listScores(db, id)).toMatchObject([{ status: 'scored', score: 0.5 }]);
  });

  it('is not touched where the environment lets it run', async () => {
    const { db, id, scoring, kinds } = await running('runs', async () => ({}));
    const row = await requestScore(db, id, 'participant');
    await scoring.start(row);
    await finishScore(db, id, { scoreId: row.id, status: 'scored', score: 1, message: {}, durationMs: 1 });
    expect(await kinds()).toEqual([]);
  });
});

describe('a score that is waited for', () => {
  it('is closed where the runner does not know it, and never one that it works on, or whose result is on its way', async () => {
    let said = { scoreId: null as string | null, lastN: 7 };
    let asked = 0;
    const { db, id, scoring, live } = await running('runs', async () => {
      asked += 1;
      return said;
    });
    const { id: scoreId } = await requestScore(db, id, 'participant');
    const statusAfterAsking = async (times: number) => {
      const until = asked + times;
      await vi.waitFor(() => expect(asked).toBeGreaterThanOrEqual(until), { timeout: 20_000, interval: 20 });
      return (await listScores(db, id))[0]?.status;
    };
    const waiting = scoring.settled(new LostScore(live, 1));
    expect(await statusAfterAsking(3)).toBe('running');
    Object.assign(live, { runnerMark: 7 });
    said = { scoreId, lastN: 7 };
    expect(await statusAfterAsking(3)).toBe('running');
    said = { scoreId: null, lastN: 8 };
    expect(await statusAfterAsking(3)).toBe('running');
    said = { scoreId: null, lastN: 7 };
    await waiting;
    expect(await listScores(db, id)).toMatchObject([{ id: scoreId, status: 'cancelled' }]);
  });
});

describe('what the page is told of a score', () => {
  it('is the step it is at and what the scorer may take, while it runs and no longer', async () => {
    const { db, id, scoring, told } = await running('runs', async () => ({}));
    const row = await requestScore(db, id, 'participant');
    await scoring.start(row);
    const beforeMs = Date.now();
    scoring.cameTo({ scoreId: row.id, step: 'scoring', stepElapsedMs: 5_000 });
    expect(told.at(-1)).toMatchObject({ t: 'scoreProgress', progress: { scoreId: row.id, step: 'scoring', scorerLimitMs: 60_000 } });
    expect(Math.abs((scoring.progress?.sinceMs ?? 0) - (beforeMs - 5_000))).toBeLessThan(1_000);
    await scoring.beforeDurable([finished(row)]);
    expect(scoring.progress).toBeNull();
  });

  it('is of a hidden one that it was recorded, and the scorer’s message, without its number', async () => {
    const { db, id, scoring, told } = await running('runs', async () => ({}), false);
    const row = await requestScore(db, id, 'participant');
    await scoring.start(row);
    for (const step of SCORE_STEPS) scoring.cameTo({ scoreId: row.id, step, stepElapsedMs: 0 });
    await scoring.beforeDurable([finished(row)]);
    expect(told.at(-1)).toMatchObject({ t: 'score', row: { status: 'scored', score: null, normalised: null, message: {} } });
  });
});
