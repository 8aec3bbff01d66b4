'use client';
import type { ScoreScale } from '@plumbline/protocol';
import { cn, formatDuration, formatScore } from '@plumbline/ui';

export interface ScorePoint {
  n: number;
  elapsedMs: number;
  score: number;
  normalised: number | null;
  eligible?: boolean;
}

const WIDTH = 320;
const HEIGHT = 96;
/** At the right stand the names of the lines, where no point hides them. */
const PAD = { left: 44, right: 58, top: 8, bottom: 20 };
const FONT_SIZE = 11;

function bounds(values: number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = high === low ? Math.abs(high) * 0.1 || 1 : (high - low) * 0.08;
  return [low - room, high + room];
}

function Plot({
  label,
  points,
  toMs,
  references,
}: {
  label: string;
  points: { x: number; y: number; title: string; faint: boolean }[];
  toMs: number;
  references: { y: number; label: string }[];
}) {
  const values = [...points.map((point) => point.y), ...references.map((reference) => reference.y)];
  const [low, high] = bounds(values);
  const ends = [...new Set([Math.min(...values), Math.max(...values)])];
  const x = (ms: number) => PAD.left + (ms / Math.max(1, toMs)) * (WIDTH - PAD.left - PAD.right);
  const y = (value: number) => PAD.top + (1 - (value - low) / (high - low)) * (HEIGHT - PAD.top - PAD.bottom);
  const line = points.filter((point) => !point.faint);
  return (
    <figure>
      <figcaption className="mb-1 text-xs text-muted">{label}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className="w-full max-w-md"
        role="img"
        aria-label={`${label} over elapsed time, ${points.length} scores`}
      >
        <line x1={PAD.left} x2={WIDTH - PAD.right} y1={HEIGHT - PAD.bottom} y2={HEIGHT - PAD.bottom} stroke="var(--border)" />
        {references.map((reference) => (
          <g key={reference.label}>
            <line
              x1={PAD.left}
              x2={WIDTH - PAD.right}
              y1={y(reference.y)}
              y2={y(reference.y)}
              stroke="var(--border-strong)"
              strokeDasharray="3 3"
            />
            <text x={WIDTH - PAD.right + 6} y={y(reference.y) + 4} fontSize={FONT_SIZE} fill="var(--muted)">
              {reference.label}
            </text>
          </g>
        ))}
        {ends.map((value) => (
          <text key={value} x={PAD.left - 6} y={y(value) + 4} textAnchor="end" fontSize={FONT_SIZE} fill="var(--muted)">
            {formatScore(Number(value.toPrecision(4)))}
          </text>
        ))}
        <text x={PAD.left} y={HEIGHT - 6} fontSize={FONT_SIZE} fill="var(--muted)">
          {formatDuration(0)}
        </text>
        <text x={WIDTH - PAD.right} y={HEIGHT - 6} textAnchor="end" fontSize={FONT_SIZE} fill="var(--muted)">
          {formatDuration(toMs)}
        </text>
        <polyline
          points={line.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')}
          fill="none"
          stroke="var(--accent)"
          strokeWidth={1.5}
        />
        {points.map((point) => (
          <circle key={point.title} cx={x(point.x)} cy={y(point.y)} r={3} className={cn(point.faint ? 'fill-muted' : 'fill-accent')}>
            <title>{point.title}</title>
          </circle>
        ))}
      </svg>
    </figure>
  );
}

function linesAt({ start, reference }: { start: number; reference: number }): { y: number; label: string }[] {
  return [
    { y: start, label: 'start' },
    { y: reference, label: 'reference' },
  ];
}

/** Scores over elapsed time: raw, and on the environment's scale, both with the starting solution and the reference. */
export function ScoreChart({ points, toMs, scale }: { points: ScorePoint[]; toMs: number; scale: ScoreScale | null }) {
  if (points.length === 0) return null;
  const title = (point: ScorePoint, value: number) => `#${point.n} at ${formatDuration(point.elapsedMs)}: ${formatScore(value)}`;
  const normalised = points.filter((point) => point.normalised !== null);
  return (
    <div className="space-y-3">
      <Plot
        label="Score"
        points={points.map((point) => ({
          x: point.elapsedMs,
          y: point.score,
          title: title(point, point.score),
          faint: point.eligible === false,
        }))}
        toMs={toMs}
        references={scale ? linesAt({ start: scale.startingScore, reference: scale.referenceScore }) : []}
      />
      {normalised.length > 0 ? (
        <Plot
          label="Normalised"
          points={normalised.map((point) => ({
            x: point.elapsedMs,
            y: point.normalised ?? 0,
            title: title(point, point.normalised ?? 0),
            faint: point.eligible === false,
          }))}
          toMs={toMs}
          references={linesAt({ start: 0, reference: 1 })}
        />
      ) : null}
    </div>
  );
}
