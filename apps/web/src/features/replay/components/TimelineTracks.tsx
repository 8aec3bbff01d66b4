'use client';
import { pauseWords } from '@plumbline/recording/markerWords';
import type { MarkerKind, RecordingIndex } from '@plumbline/recording/recordingIndex';
import { cn } from '@plumbline/ui';
import { memo, useMemo } from 'react';
import { awayStretches } from '../model/places.ts';

/** What the timeline shows of a recording, whatever the position: drawn once, as the play head moves twenty times a second. */

const MARKER_COLOURS: Partial<Record<MarkerKind, string>> = {
  score: 'bg-accent',
  note: 'bg-success',
  message: 'bg-success',
  paste: 'bg-warning',
  gap: 'bg-danger',
  end: 'bg-danger',
  start: 'bg-success',
};
const BARS = 240;
const TICKS = 600;
/** Wide enough for one point a pixel; the picture is stretched to its place. */
const WIDTH = 1_000;
const HEIGHT = 20;

/** Where a time stands in the timeline, as a length of CSS. */
export function shareOf({ fromMs, toMs }: RecordingIndex, atMs: number): string {
  return `${(Math.min(1, Math.max(0, (atMs - fromMs) / Math.max(1, toMs - fromMs))) * 100).toFixed(3)}%`;
}

export const TimelineTracks = memo(function TimelineTracks({ index }: { index: RecordingIndex }) {
  const share = (atMs: number) => shareOf(index, atMs);
  return (
    <>
      <ActivityTrack index={index} />
      {index.pauses.map((pause) => (
        <div
          key={pause.fromMs}
          title={pauseWords(pause.reason)}
          data-testid="replay-pause"
          className="absolute inset-y-0 bg-warning/25"
          style={{ left: share(pause.fromMs), width: `calc(${share(pause.toMs ?? index.toMs)} - ${share(pause.fromMs)})` }}
        />
      ))}
      {index.sealed.map((seal) => (
        <div
          key={seal.toMs}
          title={`Sealed by the participant: ${seal.reason}`}
          data-testid="replay-sealed"
          className="absolute inset-y-0 bg-danger/25"
          style={{ left: share(seal.fromMs), width: `calc(${share(seal.toMs)} - ${share(seal.fromMs)})` }}
        />
      ))}
      {awayStretches(index).map((stretch) => (
        <div
          key={stretch.fromMs}
          title="No page of the participant had the focus"
          data-testid="replay-away"
          className="absolute top-10 h-1 bg-border-strong"
          style={{ left: share(stretch.fromMs), width: `calc(${share(stretch.toMs)} - ${share(stretch.fromMs)})` }}
        />
      ))}
      <CommandTrack index={index} />
      <ScoreTrack index={index} />
      <ResourceTrack index={index} />
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
    </>
  );
});

/** How much happened when, on a logarithmic scale. */
function ActivityTrack({ index: { activity, fromMs, toMs } }: { index: RecordingIndex }) {
  const { counts, bucketMs } = activity;
  const per = Math.max(1, Math.ceil(counts.length / BARS));
  const sums: number[] = [];
  for (let at = 0; at < counts.length; at += per) sums.push(counts.slice(at, at + per).reduce((sum, count) => sum + count, 0));
  if (sums.length === 0) return null;
  const most = Math.max(1, ...sums.map((sum) => Math.log1p(sum)));
  const bars = sums.map((sum, at) => `M${at},1V${(1 - Math.log1p(sum) / most).toFixed(3)}H${at + 1}V1Z`);
  return (
    <svg
      aria-hidden
      className="absolute top-3 left-0 h-7"
      style={{ width: `${((sums.length * per * bucketMs) / Math.max(1, toMs - fromMs)) * 100}%` }}
      viewBox={`0 0 ${sums.length} 1`}
      preserveAspectRatio="none"
    >
      <path d={bars.join('')} className="fill-border-strong/50" />
    </svg>
  );
}

