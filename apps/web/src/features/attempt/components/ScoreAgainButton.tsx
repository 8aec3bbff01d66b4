'use client';
import { Button, ConfirmDialog } from '@plumbline/ui';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

/** For staff: has the platform take the scores that it could not take when the attempt ended. */
export function ScoreAgainButton({ attemptId }: { attemptId: string }) {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button size="sm" onClick={() => setAsking(true)}>
        Score again
      </Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title="Score again?"
        description="The attempt waits for a machine, and what is missing is scored on the workspace as it was kept. Meanwhile staff see it as finishing; its recording is signed anew afterwards."
        confirmLabel="Score again"
        busyLabel="Asking for a machine…"
        onConfirm={async () => {
          await rpc.review.scoreAgain.mutate({ attemptId });
          router.refresh();
        }}
      />
    </>
  );
}
