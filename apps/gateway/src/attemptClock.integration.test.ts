import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineMs } from '@plumbline/core';
import { appendClockEvent, loadAttempt } from '@plumbline/database';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AttemptClock } from './attemptClock.ts';
import { GatewayRig } from './gateway.fixture.ts';
import type { LiveAttempt } from './liveAttempt.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

const eventsOf = async (attemptId: string) => (await loadAttempt(rig.db, attemptId)).events;

it('ends an attempt at its limit, to the half second, and tells runner and pages', async () => {
  const [attempt, other] = [await rig.attempt(), await rig.attempt()];
  const runner = await rig.runner(attempt.attemptId);
  const tab = await rig.tab(attempt);
  // All but the last second and a half is taken only now: how long the above took is no matter.
  const { events, limits } = await loadAttempt(rig.db, attempt.attemptId);
  const leftMs = (deadlineMs(events, Date.now(), limits.limitMs) ?? 0) - Date.now();
  const taken = { kind: 'adjusted', creditMs: 1_500 - leftMs, reason: 'to come to its end' } as const;
  const { events: corrected } = await appendClockEvent(rig.db, attempt.attemptId, taken, { by: null });
  const dueMs = deadlineMs(corrected, Date.now(), limits.limitMs) ?? 0;
  rig.changed(attempt.attemptId);
  // What a timer and an event of a clock take on this machine just then is no lateness of the end's.
  const note = { kind: 'adjusted', creditMs: 1, reason: 'a measure' } as const;
  const bare = sleep(dueMs - Date.now()).then(() => appendClockEvent(rig.db, other.attemptId, note, { by: null }));
  await runner.next('clock', ({ state }) => state === 'ended');
  await tab.next('clock', ({ clock }) => clock.state === 'finalising' && clock.remainingMs === 0);
  const ended = (await eventsOf(attempt.attemptId)).at(-1);
  expect(ended).toMatchObject({ kind: 'expired', by: null });
  const lateMs = (ended?.atMs ?? 0) - dueMs;
  expect(lateMs).toBeGreaterThanOrEqual(-50);
  expect(lateMs - ((await bare).event.atMs - dueMs)).toBeLessThan(500);
});

it('does not take a runner at its word that is at zero before its time, and tells it what is left', async () => {
  const attempt = await rig.attempt();
  const runner = await rig.runner(attempt.attemptId);
  await runner.next('clock');
  const clocks = () => runner.told.flatMap((message) => (message.t === 'clock' ? [message] : []));
  const told = clocks().length;
  runner.send({ t: 'zero', clockN: 1 });
  await expect.poll(() => clocks().slice(told)).toMatchObject([{ n: 1, state: 'running' }]);
  expect(clocks().at(-1)?.remainingMs).toBeGreaterThan(0);
  expect((await eventsOf(attempt.attemptId)).map(({ kind }) => kind)).toEqual(['started']);
});

it("ends an attempt at its runner's zero, before its own timer is there", async () => {
  const { attemptId } = await rig.attempt({ limitMs: 1 });
  const view = await loadAttempt(rig.db, attemptId);
  // Nothing was published yet, so that there is no timer.
  const clock = new AttemptClock({
    id: attemptId,
    view,
    gateway: { db: rig.db, time: { nowMs: () => Date.now() }, log: pino({ level: 'silent' }) },
    runner: null,
    refresh: async () => {},
  } as unknown as LiveAttempt);
  clock.runnerReachedZero();
  await expect.poll(async () => (await eventsOf(attemptId)).map(({ kind }) => kind)).toEqual(['started', 'expired']);
});

it('gives back the sleep of a host whose clock, or the gateway’s, is a moment ahead of the database’s', async () => {
  const { attemptId } = await rig.attempt();
  const ahead = () => Date.now() + 200;
  const clock = new AttemptClock({ id: attemptId, gateway: { db: rig.db, time: { nowMs: ahead } } } as unknown as LiveAttempt);
  const toMs = ahead();
  await clock.hostSlept({ fromMs: toMs - 8_000, toMs });
  expect((await eventsOf(attemptId)).at(-1)).toMatchObject({ kind: 'outage', fromMs: toMs - 8_000 });
});
