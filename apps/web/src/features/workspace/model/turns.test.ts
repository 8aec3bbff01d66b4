import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

/** Tasks that end when the test says so. */
function stepped() {
  const ends: (() => void)[] = [];
  const done: string[] = [];
  const turns = new Turns(() => new Promise((resolve) => ends.push(resolve)));
  const endTask = async () => {
    ends.shift()?.();
    await Promise.resolve();
  };
  return { turns, done, endTask, take: (name: string) => turns.take(() => void done.push(name)) };
}

test('each thing is done in a task of its own, in the order in which they came, and then there is nothing to wait for', async () => {
  const { turns, done, endTask, take } = stepped();
  take('terminals');
  take('files');
  expect(done).toEqual([]);
  await endTask();
  expect(done).toEqual(['terminals']);
  expect(turns.areOver).toBe(false);
  await endTask();
  expect(done).toEqual(['terminals', 'files']);
  expect(turns.areOver).toBe(true);
});

test('what somebody is about to use is done at once, and not a second time when its turn would come', async () => {
  const { turns, done, endTask, take } = stepped();
  take('terminals');
  take('files');
  turns.finish();
  expect(done).toEqual(['terminals', 'files']);
  expect(turns.areOver).toBe(true);
  await endTask();
  expect(done).toEqual(['terminals', 'files']);
});

test('what left the row is not done, and holds up nothing', async () => {
  const { done, endTask, take } = stepped();
  const leave = take('terminals');
  take('files');
  leave();
  await endTask();
  expect(done).toEqual(['files']);
});
