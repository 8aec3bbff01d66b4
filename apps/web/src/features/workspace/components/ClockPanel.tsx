'use client';
import { formatDuration, ScrollBox, Spinner } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { ClockEvents } from '../../attempt/components/ClockEvents.tsx';
import { ReadFailure } from './ReadFailure.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

type Events = Awaited<ReturnType<typeof rpc.attempt.get.query>>['events'];

/** The clock in full: what has counted, what is left, and every event that moved it, in words. */
export function ClockPanel() {
  const session = useSession();
  const { clock, connection } = useSessionState();
  const [events, setEvents] = useState<Events | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  useTick(1_000, clock?.running ?? false);
  const { attemptId } = session;
  const clockN = clock?.n ?? 0;
  const isOpen = connection.kind === 'open';

  useEffect(() => {
    if (!isOpen) return undefined;
    let gone = false;
    setError(null);
    rpc.attempt.get.query({ attemptId }).then(
      (attempt) => {
        if (gone) return;
        setEvents(attempt.events);
        setError(null);
      },
      () => !gone && setError('The clock’s events could not be read. The clock itself is right.'),
    );
    return () => {
      gone = true;
    };
  }, [attemptId, clockN, isOpen, tries]);

  if (!clock) return null;
  const facts = [
    { term: 'Counted so far', value: formatDuration(session.clock.elapsedMs()) },
    { term: 'Left', value: formatDuration(session.clock.remainingMs()) },
    { term: 'Limit', value: formatDuration(clock.limitMs) },
    { term: 'Pauses left', value: String(clock.pausesLeft) },
    { term: 'Pause time left', value: formatDuration(session.clock.pauseLeftMs()) },
  ];
  return (
    <ScrollBox className="h-full overflow-auto" data-testid="clock-panel">
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2 p-4 text-sm">
        {facts.map(({ term, value }) => (
          <div key={term} className="contents">
            <dt className="text-muted">{term}</dt>
            <dd className="text-right font-medium tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      <h3 className="border-t border-border px-4 pt-3 pb-1 text-xs font-medium text-muted">What happened to it</h3>
      {error ? (
        <ReadFailure className="m-3" onRetry={() => setTries(tries + 1)}>
          {error}
        </ReadFailure>
      ) : null}
      {events ? (
        <ClockEvents events={events} limitMs={clock.limitMs} />
      ) : error ? null : (
        <Spinner label="Reading the events" className="px-4 py-2" />
      )}
    </ScrollBox>
  );
}
