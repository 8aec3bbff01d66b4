import { type ClockEvent, elapsedMs } from '@plumbline/core';
import { formatDuration, Time } from '@plumbline/ui';
import { clockEventWords } from '../model/words.ts';

/** What happened to the clock, in words, with the time on it after each event. */
export function ClockEvents({ events, limitMs }: { events: ClockEvent[]; limitMs: number }) {
  return (
    <ol className="divide-y divide-border text-sm">
      {events.map((event, index) => (
        <li key={event.n} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-2">
          <span className="w-14 shrink-0 font-medium tabular-nums">
            {formatDuration(elapsedMs(events.slice(0, index + 1), event.atMs, limitMs))}
          </span>
          <span className="min-w-40 flex-1">{clockEventWords(event)}</span>
          <span className="text-xs text-muted">
            <Time at={event.atMs} seconds />
          </span>
        </li>
      ))}
    </ol>
  );
}
