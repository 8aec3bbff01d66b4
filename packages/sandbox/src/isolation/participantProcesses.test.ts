import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { processStat } from '../host/processTable.ts';
import { processesInside } from './participantProcesses.ts';

test('a process that ends while it is looked at is not told of', async () => {
  const [ends, stays] = [spawn('/bin/cat'), spawn('/bin/cat')];
  const ended = once(ends, 'exit');
  try {
    const stats = [ends, stays].flatMap(({ pid }) => processStat(pid as number) ?? []);
    expect(stats).toHaveLength(2);
    ends.kill();
    await ended;
    expect((await processesInside(stats)).map(({ pid }) => pid)).toEqual([stays.pid]);
  } finally {
    stays.kill();
  }
});
