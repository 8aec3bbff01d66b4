'use client';
import { Badge, cn, formatDuration, formatScore } from '@plumbline/ui';
import { memo, type ReactNode } from 'react';
import { ScoreMessage } from './ScoreMessage.tsx';

const TRIGGER_WORDS: Record<string, string> = {
  start: 'starting solution',
  participant: 'asked for',
  periodic: 'by itself',
  final: 'final state',
  clean: 'clean re-score',
  retro: 'scored later',
};

const STATUS_WORDS: Record<string, string> = {
  running: 'Running',
  nan: 'The scorer gave no number',
  invalid_submission: 'The submission is not valid',
  timed_out: 'The scorer ran out of time',
  out_of_memory: 'The scorer ran out of memory',
  crashed: 'The scorer crashed',
  bad_output: 'The scorer answered unreadably',
  cancelled: 'Cancelled',
};

const STATUS_ADVICE: Record<string, string> = {
  invalid_submission: 'Look at the message, repair the submission and score again.',
  timed_out: 'Your solution may be too slow for the scorer. The clock goes on; you can score again.',
  out_of_memory: 'Your solution may need too much memory. You can score again.',
  crashed: 'Run your solution in a terminal to see why. If it runs there, report it as a problem of the platform.',
  bad_output: 'This may be a fault of the environment. You can score again, or report it.',
  nan: 'The score is not a number: look for a division by zero or an overflow in your solution.',
};

export interface ScoreLine {
  scoreId: string;
  n: number;
  trigger: string;
  elapsedMs: number;
  status: string;
  score: number | null;
  normalised: number | null;
  message: unknown;
}

/** The log of scores, newest first. With `onOpen` each row's head is a button that calls it with the row. */
export function ScoreRows<Line extends ScoreLine>({
  rows,
  visible,
  running,
  best,
  onOpen,
}: {
  rows: Line[];
  visible: boolean;
  running?: ReactNode;
  best?: string | undefined;
  onOpen?: (row: Line) => void;
}) {
  return (
    <ol className="divide-y divide-border" aria-label="Scores">
      {[...rows].reverse().map((row) => (
        <ScoreRow
          key={row.scoreId}
          row={row}
          visible={visible}
          isBest={row.scoreId === best}
          running={row.status === 'running' ? running : null}
          onOpen={onOpen as ((row: ScoreLine) => void) | undefined}
        />
      ))}
    </ol>
  );
}

/** Drawn again when it changes: while a score runs, its time alone does. */
const ScoreRow = memo(function ScoreRow({
  row,
  visible,
  isBest,
  running,
  onOpen,
}: {
  row: ScoreLine;
  visible: boolean;
  isBest: boolean;
  running: ReactNode;
  onOpen: ((row: ScoreLine) => void) | undefined;
}) {
  const Head = onOpen === undefined ? 'div' : 'button';
  return (
    <li className="space-y-1 py-2" data-testid="score-row" data-status={row.status} data-n={row.n} data-trigger={row.trigger}>
      <Head
        {...(onOpen === undefined ? {} : { type: 'button', onClick: () => onOpen(row) })}
        className={cn('flex w-full items-baseline gap-2 text-left', onOpen !== undefined && 'hover:bg-hover')}
      >
        <span className="text-xs text-muted tabular-nums">#{row.n}</span>
        <span className="text-xs text-muted tabular-nums">{formatDuration(row.elapsedMs)}</span>
        <span className="flex-1 text-xs text-muted">{TRIGGER_WORDS[row.trigger] ?? row.trigger}</span>
        {isBest ? <Badge tone="success">best</Badge> : null}
        {row.status === 'running' ? (
          (running ?? <span className="text-xs text-muted">Running</span>)
        ) : row.status === 'scored' ? (
          row.score !== null ? (
            <span className="font-mono text-sm tabular-nums">
              {formatScore(row.score)}
              {row.normalised !== null ? <span className="ml-2 text-xs text-muted">({formatScore(row.normalised)})</span> : null}
            </span>
          ) : (
            <span className="text-xs text-muted">{visible ? 'no number' : 'recorded, not shown'}</span>
          )
        ) : (
          <span className="text-xs text-warning">{STATUS_WORDS[row.status] ?? row.status}</span>
        )}
      </Head>
      <ScoreMessage message={row.message} />
      {STATUS_ADVICE[row.status] ? <p className="text-xs text-muted">{STATUS_ADVICE[row.status]}</p> : null}
    </li>
  );
});