/** Where commands began, those that failed in another colour; so many at most that each can be told from the next. */
function CommandTrack({ index }: { index: RecordingIndex }) {
  const lengthMs = Math.max(1, index.toMs - index.fromMs);
  const places = new Map<number, boolean>();
  for (const { atMs, exitCode } of index.commands) {
    const place = Math.round(((atMs - index.fromMs) / lengthMs) * TICKS);
    places.set(place, places.get(place) === true || (exitCode !== null && exitCode !== 0));
  }
  const ticks = (wanted: boolean) => [...places].flatMap(([place, failed]) => (failed === wanted ? [`M${place},0V1`] : [])).join('');
  return (
    <svg
      aria-hidden
      className="absolute inset-x-0 top-11 h-2 w-full"
      viewBox={`0 0 ${TICKS} 1`}
      preserveAspectRatio="none"
      data-testid="replay-command-track"
    >
      <path d={ticks(false)} className="fill-none stroke-muted" vectorEffect="non-scaling-stroke" />
      <path d={ticks(true)} className="fill-none stroke-danger" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

/** Scores by their place between the worst and the best of the attempt; up is better. */
function ScoreTrack({ index }: { index: RecordingIndex }) {
  const points = useMemo(() => {
    const scored = index.scores.flatMap(({ atMs, n, score }) => (score === null ? [] : [{ atMs, n, score }]));
    const worst = Math.min(...scored.map(({ score }) => score));
    const best = Math.max(...scored.map(({ score }) => score));
    const sign = index.direction === 'lower' ? -1 : 1;
    return scored.map((point) => {
      const place = best === worst ? 0.5 : (point.score - worst) / (best - worst);
      return { ...point, up: sign === 1 ? place : 1 - place };
    });
  }, [index]);
  return (
    <div aria-hidden className="absolute inset-x-0 top-13 h-5" data-testid="replay-score-track">
      {points.map(({ atMs, n, score, up }) => (
        <div
          key={n}
          title={`Score ${n}: ${score}`}
          className="absolute size-1.5 -translate-x-1/2 rounded-full bg-accent"
          style={{ left: shareOf(index, atMs), bottom: `${up * 70}%` }}
        />
      ))}
    </div>
  );
}

const FIGURES = [
  { figure: 'memoryBytes', className: 'stroke-warning' },
  { figure: 'diskBytes', className: 'stroke-muted' },
  { figure: 'gpus', className: 'stroke-accent' },
] as const;

/** Processors in use as an area; memory, disk and GPUs, where there are any, as lines; each against its own most. */
function ResourceTrack({ index }: { index: RecordingIndex }) {
  const { area, lines } = useMemo(() => {
    const lengthMs = Math.max(1, index.toMs - index.fromMs);
    const series = (figure: 'cpus' | (typeof FIGURES)[number]['figure']) => {
      const known = index.resources.flatMap((sample) => {
        const is = sample[figure];
        return is === null ? [] : [{ atMs: sample.atMs, is }];
      });
      const most = Math.max(Number.EPSILON, ...known.map(({ is }) => is));
      return known.map(({ atMs, is }) => {
        const x = (((atMs - index.fromMs) / lengthMs) * WIDTH).toFixed(1);
        return { x, point: `${x},${(HEIGHT - (is / most) * (HEIGHT - 2)).toFixed(1)}` };
      });
    };
    const path = (points: { point: string }[]) => points.map(({ point }) => point).join(' L');
    const cpus = series('cpus');
    return {
      area: cpus.length < 2 ? null : `M${cpus[0]?.x},${HEIGHT} L${path(cpus)} L${cpus.at(-1)?.x},${HEIGHT} Z`,
      lines: FIGURES.flatMap(({ figure, className }) => {
        const points = series(figure);
        return points.length < 2 ? [] : [{ figure, className, d: `M${path(points)}` }];
      }),
    };
  }, [index]);
  if (area === null && lines.length === 0) return null;
  return (
    <svg
      aria-hidden
      className="absolute inset-x-0 bottom-0 h-5 w-full"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      data-testid="replay-resource-track"
    >
      {area === null ? null : <path d={area} data-figure="cpus" className="fill-success/40" />}
      {lines.map(({ figure, className, d }) => (
        <path key={figure} d={d} data-figure={figure} className={cn('fill-none', className)} vectorEffect="non-scaling-stroke" />
      ))}
    </svg>
  );
}
