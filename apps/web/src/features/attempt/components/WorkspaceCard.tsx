'use client';
import { Button, Card, CardBody, CardHeader, ConfirmDialog, Facts, Time } from '@plumbline/ui';
import { useRouter } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import type { AttemptDetail } from '../model/attemptDetail.ts';

type Workspace = NonNullable<AttemptDetail['workspace']>;

const MS_PER_DAY = 24 * 3_600_000;

interface WorkspaceCardProps {
  attemptId: string;
  workspace: Workspace;
  mayEndReview: boolean;
}

/** For staff, once an attempt is over: which hosts keep its workspace and until when, or when it was removed. */
export function WorkspaceCard({ attemptId, workspace, mayEndReview }: WorkspaceCardProps) {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  const { copies, reviewEndedAt, retentionMs } = workspace;
  if (copies.length === 0) return null;
  const isOver = reviewEndedAt !== null;
  const isGoing = copies.some((copy) => copy.isBeingRemoved);
  return (
    <Card data-testid="workspace-kept">
      <CardHeader
        title="Workspace"
        description="The files as they lie on their host. The recording, the scores and the snapshots are kept whatever becomes of them."
        actions={
          mayEndReview && !isGoing ? (
            <Button size="sm" onClick={() => setAsking(true)}>
              {isOver ? 'Reopen the review' : 'End the review'}
            </Button>
          ) : null
        }
      />
      <CardBody>
        <Facts
          items={[
            ...(reviewEndedAt === null ? [] : [{ term: 'Review ended', value: <Time at={reviewEndedAt} /> }]),
            ...copies.map((copy) => ({ term: `On host “${copy.host}”`, value: copyWords(copy, workspace) })),
          ]}
        />
      </CardBody>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={isOver ? 'Reopen the review?' : 'End the review?'}
        description={
          isOver
            ? 'The workspace is then kept until the review ends again.'
            : `The workspace is removed from its host ${retentionWords(retentionMs)}. The recording, the scores and the snapshots are kept.`
        }
        confirmLabel={isOver ? 'Reopen the review' : 'End the review'}
        busyLabel={isOver ? 'Reopening…' : 'Ending…'}
        onConfirm={async () => {
          await rpc.review.setEnded.mutate({ attemptId, ended: !isOver });
          router.refresh();
        }}
      />
    </Card>
  );
}

function retentionWords(retentionMs: number): string {
  const days = retentionMs / MS_PER_DAY;
  if (days === 0) return 'at once, and does not come back';
  return `after ${days === 1 ? 'a day' : `${days} days`}; until then the review can be reopened`;
}

function copyWords(copy: Workspace['copies'][number], { keptUntil }: Workspace): ReactNode {
  if (copy.removedAt !== null) {
    return (
      <>
        Removed <Time at={copy.removedAt} />
      </>
    );
  }
  if (copy.hostIsRemoved) return 'Left there: the host was taken out of the inventory';
  if (copy.problem !== null) return `Not removed yet, and tried again: ${copy.problem}`;
  if (copy.isBeingRemoved) return 'Being removed';
  if (keptUntil === null) return 'Kept until the review ends';
  return (
    <>
      Kept until <Time at={keptUntil} />
    </>
  );
}
