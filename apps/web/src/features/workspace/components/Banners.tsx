'use client';
import { Button } from '@plumbline/ui';
import { CloudOff, DatabaseZap, ServerOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { useSessionState, useTick } from './useAttemptSession.ts';

function Banner({ icon, children, testId }: { icon: ReactNode; children: ReactNode; testId: string }) {
  return (
    <div
      role="status"
      data-testid={testId}
      className="flex shrink-0 items-center gap-2 border-b border-warning/30 bg-warning-soft px-4 py-1 text-xs [&_svg]:size-4 [&_svg]:text-warning"
    >
      {icon}
      <span className="flex-1">{children}</span>
    </div>
  );
}

/** What keeps the workspace from working fully now, what it means for the clock, and that it comes back by itself. */
export function Banners() {
  const { connection, sandbox, recordingStalled, inputFull, clock } = useSessionState();
  useTick(1000, connection.kind === 'waiting');
  return (
    <>
      {connection.kind === 'waiting' ? (
        <Banner icon={<CloudOff aria-hidden />} testId="banner-offline">
          {navigator.onLine ? 'The connection is away; trying again.' : 'This computer is offline.'} Programs in the sandbox go on
          {clock?.running ? ', and so does the clock' : ''}. Nothing is lost; typing works again when the connection is back.
        </Banner>
      ) : null}
      {connection.kind === 'open' && sandbox === 'away' ? (
        <Banner icon={<ServerOff aria-hidden />} testId="banner-sandbox">
          The sandbox does not answer at the moment. It is being reached again; time lost to an outage is given back.
        </Banner>
      ) : null}
      {connection.kind === 'open' && recordingStalled ? (
        <Banner icon={<DatabaseZap aria-hidden />} testId="banner-recording">
          The recording cannot be stored at the moment.{' '}
          {inputFull ? 'No more input is taken until it can.' : 'You can go on for a while; if it lasts, input is refused until it can.'}
        </Banner>
      ) : null}
    </>
  );
}

/** The link is closed for good: why, and what can be done. */
export function ClosedScreen({ reason }: { reason: string }) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-4 p-8 text-center" data-testid="closed-screen">
      <p className="max-w-prose text-sm">{reason}</p>
      <div className="flex gap-2">
        <Button variant="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        <Button asChild>
          <a href="/">Home</a>
        </Button>
      </div>
    </div>
  );
}
