import { expect, test } from 'vitest';
import { bookedMs, bookingProblem, bookingProposal } from './booking.ts';

const at = (text: string) => new Date(text).getTime();

test('nine in the morning is proposed: today’s while it can still be booked, else tomorrow’s', () => {
  expect(bookingProposal(at('2026-03-02T08:00'))).toBe('2026-03-02T09:00');
  expect(bookingProposal(at('2026-03-02T08:50'))).toBe('2026-03-03T09:00');
  expect(bookingProposal(at('2026-12-31T22:00'))).toBe('2027-01-01T09:00');
});

test('a time that is too near, too far or not there is refused with what to do', () => {
  const nowMs = at('2026-03-02T20:00');
  expect(bookingProblem('2026-03-02T20:10', nowMs)).toContain('at least 15 minutes');
  expect(bookingProblem('2026-03-20T09:00', nowMs)).toContain('96 hours');
  expect(bookingProblem('', nowMs)).toContain('Choose a day');
  expect(bookingProblem('2026-03-03T09:00', nowMs)).toBeNull();
  expect(bookedMs('2026-03-03T09:00')).toBe(at('2026-03-03T09:00'));
});
