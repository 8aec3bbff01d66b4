'use client';
import { cn, formatDuration } from '@plumbline/ui';
import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from 'react';
import { awayStretches } from '../model/places.ts';
import type { MarkerKind, RecordingIndex } from '../model/recordingApi.ts';
import { ResourceTrack, ScoreTrack } from './TimelineTracks.tsx';

const MARKER_COLOURS: Partial<Record<MarkerKind, string>> = {
  score: 'bg-accent',
  note: 'bg-success',
  message: 'bg-success',
  paste: 'bg-warning',
  gap: 'bg-danger',
  end: 'bg-danger',
  start: 'bg-success',
};
const STEP_MS = 5_000;
const LARGE_STEP_MS = 60_000;
const BARS = 240;
const TICKS = 600;

/** The whole recording as a line: what happened when, pauses shaded, marks, and the play head, which is a slider. */
export function Timeline({ index, positionMs, onSeek }: { index: RecordingIndex; positionMs: number; onSeek: (atMs: number) => void }) {
  const track = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const lengthMs = Math.max(1, index.toMs - index.fromMs);
  const share = (atMs: number) => `${(Math.min(1, Math.max(0, (atMs - index.fromMs) / lengthMs)) * 100).toFixed(3)}%`;

  const bars = useMemo(() => {
    const { counts } = index.activity;
    const per = Math.max(1, Math.ceil(counts.length / BARS));
    const sums: number[] = [];
    for (let at = 0; at < counts.length; at += per) sums.push(counts.slice(at, at + per).reduce((sum, count) => sum + count, 0));
    const most = Math.max(1, ...sums.map((sum) => Math.log1p(sum)));
    return { heights: sums.map((sum) => Math.log1p(sum) / most), lengthMs: sums.length * per * index.activity.bucketMs };
  }, [index]);

  const away = useMemo(() => awayStretches(index), [index]);

  const timeAt = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (!box || box.width === 0) return index.fromMs;
    return index.fromMs + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * lengthMs;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey ? LARGE_STEP_MS : STEP_MS;
    const to: Record<string, number> = {
      ArrowRight: positionMs + step,
      ArrowLeft: positionMs - step,
      PageUp: positionMs + LARGE_STEP_MS,
      PageDown: positionMs - LARGE_STEP_MS,
      Home: index.fromMs,
      End: index.toMs,
    };
    const target = to[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(target);
  };

  return (
    <div
      ref={track}
      role="slider"
      tabIndex={0}
      aria-label="Position in the recording"
      aria-valuemin={0}
      aria-valuemax={Math.round(lengthMs / 1000)}
      aria-valuenow={Math.max(0, Math.round((positionMs - index.fromMs) / 1000))}
      aria-valuetext={formatDuration(positionMs - index.fromMs)}
      data-testid="replay-timeline"
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        onSeek(timeAt(event));
      }}
      onPointerMove={(event) => {
        setHover(timeAt(event));
        if (event.buttons === 1) onSeek(timeAt(event));
      }}
      onPointerLeave={() => setHover(null)}
      className="relative h-24 cursor-pointer touch-none overflow-hidden rounded-md border border-border bg-surface-sunken select-none"
    >
      <div aria-hidden className="absolute top-3 left-0 flex h-7 items-end" style={{ width: `${(bars.lengthMs / lengthMs) * 100}%` }}>
        {bars.heights.map((height, at) => (
          <div key={at} className="flex-1 bg-border-strong/50" style={{ height: `${height * 100}%` }} />
        ))}
      </div>
      {index.pauses.map((pause) => (
        <div
          key={pause.fromMs}
          title={`Paused: ${pause.reason}`}
          data-testid="replay-pause"
          className="absolute inset-y-0 bg-warning/25"
          style={{ left: share(pause.fromMs), width: `calc(${share(pause.toMs ?? index.toMs)} - ${share(pause.fromMs)})` }}
        />
      ))}
      {away.map((stretch) => (
        <div
          key={stretch.fromMs}
          title="No page of the participant had the focus"
          data-testid="replay-away"
          className="absolute top-10 h-1 bg-border-strong"
          style={{ left: share(stretch.fromMs), width: `calc(${share(stretch.toMs)} - ${share(stretch.fromMs)})` }}
        />
      ))}
      <CommandTicks index={index} share={share} />
      <ScoreTrack index={index} share={share} className="absolute inset-x-0 top-13 h-5" />
      <ResourceTrack index={index} className="absolute inset-x-0 bottom-0 h-5" />
      {index.markers.map((marker) =>
        MARKER_COLOURS[marker.kind] ? (
          <div
            key={marker.seq}
            aria-hidden
            className={cn('absolute top-0 h-3 w-0.5', MARKER_COLOURS[marker.kind])}
            style={{ left: share(marker.atMs) }}
          />
        ) : null,
      )}
      <div aria-hidden className="absolute inset-y-0 w-0.5 bg-foreground" style={{ left: share(positionMs) }} />
      {hover === null ? null : (
        <span
          aria-hidden
          className="pointer-events-none absolute top-0 rounded bg-surface-raised px-1 text-xs text-muted tabular-nums"
          style={{ left: `min(${share(hover)}, calc(100% - 4rem))` }}
        >
          {formatDuration(hover - index.fromMs)}
        </span>
      )}
    </div>
  );
}

/** Where commands began, those that failed in another colour; so many at most that each can be told from the next. */
function CommandTicks({ index, share }: { index: RecordingIndex; share: (atMs: number) => string }) {
  const ticks = useMemo(() => {
    const lengthMs = Math.max(1, index.toMs - index.fromMs);
    const places = new Map<number, boolean>();
    for (const { atMs, exitCode } of index.commands) {
      const place = Math.round(((atMs - index.fromMs) / lengthMs) * TICKS);
      places.set(place, places.get(place) === true || (exitCode !== null && exitCode !== 0));
    }
    return [...places].map(([place, failed]) => ({ atMs: index.fromMs + (place / TICKS) * lengthMs, failed }));
  }, [index]);
  return (
    <div aria-hidden data-testid="replay-command-track">
      {ticks.map(({ atMs, failed }) => (
        <div key={atMs} className={cn('absolute top-11 h-2 w-px', failed ? 'bg-danger' : 'bg-muted')} style={{ left: share(atMs) }} />
      ))}
    </div>
  );
}
