'use client';
import type { AppRouter } from '@plumbline/api';
import {
  Badge,
  Button,
  Card,
  EmptyState,
  formatBytes,
  formatDuration,
  formatNormalised,
  formatScore,
  Input,
  Label,
  Time,
} from '@plumbline/ui';
import type { inferRouterOutputs } from '@trpc/server';
import { Archive, Play } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { type AttemptColumn, AttemptTable } from '@/features/attempt/components/AttemptTable.tsx';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { END_REASON_WORDS } from '@/features/attempt/model/words.ts';

type Finished = inferRouterOutputs<AppRouter>['review']['list'][number];

const COLUMNS: AttemptColumn<Finished>[] = [
  {
    head: 'Ended',
    cell: ({ endedAt, state, endReason }) => (
      <>
        {endedAt ? <Time at={endedAt} /> : '–'}
        <span className="block text-xs text-muted">
          {state === 'completed' ? (END_REASON_WORDS[endReason ?? ''] ?? '') : <StateBadge state={state} />}
        </span>
      </>
    ),
  },
  { head: 'On the clock', align: 'right', cell: ({ clock }) => formatDuration(clock.elapsedMs) },
  { head: 'Scores', align: 'right', cell: ({ scoreCount }) => scoreCount },
  { head: 'Result', align: 'right', cell: (attempt) => <Result {...attempt} /> },
  {
    head: 'Recording',
    cell: ({ sealedAt, recordedBytes }) => (
      <>
        {sealedAt ? <Badge tone="success">Sealed</Badge> : <Badge tone="warning">Not sealed</Badge>}
        <span className="block text-xs text-muted">{formatBytes(recordedBytes)}</span>
      </>
    ),
  },
];

function Result({ result, missingScores }: Finished) {
  return (
    <>
      {result ? formatScore(result.result.raw) : '–'}
      {result?.result.raw != null ? (
        <span className="block text-xs text-muted">{formatNormalised(result.result.value)} normalised</span>
      ) : null}
      {missingScores.length > 0 ? (
        <span className="mt-1 block" title={missingScores.join(' ')}>
          <Badge tone="warning">Scores missing</Badge>
        </span>
      ) : null}
    </>
  );
}

function replayLink({ attemptId }: Finished) {
  return (
    <Button asChild size="sm">
      <Link href={`/attempts/${attemptId}/replay`}>
        <Play />
        Replay
      </Link>
    </Button>
  );
}

export function ReviewTable({ attempts }: { attempts: Finished[] }) {
  const [words, setWords] = useState('');
  if (attempts.length === 0) {
    return (
      <Card>
        <EmptyState icon={<Archive />} title="No attempt has finished yet">
          When an attempt ends, its final state is scored, its recording is sealed and signed, and it appears here to be replayed.
        </EmptyState>
      </Card>
    );
  }
  const wanted = words.toLowerCase().trim();
  const shown = attempts.filter((attempt) => `${attempt.title} ${attempt.study} ${attempt.participant}`.toLowerCase().includes(wanted));
  return (
    <div className="space-y-4">
      <div className="max-w-xs">
        <Label htmlFor="review-filter" className="sr-only">
          Filter by environment, study or participant
        </Label>
        <Input
          id="review-filter"
          type="search"
          placeholder="Filter by environment, study or participant"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
      </div>
      <Card>
        {shown.length === 0 ? (
          <EmptyState title="Nothing matches">No finished attempt has “{words}” in its environment, study or participant.</EmptyState>
        ) : (
          <AttemptTable label="Finished attempts" attempts={shown} columns={COLUMNS} act={replayLink} />
        )}
      </Card>
    </div>
  );
}
