import { BUILD_LOG_LINES, type RunnerToGateway } from '@plumbline/protocol';
import { FakeClock } from '@plumbline/testing';
import { expect, it } from 'vitest';
import { BuildLog } from './buildLog.ts';

type Told = Extract<RunnerToGateway, { t: 'buildLog' }>;

function logTo(gateway: { attached: boolean }): { clock: FakeClock; log: BuildLog; told: Told[] } {
  const clock = new FakeClock();
  const told: Told[] = [];
  const log = new BuildLog(clock, (message) => {
    if (gateway.attached) told.push(message);
    return gateway.attached;
  });
  return { clock, log, told };
}

it('new lines of a build are told once a second, each once', () => {
  const { clock, log, told } = logTo({ attached: true });
  for (const line of ['a', 'b']) log.add(line);
  expect(told).toEqual([]);
  clock.advance(1_000);
  log.add('c');
  clock.advance(5_000);
  expect(told).toEqual([
    { t: 'buildLog', first: 0, lines: ['a', 'b'] },
    { t: 'buildLog', first: 2, lines: ['c'] },
  ]);
});

it('what a gateway may not have got is told again whole at the next call, and of a build that prints much only the newest lines', () => {
  const gateway = { attached: false };
  const { clock, log, told } = logTo(gateway);
  for (let n = 0; n < BUILD_LOG_LINES + 7; n++) log.add(`${n}`);
  clock.advance(1_000);
  expect(told).toEqual([]);
  gateway.attached = true;
  log.tellAgain();
  expect(told).toMatchObject([{ first: 7 }]);
  expect(told[0]?.lines).toHaveLength(BUILD_LOG_LINES);
  expect(told[0]?.lines.at(-1)).toBe(`${BUILD_LOG_LINES + 6}`);
});
