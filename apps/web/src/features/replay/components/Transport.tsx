'use client';
import { Button, Checkbox, formatDuration, Select, Tooltip, toast } from '@plumbline/ui';
import { ChevronsLeft, ChevronsRight, Link2, Pause, Play, Radio, SkipBack, SkipForward, StepBack, StepForward } from 'lucide-react';
import { useId } from 'react';
import { useStore } from '../../workspace/components/useStore.ts';
import { seekCommand, seekMarker } from '../model/places.ts';
import { type Player, SPEEDS, type Speed } from '../model/player.ts';

/** Play, steps, speed, and the link to this moment. */
export function Transport({ player }: { player: Player }) {
  const { playing, speed, skipIdle, positionMs, waiting, following, index } = useStore(player.store);
  const moves = playing || following;
  const skipId = useId();
  const offsetMs = Math.max(0, Math.round(positionMs - index.fromMs));

  const copyLink = async () => {
    const url = new URL(location.href);
    url.searchParams.set('t', String(offsetMs));
    history.replaceState(null, '', url);
    try {
      await navigator.clipboard.writeText(url.href);
      toast.success(`Link to ${formatDuration(offsetMs)} copied.`);
    } catch {
      toast.info('The link stands in the address bar; this browser does not let the page copy it.');
    }
  };

  return (
    <div className="flex flex-wrap items-center gap-2">
      <Tooltip label="Marker before ([)">
        <Button variant="ghost" size="icon" aria-label="Marker before" onClick={() => seekMarker(player, -1)}>
          <SkipBack />
        </Button>
      </Tooltip>
      <Tooltip label="Command before (p)">
        <Button
          variant="ghost"
          size="icon"
          aria-label="Command before"
          data-testid="replay-command-back"
          onClick={() => seekCommand(player, -1)}
        >
          <ChevronsLeft />
        </Button>
      </Tooltip>
      <Tooltip label="One event back (,)">
        <Button variant="ghost" size="icon" aria-label="One event back" data-testid="replay-step-back" onClick={() => void player.step(-1)}>
          <StepBack />
        </Button>
      </Tooltip>
      <Button
        variant="primary"
        data-testid="replay-play"
        aria-label={moves ? 'Pause' : 'Play'}
        onClick={() => player.toggle()}
        className="w-24"
      >
        {moves ? <Pause /> : <Play />}
        {moves ? 'Pause' : 'Play'}
      </Button>
      <Tooltip label="One event on (.)">
        <Button variant="ghost" size="icon" aria-label="One event on" data-testid="replay-step" onClick={() => void player.step(1)}>
          <StepForward />
        </Button>
      </Tooltip>
      <Tooltip label="Next command (n)">
        <Button
          variant="ghost"
          size="icon"
          aria-label="Next command"
          data-testid="replay-command-on"
          onClick={() => seekCommand(player, 1)}
        >
          <ChevronsRight />
        </Button>
      </Tooltip>
      <Tooltip label="Next marker (])">
        <Button variant="ghost" size="icon" aria-label="Next marker" onClick={() => seekMarker(player, 1)}>
          <SkipForward />
        </Button>
      </Tooltip>
      <span className="w-40 text-sm tabular-nums" data-testid="replay-position" data-position-ms={offsetMs}>
        {formatDuration(offsetMs)} <span className="text-muted">/ {formatDuration(index.toMs - index.fromMs)}</span>
      </span>
      <Select
        aria-label="Speed"
        data-testid="replay-speed"
        className="w-24"
        value={speed}
        onChange={(event) => player.setSpeed(Number(event.target.value) as Speed)}
      >
        {SPEEDS.map((value) => (
          <option key={value} value={value}>
            {value === 0.5 ? '½' : value}×
          </option>
        ))}
      </Select>
      <label htmlFor={skipId} className="flex items-center gap-2 text-xs">
        <Checkbox
          id={skipId}
          checked={skipIdle}
          onChange={(event) => player.setSkipIdle(event.target.checked)}
          data-testid="replay-skip-idle"
        />
        Skip idle time
      </label>
      {index.live ? (
        <Button
          size="sm"
          variant={following ? 'primary' : 'secondary'}
          aria-pressed={following}
          onClick={() => void player.follow()}
          data-testid="replay-live"
        >
          <Radio /> {following ? 'Live' : 'Return to live'}
        </Button>
      ) : null}
      <span role="status" className="flex-1 text-xs text-muted">
        {waiting ? 'Reading the recording' : ''}
      </span>
      <Button size="sm" onClick={() => void copyLink()} data-testid="replay-link">
        <Link2 /> Link to this moment
      </Button>
    </div>
  );
}
