'use client';

/** What the participant of a running attempt sees, for staff: read-only, and never a size of its own. */
export function WatchView({ attemptId }: { attemptId: string }) {
  return <div data-attempt={attemptId} />;
}
