'use client';
import type { AppRouter } from '@plumbline/api';
import { Alert, Badge, Button, Card, EmptyState, formatDuration, formatNormalised, formatScore, formatSpan } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { Eye, Radio } from 'lucide-react';
import Link from 'next/link';
import { type AttemptColumn, AttemptTable } from '@/features/attempt/components/AttemptTable.tsx';
import { RunningClock } from '@/features/attempt/components/RunningClock.tsx';
import { StaffClockButton } from '@/features/attempt/components/StaffClock.tsx';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { SCORE_STATUS_WORDS } from '@/features/attempt/model/words.ts';
import { rpc } from '@/features/rpc/client.ts';
import { SandboxFacts } from './SandboxFacts.tsx';

type LiveAttempt = inferRouterOutputs<AppRouter>['live']['list'][number];

const POLL_MS = 2_000;
/** Input is durable and read here within this time, so that a younger one is as good as now. */
const INPUT_NOW_MS = 5_000;

const COLUMNS: AttemptColumn<LiveAttempt>[] = [
  {
    head: 'State',
    cell: ({ state, progress }) => (
      <>
        <StateBadge state={state} />
        {state === 'finalising' && progress ? <span className="block text-xs text-muted">{progress}</span> : null}
      </>
    ),
  },
  { head: 'On the clock', align: 'right', cell: ({ clock }) => <RunningClock clock={clock} show="elapsed" /> },
  { head: 'Remaining', align: 'right', cell: ({ clock }) => <RunningClock clock={clock} show="remaining" /> },
  { head: 'Last input', cell: ({ inputAgeMs }) => <LastInput ageMs={inputAgeMs} /> },
  { head: 'Last score', cell: ({ lastScore }) => <LastScore score={lastScore} /> },
  { head: 'Sandbox', cell: (attempt) => <SandboxFacts {...attempt} /> },
];

function staffActs({ attemptId, clockActs, state }: LiveAttempt) {
  return (
    <span className="flex justify-end gap-2">
      <StaffClockButton attemptId={attemptId} acts={clockActs} size="sm" />
      {state === 'running' || state === 'paused' ? (
        <Button asChild size="sm">
          <Link href={`/attempts/${attemptId}/watch`}>
            <Eye />
            Watch
          </Link>
        </Button>
      ) : null}
    </span>
  );
}

export function LiveTable({ initial }: { initial: LiveAttempt[] }) {
  const { data, error } = useQuery({
    queryKey: ['live.list'],
    queryFn: () => rpc.live.list.query(),
    initialData: initial,
    refetchInterval: POLL_MS,
  });

  return (
    <>
      {error ? <Alert tone="warning">The platform does not answer at the moment; what you see is the last that was known.</Alert> : null}
      <Card>
        {data.length === 0 ? (
          <EmptyState icon={<Radio />} title="Nothing is running">
            When a participant prepares a sandbox, the attempt appears here, with its clock, its last score and its connection.
          </EmptyState>
        ) : (
          <AttemptTable label="Live attempts" attempts={data} columns={COLUMNS} act={staffActs} />
        )}
      </Card>
    </>
  );
}

function LastInput({ ageMs }: { ageMs: number | null }) {
  if (ageMs === null) return <span className="text-muted">None seen</span>;
  return <>{ageMs < INPUT_NOW_MS ? 'Now' : `${formatSpan(ageMs)} ago`}</>;
}

function LastScore({ score }: { score: LiveAttempt['lastScore'] }) {
  if (!score) return <span className="text-muted">None yet</span>;
  if (score.status !== 'scored') return <Badge tone="neutral">{SCORE_STATUS_WORDS[score.status]?.label ?? score.status}</Badge>;
  return (
    <>
      {formatScore(score.score)}
      <span className="block text-xs text-muted">
        {score.normalised === null ? '' : `${formatNormalised(score.normalised)} normalised, `}at {formatDuration(score.elapsedMs)}
      </span>
    </>
  );
}
