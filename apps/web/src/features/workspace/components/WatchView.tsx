'use client';
import { Spinner } from '@plumbline/ui';
import dynamic from 'next/dynamic';

const Screen = dynamic(() => import('./WatchScreen.tsx').then((module) => module.WatchScreen), {
  ssr: false,
  loading: () => (
    <div className="flex h-full items-center justify-center">
      <Spinner label="Loading the view" />
    </div>
  ),
});

/** What the participant of a running attempt sees, for staff: read-only, and never a size of its own. */
export function WatchView({ attemptId }: { attemptId: string }) {
  return <Screen attemptId={attemptId} />;
}
