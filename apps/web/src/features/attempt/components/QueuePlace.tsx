'use client';
import { Alert, Button, Spinner, Time } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import { rpc } from '@/features/rpc/client.ts';

/** Where an attempt stands in the queue for a machine, and the way out of it. */
export function QueuePlace({
  attemptId,
  queue,
  onLeft,
}: {
  attemptId: string;
  queue: { waitReason: string | null; requestedAt: Date };
  onLeft: () => void;
}) {
  const leave = useMutation({ mutationFn: () => rpc.attempt.leaveQueue.mutate({ attemptId }), onSettled: onLeft });
  return (
    <>
      <div role="status" className="space-y-2">
        <Spinner label={queue.waitReason ?? 'Waiting for a machine'} />
        <p className="text-sm text-muted">
          You asked at <Time at={queue.requestedAt} />. You may close this page: your place is kept, and your clock starts only when you
          start it. Once the sandbox is ready, it is held for 30 minutes.
        </p>
      </div>
      <Button busy={leave.isPending && 'Leaving the queue…'} onClick={() => leave.mutate()}>
        Leave the queue
      </Button>
      {leave.error ? <Alert tone="warning">{leave.error.message}</Alert> : null}
    </>
  );
}
