import { expect, test } from 'vitest';
import { startAgain } from './startAgain.ts';

test('what cannot be started is tried until it can, and nobody is left without a word', async () => {
  const said: string[] = [];
  let tries = 0;
  await startAgain(
    async () => {
      tries += 1;
      if (tries < 5) throw new Error(`no room ${tries}`);
    },
    { waitsMs: [0, 1], signal: new AbortController().signal, onFailed: ({ message }) => said.push(message) },
  );
  expect(tries).toBe(5);
  expect(said).toEqual(['no room 1', 'no room 2', 'no room 3', 'no room 4']);
});

test('a stop ends the trying, however long the next wait would be', async () => {
  const stop = new AbortController();
  await startAgain(() => Promise.reject(new Error('never')), { waitsMs: [3_600_000], signal: stop.signal, onFailed: () => stop.abort() });
});
