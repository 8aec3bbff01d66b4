import type { ClockView } from '@plumbline/protocol';
import { lenientStorage } from '@plumbline/ui/browserStorage';
import { expect, it } from 'vitest';
import { TimeWarnings } from './timeWarnings.ts';

const MINUTE_MS = 60_000;

/** A browser, whose pages come and go, and what the newest of them says with so many minutes left. */
function browser(limitMinutes = 480) {
  const values = new Map<string, string>();
  const storage = lenientStorage(() => ({
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  }));
  let page = new TimeWarnings('a', storage);
  const clock = (minutes: number, running = true) =>
    ({ running, remainingMs: minutes * MINUTE_MS, limitMs: limitMinutes * MINUTE_MS }) as ClockView;
  return {
    open: () => {
      page = new TimeWarnings('a', storage);
    },
    at: (minutes: number, dueMinutes?: number, unsaved: string[] = []) =>
      page.take(clock(minutes), dueMinutes && dueMinutes * MINUTE_MS, unsaved),
    paused: (minutes: number) => page.take(clock(minutes, false)),
  };
}

it('a warning that fell due while no page was there is said by the next page, once, and the nearest to the end alone', () => {
  const { open, at } = browser();
  expect(at(90)).toBeNull();
  open();
  expect(at(12)).toBe('12 minutes are left.');
  expect(at(11)).toBeNull();
  open();
  expect(at(10)).toBeNull();
  expect(at(5, 5)).toBe('5 minutes are left.');
  open();
  expect(at(4)).toBeNull();
});

it('a warning that falls due is said in every page that is there', () => {
  const { open, at } = browser();
  expect(at(60, 60)).toBe('60 minutes are left.');
  open();
  expect(at(60, 60)).toBe('60 minutes are left.');
});

it('a missed warning waits until the clock runs, is said again after time was given back, and never in an attempt that is shorter', () => {
  const { at, paused } = browser();
  expect(paused(14)).toBeNull();
  expect(at(14)).toBe('14 minutes are left.');
  expect(at(30)).toBeNull();
  expect(at(14)).toBe('14 minutes are left.');
  expect(at(90)).toBeNull();
  expect(at(50)).toBe('50 minutes are left.');
  expect(browser(60).at(40)).toBeNull();
});

it('the last warnings name what is not saved', () => {
  const { at } = browser();
  expect(at(60, 60, ['a.py'])).toBe('60 minutes are left.');
  expect(at(15, 15, ['a.py'])).toBe('15 minutes are left. Not saved yet: a.py.');
  expect(at(5, 5, ['a.py', 'b.py', 'c.py', 'd.py', 'e.py'])).toBe('5 minutes are left. Not saved yet: a.py, b.py, c.py and 2 more.');
});
