import { HIBERNATE_MAX_MS, HIBERNATE_MIN_MS } from '@plumbline/core';

/** The time that is booked for coming back, as a `datetime-local` field holds it: minutes, in the zone of this browser. */

const TWO = (value: number): string => String(value).padStart(2, '0');

function toField(at: Date): string {
  return `${at.getFullYear()}-${TWO(at.getMonth() + 1)}-${TWO(at.getDate())}T${TWO(at.getHours())}:${TWO(at.getMinutes())}`;
}

/** Milliseconds since the epoch; NaN for a field that is empty or half filled. */
export function bookedMs(field: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(field) ? new Date(field).getTime() : Number.NaN;
}

/** The next nine in the morning that may be booked. */
export function bookingProposal(nowMs: number): string {
  const at = new Date(nowMs);
  at.setHours(9, 0, 0, 0);
  while (at.getTime() - nowMs < HIBERNATE_MIN_MS) at.setDate(at.getDate() + 1);
  return toField(at);
}

/** What is wrong with a booking, in words; null where nothing is. */
export function bookingProblem(field: string, nowMs: number): string | null {
  const inMs = bookedMs(field) - nowMs;
  if (Number.isNaN(inMs)) return 'Choose a day and a time.';
  if (inMs < HIBERNATE_MIN_MS) return `Choose a time at least ${HIBERNATE_MIN_MS / 60_000} minutes from now, or take a break instead.`;
  if (inMs > HIBERNATE_MAX_MS) return `Choose a time within the next ${HIBERNATE_MAX_MS / 3_600_000} hours.`;
  return null;
}
