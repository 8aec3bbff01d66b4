import { FakeClock } from '@plumbline/testing/fakeClock';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { FreezeHolds } from './freezeHolds.ts';

/** Stands for an engine: what fails, what it has been asked since, and whether the participant's processes run. */
let engine: { running: boolean; freezeFails: boolean; thawFails: boolean; answers: Promise<void>; thaws: number };
let clock: FakeClock;
let holds: FreezeHolds;
let told: (boolean | 'given up')[];

const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const after = (ms: number) => {
  clock.advance(ms);
  return settled();
};

beforeEach(() => {
  engine = { running: true, freezeFails: false, thawFails: false, answers: Promise.resolve(), thaws: 0 };
  clock = new FakeClock();
  told = [];
  holds = new FreezeHolds({
    sandbox: {
      freezeMethod: 'cgroup2',
      freeze: async () => {
        await engine.answers;
        if (engine.freezeFails) throw new Error('no answer');
        engine.running = false;
        return { method: 'cgroup2' };
      },
      thaw: async () => {
        engine.thaws += 1;
        await engine.answers;
        if (engine.thawFails) throw new Error('no answer');
        engine.running = true;
      },
    },
    clock,
    logger: pino({ level: 'silent' }),
    onStuck: (stuck) => told.push(stuck),
    onGivenUp: () => told.push('given up'),
  });
});

describe('a thaw that fails', () => {
  it('is tried until it is done, and the time until then is told as stuck', async () => {
    await holds.hold('pausing');
    engine.thawFails = true;
    await holds.release('pausing');
    expect([holds.frozen, holds.stuck, told]).toEqual([true, true, [true]]);
    await after(10_000);
    expect(told).toEqual([true]);
    engine.thawFails = false;
    await after(1_000);
    expect([engine.running, holds.frozen, holds.stuck, told]).toEqual([true, false, false, [true, false]]);
    await after(3_600_000);
    expect([clock.timers, told]).toEqual([0, [true, false]]);
  });

  it('does not fail what gave its reason back: a score that is finished stays one', async () => {
    await holds.hold('scoring');
    engine.thawFails = true;
    await expect(holds.release('scoring')).resolves.toBeUndefined();
  });

  it('ends in a sandbox that is given up after two minutes', async () => {
    await holds.hold('pausing');
    engine.thawFails = true;
    await holds.release('pausing');
    await after(119_000);
    expect(told).toEqual([true]);
    await after(1_000);
    expect(told).toEqual([true, 'given up']);
  });

  it('is not tried while another reason keeps the participant, nor told as stuck', async () => {
    await holds.hold('pausing');
    engine.thawFails = true;
    await holds.release('pausing');
    await holds.hold('clock');
    expect(told).toEqual([true, false]);
    const { thaws } = engine;
    await after(3_600_000);
    expect([engine.thaws, told, holds.frozen]).toEqual([thaws, [true, false], true]);
  });

  it('is over with the participant', async () => {
    await holds.hold('pausing');
    engine.thawFails = true;
    await holds.release('pausing');
    await holds.finish();
    expect([clock.timers, told]).toEqual([0, [true, false]]);
  });
});

it('a thaw without an answer is told as stuck after two seconds', async () => {
  await holds.hold('pausing');
  let answer = () => {};
  engine.answers = new Promise((resolve) => {
    answer = resolve;
  });
  const released = holds.release('pausing');
  await settled();
  await after(1_999);
  expect(told).toEqual([]);
  await after(1);
  expect(told).toEqual([true]);
  answer();
  await released;
  expect([engine.running, told]).toEqual([true, [true, false]]);
});

describe('a freeze that fails', () => {
  beforeEach(() => {
    engine.freezeFails = true;
  });

  it('is undone, though it seems to have had no effect, and once more for one that takes effect late', async () => {
    await expect(holds.hold('pausing')).rejects.toThrow('could not be stopped');
    expect([engine.thaws, holds.frozen]).toEqual([1, false]);
    engine.running = false;
    await after(1_000);
    expect([engine.thaws, engine.running]).toEqual([2, true]);
    await after(3_600_000);
    expect([engine.thaws, clock.timers]).toEqual([2, 0]);
  });

  it('counts as frozen until it is surely undone', async () => {
    engine.thawFails = true;
    await expect(holds.hold('pausing')).rejects.toThrow('could not be stopped');
    expect([holds.frozen, told]).toEqual([true, [true]]);
    engine.thawFails = false;
    await after(1_000);
    expect([holds.frozen, told]).toEqual([false, [true, false]]);
  });

  it('confirms no other pause that was asked for at the same time', async () => {
    const outcomes = await Promise.allSettled([holds.hold('pausing'), holds.hold('scoring')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a freeze that is insisted on', () => {
  beforeEach(() => {
    engine.freezeFails = true;
  });

  it('is tried until it is done, and until then is no pause: it is told as stuck', async () => {
    await expect(holds.insist('clock')).rejects.toThrow('could not be stopped');
    expect([engine.running, engine.thaws, holds.stuck, told]).toEqual([true, 0, true, [true]]);
    await after(10_000);
    expect(told).toEqual([true]);
    engine.freezeFails = false;
    await after(1_000);
    expect([engine.running, holds.frozen, holds.stuck, told]).toEqual([false, true, false, [true, false]]);
    // An engine that wakes may carry out an earlier thaw last.
    engine.running = true;
    await after(1_000);
    expect(engine.running).toBe(false);
    await after(3_600_000);
    expect([clock.timers, told]).toEqual([0, [true, false]]);
  });

  it('ends in a sandbox that is given up after two minutes, so that nothing computes off the clock for longer', async () => {
    await holds.insist('clock').catch(() => {});
    await after(119_000);
    expect(told).toEqual([true]);
    await after(1_000);
    expect(told).toEqual([true, 'given up']);
  });

  it('is not tried any more once its reason is taken back', async () => {
    await holds.insist('clock').catch(() => {});
    await holds.release('clock');
    expect([engine.running, holds.frozen, told]).toEqual([true, false, [true, false]]);
    engine.freezeFails = false;
    await after(3_600_000);
    expect([engine.running, clock.timers]).toEqual([true, 0]);
  });
});
