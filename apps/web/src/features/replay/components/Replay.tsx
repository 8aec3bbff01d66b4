'use client';
import { Spinner } from '@plumbline/ui';
import dynamic from 'next/dynamic';
import { preload } from 'react-dom';
import { indexUrl } from '../model/replaySource.ts';
import { useReplayOpening } from './useReplayOpening.ts';

function Loading() {
  return (
    <div className="flex h-full items-center justify-center">
      <Spinner label="Loading the replay" />
    </div>
  );
}

// Terminals and the editor exist only in a browser.
const Screen = dynamic(() => import('./ReplayScreen.tsx').then((module) => module.ReplayScreen), { ssr: false, loading: Loading });

/**
 * The replay of one attempt's recording: fills the height that its page gives it. `watching` is for who looks after a
 * running attempt: it is joined at its end, whatever the moment, and its participant can be written to.
 */
export function Replay({ attemptId, watching = false }: { attemptId: string; watching?: boolean }) {
  // The browser asks for it as soon as it has the page, while it still loads what will read it.
  preload(indexUrl(attemptId), { as: 'fetch', crossOrigin: 'anonymous' });
  const opening = useReplayOpening(attemptId);
  return opening === null ? <Loading /> : <Screen opening={opening} watching={watching} />;
}
