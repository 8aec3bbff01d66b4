import { expect, test } from 'vitest';
import { UnusedGrants } from './unusedGrants.ts';

const MINUTE_MS = 60_000;

/** The minutes in which a machine that stays unused has its job queued, looked at each minute for so many. */
function minutesQueued(minutes: number): number[] {
  const unused = new UnusedGrants();
  const queued: number[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    const lease = { leaseId: 'one', heldMs: minute * MINUTE_MS + 1 };
    if (!unused.isDue(lease, minute * MINUTE_MS)) continue;
    unused.queued(lease, minute * MINUTE_MS);
    queued.push(minute);
  }
  return queued;
}

test('a machine on which nothing is started has its job queued ever more rarely, at last every ten minutes', () => {
  expect(minutesQueued(60)).toEqual([1, 2, 4, 8, 16, 26, 36, 46, 56]);
});

test('a machine whose runner was started is waited for anew when it is granted again', () => {
  const unused = new UnusedGrants();
  const lease = { leaseId: 'one', heldMs: 2 * MINUTE_MS };
  unused.queued(lease, 0);
  expect(unused.isDue(lease, 1)).toBe(false);
  unused.forget(lease);
  expect(unused.isDue(lease, 1)).toBe(true);
  expect(unused.isDue({ ...lease, heldMs: 1 }, 1)).toBe(false);
});

test('leases that ended unseen are not remembered for ever', () => {
  const unused = new UnusedGrants();
  for (let n = 0; n < 1_000; n++) unused.queued({ leaseId: `${n}` }, n * MINUTE_MS);
  expect(unused.size).toBeLessThan(25);
});
