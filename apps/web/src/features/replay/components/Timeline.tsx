'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { formatDuration } from '@plumbline/ui';
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { resourceWords, sampleAt } from '../model/resourceWords.ts';
import { shareOf, TimelineTracks } from './TimelineTracks.tsx';

const STEP_MS = 5_000;
const LARGE_STEP_MS = 60_000;

/**
 * The whole recording as a line: what happened when, pauses shaded, marks, and the play head, which is a slider. What happened is drawn once
 * the page is `ready` for it. What the sandbox used is said in words where the pointer is, and at the position for who has the keyboard on it.
 */
export function Timeline({
  index,
  positionMs,
  onSeek,
  ready,
}: {
  index: RecordingIndex;
  positionMs: number;
  onSeek: (atMs: number) => void;
  ready: boolean;
}) {
  const track = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const [hasKeys, setHasKeys] = useState(false);
  const lengthMs = Math.max(1, index.toMs - index.fromMs);
  const wordsAt = (atMs: number) => {
    const sample = sampleAt(index.resources, atMs);
    return [formatDuration(atMs - index.fromMs), ...(sample === null ? [] : [resourceWords(sample)])].filter(Boolean).join(', ');
  };
  const toldMs = hover ?? (hasKeys ? positionMs : null);
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
    setHasKeys(true);
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
      aria-valuetext={wordsAt(positionMs)}
      data-testid="replay-timeline"
      onKeyDown={onKeyDown}
      onFocus={(event) => setHasKeys(event.currentTarget.matches(':focus-visible'))}
      onBlur={() => setHasKeys(false)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setHasKeys(false);
        onSeek(timeAt(event));
      }}
      onPointerMove={(event) => {
        setHover(timeAt(event));
        if (event.buttons === 1) onSeek(timeAt(event));
      }}
      onPointerLeave={() => setHover(null)}
      className="relative h-24 cursor-pointer touch-none overflow-hidden rounded-md border border-border bg-surface-sunken select-none"
    >
      {ready ? <TimelineTracks index={index} /> : null}
      <div aria-hidden className="absolute inset-y-0 w-0.5 bg-foreground" style={{ left: shareOf(index, positionMs) }} />
      {toldMs === null ? null : (
        <span
          aria-hidden
          data-testid="replay-timeline-words"
          className="pointer-events-none absolute top-0 rounded bg-surface-raised px-1 text-xs whitespace-nowrap text-muted tabular-nums"
          // Never beyond the border: as far to the left as it is along the line.
          style={{ left: shareOf(index, toldMs), transform: `translateX(-${shareOf(index, toldMs)})` }}
        >
          {wordsAt(toldMs)}
        </span>
      )}
    </div>
  );
}
