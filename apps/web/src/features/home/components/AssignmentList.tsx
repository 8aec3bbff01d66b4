'use client';
import type { AppRouter } from '@plumbline/api';
import { Badge, Button, Card, EmptyState, Facts, formatDuration, formatMoney, formatSpan, Time, toast } from '@plumbline/ui';
import type { inferRouterOutputs } from '@trpc/server';
import { ArrowRight, Inbox } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { END_REASON_WORDS } from '@/features/attempt/model/words.ts';
import { rpc } from '@/features/rpc/client.ts';

type Assignment = inferRouterOutputs<AppRouter>['assignment']['mine'][number];

/** What to do next with an assignment, in the words of its one button. */
function nextStep(assignment: Assignment): { label: string; primary: boolean } {
  switch (assignment.attempt?.state ?? 'scheduled') {
    case 'scheduled':
      return { label: assignment.isOpen ? 'Get ready' : 'Read the rules', primary: assignment.isOpen };
    case 'provisioning':
      return { label: 'See the progress', primary: true };
    case 'ready':
      return { label: 'Go to the start', primary: true };
    case 'running':
      return { label: 'Continue', primary: true };
    case 'paused':
      return { label: 'Go back to work', primary: true };
    case 'finalising':
      return { label: 'See what is going on', primary: false };
    default:
      return { label: 'See the result', primary: false };
  }
}

export function AssignmentList({ assignments, level }: { assignments: Assignment[]; level: 'h2' | 'h3' }) {
  if (assignments.length === 0) {
    return (
      <Card>
        <EmptyState icon={<Inbox />} title="Nothing to do yet">
          When the staff give you an environment to work on, it stands here with its hours, its pay and the button that begins it.
        </EmptyState>
      </Card>
    );
  }
  return (
    <ul className="space-y-4">
      {assignments.map((assignment) => (
        <li key={assignment.assignmentId}>
          <AssignmentCard assignment={assignment} level={level} />
        </li>
      ))}
    </ul>
  );
}

function AssignmentCard({ assignment, level: Heading }: { assignment: Assignment; level: 'h2' | 'h3' }) {
  const router = useRouter();
  const [busy, setBusy] = useState(false);
  const { attempt } = assignment;
  const step = nextStep(assignment);

  async function open() {
    setBusy(true);
    try {
      const { attemptId } = await rpc.assignment.open.mutate({ assignmentId: assignment.assignmentId });
      router.push(`/attempts/${attemptId}`);
    } catch (error) {
      setBusy(false);
      toast.error(error instanceof Error ? error.message : 'The attempt could not be opened. Try again.');
    }
  }

  const workHref = attempt && (attempt.state === 'running' || attempt.state === 'paused') ? `/attempts/${attempt.attemptId}/work` : null;
  return (
    <Card className="flex flex-wrap items-center justify-between gap-6 p-4">
      <div className="min-w-64 flex-1 space-y-3">
        <div className="flex flex-wrap items-center gap-2">
          <Heading className="text-sm font-semibold">{assignment.title}</Heading>
          <StateBadge state={attempt?.state ?? 'scheduled'} />
          {assignment.isOpen || attempt ? null : <Badge tone="warning">Not open</Badge>}
          <span className="text-xs text-muted">{assignment.study}</span>
        </div>
        <Facts
          items={[
            { term: 'Time limit', value: formatSpan(assignment.limitMs) },
            { term: 'Pay', value: assignment.payCents === null ? 'Not set' : formatMoney(assignment.payCents, assignment.currency) },
            attempt?.endedAt
              ? {
                  term: attempt.endReason ? (END_REASON_WORDS[attempt.endReason] ?? 'Ended') : 'Ended',
                  value: <Time at={attempt.endedAt} />,
                }
              : { term: 'Window', value: <WindowText opensAt={assignment.opensAt} closesAt={assignment.closesAt} /> },
            ...(attempt && attempt.clock.n > 0 ? [{ term: 'On the clock', value: formatDuration(attempt.clock.elapsedMs) }] : []),
          ]}
        />
      </div>
      {attempt ? (
        <Button asChild variant={step.primary ? 'primary' : 'secondary'} size="lg" className="w-48">
          <Link href={workHref ?? `/attempts/${attempt.attemptId}`}>
            {step.label}
            <ArrowRight />
          </Link>
        </Button>
      ) : (
        <Button
          variant={step.primary ? 'primary' : 'secondary'}
          size="lg"
          className="w-48"
          busy={busy && 'Opening…'}
          onClick={() => void open()}
        >
          {step.label}
          <ArrowRight />
        </Button>
      )}
    </Card>
  );
}

function WindowText({ opensAt, closesAt }: { opensAt: Date | null; closesAt: Date | null }) {
  if (!opensAt && !closesAt) return <>Open at any time</>;
  return (
    <>
      {opensAt ? (
        <span className="block">
          from <Time at={opensAt} />
        </span>
      ) : null}
      {closesAt ? (
        <span className="block">
          until <Time at={closesAt} />
        </span>
      ) : null}
    </>
  );
}
