import { loadAttempt } from '@plumbline/database';
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
  const attempt = await rig.attempt({ limitMs: 1_500 });
  const runner = await rig.runner(attempt.attemptId);
  const tab = await rig.tab(attempt);
  await runner.next('clock', ({ state }) => state === 'ended');
  await tab.next('clock', ({ clock }) => clock.state === 'finalising' && clock.remainingMs === 0);
  const [started, ended] = await eventsOf(attempt.attemptId);
  expect(ended).toMatchObject({ kind: 'expired', by: null });
  const lateMs = (ended?.atMs ?? 0) - ((started?.atMs ?? 0) + 1_500);
  expect(lateMs).toBeGreaterThanOrEqual(-50);
  expect(lateMs).toBeLessThan(500);
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
