import { FakeClock } from '@plumbline/testing/fakeClock';
import { expect, it } from 'vitest';
import { OutputAllowance } from './outputAllowance.ts';

it('reads as fast as it comes up to its measure, and then at the slow rate, however much comes at once', () => {
  const clock = new FakeClock();
  const allowance = new OutputAllowance({ clock, freeBytes: 1_000, slowBytesPerSecond: 100 });
  let told = 0;
  allowance.onChanged(() => told++);
  allowance.took(1_000);
  expect([allowance.limited, allowance.spent, told]).toEqual([false, false, 0]);
  allowance.took(50);
  expect([allowance.limited, allowance.spent, told]).toEqual([true, true, 1]);
  // Another terminal was read in the same moment: it is owed as well.
  allowance.took(50);
  clock.advance(999);
  expect(allowance.spent).toBe(true);
  clock.advance(1);
  expect([allowance.spent, told]).toEqual([false, 2]);
  allowance.took(10);
  clock.advance(100);
  expect(allowance.spent).toBe(false);
});

it('counts what an attempt put out before this runner, once', () => {
  const allowance = new OutputAllowance({ clock: new FakeClock(), freeBytes: 1_000 });
  allowance.recordedBefore(900);
  allowance.recordedBefore(900);
  expect(allowance.limited).toBe(false);
  allowance.took(101);
  expect(allowance.limited).toBe(true);
});
