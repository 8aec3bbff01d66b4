import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '@plumbline/testing';
import pino from 'pino';
import { expect, it } from 'vitest';
import { watchMemory } from './memoryWatch.ts';

const LIMIT_BYTES = 8_000_000_000;

/** A sandbox that holds what `heldBytes` says, looked at for `forMs`: how often that was, and what the server was told at last. */
async function watched(heldBytes: () => number | null, forMs: number) {
  const clock = new FakeClock();
  let looks = 0;
  let short: boolean | null = null;
  const stop = watchMemory({
    sandbox: {
      heldMemoryBytes: async () => {
        looks += 1;
        return heldBytes();
      },
    },
    server: {
      setShortOfMemory: (isShort) => {
        short = isShort;
      },
    },
    limitBytes: LIMIT_BYTES,
    clock,
    logger: pino({ enabled: false }),
  });
  for (let passedMs = 0; passedMs < forMs; passedMs += 10) {
    clock.advance(10);
    await turn();
  }
  stop();
  return { looks, short, timersLeft: clock.timers };
}

it('looks once a second while the bound is far, ten times a second where it is reached, and no more once it is stopped', async () => {
  const far = await watched(() => 500_000_000, 10_000);
  expect(far).toEqual({ looks: expect.any(Number), short: false, timersLeft: 0 });
  expect(far.looks).toBeLessThanOrEqual(11);
  expect(far.looks).toBeGreaterThanOrEqual(9);
  const near = await watched(() => 7_000_000_000, 10_000);
  expect(near).toEqual({ looks: expect.any(Number), short: true, timersLeft: 0 });
  expect(near.looks).toBeGreaterThanOrEqual(90);
});

it('sees programs that fill two gigabytes a second before the limit, from wherever they begin', async () => {
  for (const beginsAfterMs of [0, 300, 990]) {
    let nowMs = 0;
    let seenAtBytes: number | null = null;
    const clock = new FakeClock();
    const held = () => Math.max(0, nowMs - beginsAfterMs) * 2_000_000;
    const stop = watchMemory({
      sandbox: { heldMemoryBytes: async () => held() },
      server: {
        setShortOfMemory: (isShort) => {
          if (isShort) seenAtBytes ??= held();
        },
      },
      limitBytes: LIMIT_BYTES,
      clock,
      logger: pino({ enabled: false }),
    });
    for (; seenAtBytes === null && held() < LIMIT_BYTES; nowMs += 10) {
      clock.advance(10);
      await turn();
    }
    stop();
    expect(seenAtBytes).toBeLessThan(LIMIT_BYTES);
  }
});

it('lets the server come back once there is room, and looks on where memory cannot be read', async () => {
  let looked = 0;
  const heldBytes = () => {
    looked += 1;
    if (looked === 2) throw new Error('the group is gone for a moment');
    return looked < 4 ? 7_000_000_000 : 1_000_000_000;
  };
  expect((await watched(heldBytes, 2_000)).short).toBe(false);
  expect(looked).toBeGreaterThanOrEqual(4);
});
