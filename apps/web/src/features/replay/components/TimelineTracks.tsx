'use client';
import { useMemo } from 'react';
import type { RecordingIndex } from '../model/recordingApi.ts';

/** Tracks under the timeline: what was scored, and what the sandbox used. */

/** Wide enough for one point a pixel; the picture is stretched to its place. */
const WIDTH = 1_000;
const HEIGHT = 20;

/** Scores by their place between the worst and the best of the attempt; up is better. */
export function ScoreTrack({ index, share, className }: { index: RecordingIndex; share: (atMs: number) => string; className: string }) {
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
    <div aria-hidden className={className} data-testid="replay-score-track">
      {points.map(({ atMs, n, score, up }) => (
        <div
          key={n}
          title={`Score ${n}: ${score}`}
          className="absolute size-1.5 -translate-x-1/2 rounded-full bg-accent"
          style={{ left: share(atMs), bottom: `${up * 70}%` }}
        />
      ))}
    </div>
  );
}

/** Processors in use as an area, memory as a line, each against its own most. */
export function ResourceTrack({ index, className }: { index: RecordingIndex; className: string }) {
  const paths = useMemo(() => {
    const lengthMs = Math.max(1, index.toMs - index.fromMs);
    const x = (atMs: number) => ((atMs - index.fromMs) / lengthMs) * WIDTH;
    const series = (value: (sample: RecordingIndex['resources'][number]) => number | null) => {
      const known = index.resources.flatMap((sample) => {
        const is = value(sample);
        return is === null ? [] : [{ atMs: sample.atMs, is }];
      });
      const most = Math.max(Number.EPSILON, ...known.map(({ is }) => is));
      return known.map(({ atMs, is }) => `${x(atMs).toFixed(1)},${(HEIGHT - (is / most) * (HEIGHT - 2)).toFixed(1)}`);
    };
    const cpu = series(({ cpus }) => cpus);
    const memory = series(({ memoryBytes }) => memoryBytes);
    const [first = ''] = cpu;
    const last = cpu.at(-1) ?? '';
    return {
      cpu: cpu.length < 2 ? '' : `M${first.split(',')[0]},${HEIGHT} L${cpu.join(' L')} L${last.split(',')[0]},${HEIGHT} Z`,
      memory: memory.length < 2 ? '' : `M${memory.join(' L')}`,
    };
  }, [index]);
  if (paths.cpu === '' && paths.memory === '') return null;
  return (
    <svg
      aria-hidden
      className={className}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      data-testid="replay-resource-track"
    >
      <path d={paths.cpu} className="fill-success/40" />
      <path d={paths.memory} className="fill-none stroke-warning" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
