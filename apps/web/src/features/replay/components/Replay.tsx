'use client';
import { Spinner } from '@plumbline/ui';
import dynamic from 'next/dynamic';

// Terminals and the editor exist only in a browser.
const Screen = dynamic(() => import('./ReplayScreen.tsx').then((module) => module.ReplayScreen), {
  ssr: false,
  loading: () => (
    <div className="flex h-full items-center justify-center">
      <Spinner label="Loading the replay" />
    </div>
  ),
});

/** The replay of one attempt's recording: fills the height that its page gives it. */
export function Replay({ attemptId }: { attemptId: string }) {
  return <Screen attemptId={attemptId} />;
}
