import { useEffect, useState } from 'react';
import { terminalFont } from '../../workspace/model/terminalFont.ts';
import { LiveFeed } from '../model/liveFeed.ts';
import { Player } from '../model/player.ts';
import { fetchOpening, httpReplaySource, type ReplaySource, type ReviewSource } from '../model/replaySource.ts';

/** A recording on its way to the screen. */
export interface ReplayOpening {
  source: ReplaySource & ReviewSource;
  /** Null until the index is here. */
  player: Player | null;
  error: string | null;
}

/**
 * Opens an attempt's recording `t` milliseconds after its beginning; without `t`, a running attempt is followed and a finished one
 * begins with its work. Null before the page is a browser's.
 */
export function useReplayOpening(attemptId: string, t: number | undefined): ReplayOpening | null {
  const [opening, setOpening] = useState<ReplayOpening | null>(null);
  useEffect(() => {
    let gone = false;
    let stop = () => {};
    void terminalFont();
    const source = httpReplaySource(attemptId);
    setOpening({ source, player: null, error: null });
    fetchOpening(attemptId, t).then(
      ({ index, atMs, moment }) => {
        if (gone) return;
        const player = new Player(source, index);
        player.begin(atMs, moment, { following: index.live && t === undefined });
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
  }, [attemptId, t]);
  return opening;
}
