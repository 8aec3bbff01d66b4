import { describe, expect, it } from 'vitest';
import { ABSENT_AFTER_MS, AbsenceWatch } from './absence.ts';

const MINUTE_MS = 60_000;

/** Looks once a minute, and answers after how many minutes the attempt would be paused. */
function pausedAfterMinutes(
  watch: AbsenceWatch,
  minutes: number,
  at: (minute: number) => { connected: boolean; cpuMs: number },
): number | null {
  for (let minute = 0; minute <= minutes; minute++) {
    if (watch.look({ nowMs: minute * MINUTE_MS, ...at(minute) })) return minute;
  }
  return null;
}

describe('AbsenceWatch', () => {
  it('calls absent who had no page open for half an hour while the sandbox did nothing', () => {
    expect(pausedAfterMinutes(new AbsenceWatch(), 40, () => ({ connected: false, cpuMs: 500 }))).toBe(ABSENT_AFTER_MS / MINUTE_MS);
  });

  it('never pauses a training run without typing', () => {
    expect(pausedAfterMinutes(new AbsenceWatch(), 600, (minute) => ({ connected: false, cpuMs: minute * 50_000 }))).toBeNull();
  });

  it('never pauses somebody whose page is open', () => {
    expect(pausedAfterMinutes(new AbsenceWatch(), 600, () => ({ connected: true, cpuMs: 0 }))).toBeNull();
  });

  it('counts from the end of a run, also of one whose processes are gone', () => {
    const cpuMs = (minute: number) => (minute < 20 ? minute * 30_000 : 0);
    expect(pausedAfterMinutes(new AbsenceWatch(), 90, (minute) => ({ connected: false, cpuMs: cpuMs(minute) }))).toBe(50);
  });

  it('begins anew when the page was open for a moment', () => {
    expect(pausedAfterMinutes(new AbsenceWatch(), 90, (minute) => ({ connected: minute === 25, cpuMs: 0 }))).toBe(56);
  });
});
