import type { StaffClockEvent } from '@plumbline/core';
import { formatSpan } from '@plumbline/ui/format';

/** A full stop where a reason has no end of its own. */
const sentence = (reason: string) => (/[.!?]$/.test(reason) ? reason : `${reason}.`);

/** What staff did to the clock, and why, as its participant reads it. */
export function staffWords({ kind, reason, creditMs = 0 }: Pick<StaffClockEvent, 'kind' | 'reason' | 'creditMs'>): string {
  const did = {
    paused: 'Staff paused your attempt',
    resumed: 'Staff resumed your attempt',
    adjusted: creditMs >= 0 ? `Staff gave you ${formatSpan(creditMs)}` : `Staff took ${formatSpan(-creditMs)} off your time`,
    stopped: 'Staff stopped your attempt',
  }[kind];
  return `${did}: ${sentence(reason)}`;
}
