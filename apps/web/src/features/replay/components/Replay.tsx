'use client';
import { Spinner } from '@plumbline/ui';
import { monoFontUrl } from '@plumbline/ui/monoFont';
import { preload } from 'react-dom';
import { openingUrl } from '../model/replaySource.ts';
import { ReplayScreen } from './ReplayScreen.tsx';
import { useReplayOpening } from './useReplayOpening.ts';

/**
 * The replay of one attempt's recording, `t` milliseconds after its beginning: fills the height that its page gives it. `watching`
 * is for who looks after a running attempt: it is joined at its end, whatever the moment, and its participant can be written to.
 */
export function Replay({ attemptId, t, watching = false }: { attemptId: string; t?: number | undefined; watching?: boolean }) {
  // The browser asks for them as soon as it has the page, while it still loads what will read them.
  preload(openingUrl(attemptId, t), { as: 'fetch', crossOrigin: 'anonymous' });
  preload(monoFontUrl, { as: 'font', type: 'font/woff2', crossOrigin: 'anonymous' });
  const opening = useReplayOpening(attemptId, t);
  // Terminals and the editor exist only in a browser.
  if (opening !== null) return <ReplayScreen opening={opening} watching={watching} />;
  return (
    <div className="flex h-full items-center justify-center">
      <Spinner label="Loading the replay" />
    </div>
  );
}
