import { expect, test } from 'vitest';
import { SharedAnswer } from './sharedAnswer.ts';

/** A question whose answers the test gives, on a clock of the test's. */
function slowQuestion() {
  const asked: PromiseWithResolvers<string>[] = [];
  const clock = { ms: 0 };
  const ask = () => {
    const question = Promise.withResolvers<string>();
    asked.push(question);
    return question.promise;
  };
  return { asked, clock, shared: new SharedAnswer(ask, () => clock.ms) };
}

test('however long an answer takes, all who ask meanwhile get it, and it is old only after it has come', async () => {
  const { asked, clock, shared } = slowQuestion();
  const first = shared.recent(1_000);
  clock.ms = 20_000;
  const second = shared.recent(1_000);
  asked[0]?.resolve('first');
  expect([await first, await second, asked.length]).toEqual(['first', 'first', 1]);
  clock.ms += 999;
  expect([await shared.recent(1_000), asked.length]).toEqual(['first', 1]);
  clock.ms += 1;
  void shared.recent(1_000);
  expect(asked).toHaveLength(2);
});

test('who needs a fresh answer gets none that was asked for before, and all who wait for one share it', async () => {
  const { asked, shared } = slowQuestion();
  const stale = shared.recent(1_000);
  // Who goes on with the stale answer, and needs a fresh one then, comes before whoever has waited for that.
  const later = stale.then(() => shared.fresh());
  const fresh = [shared.fresh(), shared.fresh()];
  expect(asked).toHaveLength(1);
  asked[0]?.resolve('stale');
  expect(await stale).toBe('stale');
  await expect.poll(() => asked.length).toBe(2);
  const third = shared.fresh();
  asked[1]?.resolve('fresh');
  expect(await Promise.all([...fresh, later])).toEqual(['fresh', 'fresh', 'fresh']);
  await expect.poll(() => asked.length).toBe(3);
  asked[2]?.resolve('third');
  expect(await third).toBe('third');
});

test('a question that failed is asked again for whoever waits for a fresh answer, and told to whoever asks in a moment', async () => {
  const { asked, shared } = slowQuestion();
  const failed = shared.recent(1_000);
  const fresh = shared.fresh();
  asked[0]?.reject(new Error('away'));
  await expect(failed).rejects.toThrow('away');
  await expect.poll(() => asked.length).toBe(2);
  asked[1]?.reject(new Error('still away'));
  await expect(fresh).rejects.toThrow('still away');
  await expect(shared.recent(1_000)).rejects.toThrow('still away');
  expect(asked).toHaveLength(2);
});
