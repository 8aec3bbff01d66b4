import { useEffect, useState } from 'react';
import { LiveFeed } from '../model/liveFeed.ts';
import { Player } from '../model/player.ts';
import { httpReplaySource, type ReplaySource, type ReviewSource } from '../model/replaySource.ts';

/** A recording on its way to the screen. */
export interface ReplayOpening {
  source: ReplaySource & ReviewSource;
  /** Null until the index is here. */
  player: Player | null;
  error: string | null;
}

/**
 * Opens an attempt's recording, beside the page's loading of what draws it. The moment in the address (`?t=`, milliseconds) is
 * where it begins; without one, a running attempt is followed and a finished one begins with its work. Null before the page is
 * a browser's.
 */
export function useReplayOpening(attemptId: string): ReplayOpening | null {
  const [opening, setOpening] = useState<ReplayOpening | null>(null);
  useEffect(() => {
    let gone = false;
    let stop = () => {};
    const source = httpReplaySource(attemptId);
    setOpening({ source, player: null, error: null });
    source.index().then(
      (index) => {
        if (gone) return;
        const player = new Player(source, index);
        const asked = new URLSearchParams(location.search).get('t');
        const offsetMs = asked === null ? Number.NaN : Number(asked);
        // Provisioning comes before the clock's start, and hours may lie between: who asks for no moment wants the work.
        const workFromMs = index.clock.find(({ event }) => event.kind === 'started')?.atMs ?? index.fromMs;
        if (index.live && !Number.isFinite(offsetMs)) void player.follow();
        else void player.seek(Number.isFinite(offsetMs) ? index.fromMs + offsetMs : workFromMs);
        stop = new LiveFeed(source, player).start();
        setOpening({ source, player, error: null });
      },
      (caught: unknown) => {
        const error = caught instanceof Error ? caught.message : 'The recording could not be read.';
        if (!gone) setOpening({ source, player: null, error });
      },
    );
    return () => {
      gone = true;
      stop();
    };
  }, [attemptId]);
  return opening;
}
