import { loadAttempt } from '@plumbline/database';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

const kinds = async (attemptId: string) => (await loadAttempt(rig.db, attemptId)).events.map(({ kind }) => kind);

/** An attempt whose tab has asked for a pause, at the moment when its runner was asked to freeze. */
async function pausing() {
  const attempt = await rig.attempt();
  const runner = await rig.runner(attempt.attemptId);
  const tab = await rig.tab(attempt);
  tab.send({ t: 'request', id: 'pause', act: 'pause', args: { reason: 'break' } });
  const { id } = await runner.next('call', ({ act }) => act === 'freeze');
  return { ...attempt, runner, tab, answer: (answer: object) => runner.send({ t: 'answer', id, ...answer }) };
}

it('writes a pause down only when the sandbox has said that it stands still', async () => {
  const { attemptId, tab, answer } = await pausing();
  expect(await kinds(attemptId)).toEqual(['started']);
  expect(tab.told.some(({ t }) => t === 'reply')).toBe(false);
  answer({ result: { method: 'signals' } });
  expect((await tab.next('reply')).result).toMatchObject({ state: 'paused' });
  expect(await kinds(attemptId)).toEqual(['started', 'paused']);
});

it('tells the sandbox of no clock that runs between its freeze and the pause, whatever else changes meanwhile', async () => {
  const { attemptId, runner, tab, answer } = await pausing();
  const clocks = () => runner.told.flatMap((message) => (message.t === 'clock' ? [message.state] : []));
  const [before, published] = [clocks().length, tab.told.length];
  tab.send({ t: 'request', id: 'note', act: 'note', args: { text: 'written while the pause is made' } });
  await tab.next('note');
  // As the database's notification of it does.
  rig.changed(attemptId);
  await expect.poll(() => tab.told.slice(published).some(({ t }) => t === 'clock')).toBe(true);
  answer({ result: { method: 'signals' } });
  await tab.next('reply', ({ id }) => id === 'pause');
  expect(clocks().slice(before)).toEqual(['frozen']);
  tab.send({ t: 'request', id: 'resume', act: 'resume', args: {} });
  await expect.poll(() => clocks().at(-1)).toBe('running');
});

const SANDBOX_UNAVAILABLE = { code: 'sandbox_unavailable', message: expect.stringContaining('the clock runs on') };

it.each([
  ['says nothing for five seconds', () => {}],
  ['answers that it cannot', (answer: (said: object) => void) => answer({ error: { code: 'internal', message: 'no such group' } })],
  ['is lost meanwhile', (_: unknown, leave: () => void) => leave()],
])('refuses a pause where the sandbox %s: the clock runs on, and what stands still is told to go on', async (_, meets) => {
  const { attemptId, runner, tab, answer } = await pausing();
  const askedMs = performance.now();
  // By how much a timer of five seconds is late here is no matter of the pause's.
  let lateMs = 0;
  const timer = setTimeout(() => {
    lateMs = performance.now() - askedMs - 5_000;
  }, 5_000);
  meets(answer, () => runner.socket.terminate());
  // A runner that is told to thaw answers when it has.
  runner
    .next('call', ({ act }) => act === 'thaw')
    .then(
      ({ id }) => runner.send({ t: 'answer', id, result: {} }),
      () => {},
    );
  expect((await tab.next('reply')).error).toMatchObject(SANDBOX_UNAVAILABLE);
  expect(performance.now() - askedMs - lateMs).toBeLessThan(8_000);
  clearTimeout(timer);
  expect(await kinds(attemptId)).toEqual(['started']);
  if (runner.socket.readyState === runner.socket.OPEN) {
    // Once a minute it is also asked what runs.
    const asked = runner.told.flatMap((message) => (message.t === 'call' && message.act !== 'sandbox.processes' ? [message.act] : []));
    expect(asked).toEqual(['freeze', 'thaw']);
  }
});
