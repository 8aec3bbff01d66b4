import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ReadingShare } from './readingShare.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

class Tab {
  rests = false;
  rest(wanted: boolean): void {
    this.rests = wanted;
  }
}

it('tabs whose messages take long are read no more, all of them and those that come, until it was a quarter of the time', () => {
  const tabs = [new Tab(), new Tab()];
  const share = new ReadingShare(tabs);
  const rest = () => tabs.map(({ rests }) => rests);
  share.spent(1_000);
  expect(rest()).toEqual([true, true]);
  const late = new Tab();
  tabs.push(late);
  share.joined(late);
  vi.advanceTimersByTime(3_000);
  expect(rest()).toEqual([true, true, true]);
  // What had been read of another one comes meanwhile.
  share.spent(500);
  vi.advanceTimersByTime(2_999);
  expect(rest()).toEqual([true, true, true]);
  vi.advanceTimersByTime(1);
  expect(rest()).toEqual([false, false, false]);
});

it('tabs are not held for a large save now and then, nor for hours of ordinary messages', () => {
  const tab = new Tab();
  const share = new ReadingShare([tab]);
  for (let n = 0; n < 100; n++) {
    share.spent(80);
    expect(tab.rests).toBe(false);
    vi.advanceTimersByTime(400);
  }
  for (let n = 0; n < 100_000; n++) {
    share.spent(0.2);
    vi.advanceTimersByTime(1);
  }
  expect(tab.rests).toBe(false);
});
