import { RUNNER_UNACKNOWLEDGED_MAX_BYTES } from '@plumbline/protocol';
import { FakeClock } from '@plumbline/testing';
import { expect, it } from 'vitest';
import { RunnerAcks } from './runnerAcks.ts';

function acks() {
  const clock = new FakeClock();
  const told: number[] = [];
  const of = new RunnerAcks((n) => told.push(n), clock.setTimer.bind(clock));
  of.startAt(10);
  return { clock, told, of };
}

it('a runner that sends now and then is told at once, and one that sends all the time once in a second', () => {
  const { clock, told, of } = acks();
  of.durable(11);
  expect(told).toEqual([11]);
  for (const n of [12, 13, 14]) of.durable(n);
  expect(told).toEqual([11]);
  clock.advance(1_000);
  expect(told).toEqual([11, 14]);
  clock.advance(10_000);
  expect(told).toEqual([11, 14]);
  of.durable(15);
  expect(told).toEqual([11, 14, 15]);
});

it('a runner whose journal fills is told long before it is full', () => {
  const { told, of } = acks();
  of.durable(11);
  const frames = 64;
  for (let n = 12; n < 12 + frames; n++) {
    of.received(RUNNER_UNACKNOWLEDGED_MAX_BYTES / frames);
    of.durable(n);
  }
  expect(told).toHaveLength(17);
});

it('what was told at a call is not told again, and nobody is told once the runner is gone', () => {
  const { clock, told, of } = acks();
  of.durable(10);
  expect(told).toEqual([]);
  of.durable(11);
  of.durable(12);
  of.stop();
  clock.advance(10_000);
  expect(told).toEqual([11]);
});
