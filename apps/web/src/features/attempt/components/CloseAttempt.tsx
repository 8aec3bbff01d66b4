'use client';
import { CLOSE_REASON_MAX } from '@plumbline/protocol/limits';
import { Button, ConfirmDialog, Field, Textarea } from '@plumbline/ui';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

interface CloseButtonProps {
  label: string;
  title: string;
  description: string;
  reasonLabel: string;
  cancelLabel: string;
  onConfirm: (reason: string) => Promise<unknown>;
}

function CloseButton({ label, title, description, reasonLabel, cancelLabel, onConfirm }: CloseButtonProps) {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  return (
    <>
      <Button onClick={() => setAsking(true)}>{label}</Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={title}
        description={description}
        confirmLabel={label}
        busyLabel="Ending…"
        cancelLabel={cancelLabel}
        tone="danger"
        onConfirm={async () => {
          await onConfirm(reason.trim());
          router.refresh();
        }}
      >
        <Field label={reasonLabel}>
          {(control) => (
            <Textarea {...control} value={reason} maxLength={CLOSE_REASON_MAX} onChange={(event) => setReason(event.target.value)} />
          )}
        </Field>
      </ConfirmDialog>
    </>
  );
}

/** For admins: ends an attempt that does not count. */
export function VoidButton({ attemptId }: { attemptId: string }) {
  return (
    <CloseButton
      label="Make void"
      title="Make this attempt void?"
      description="For a fault that was not the participant's. The attempt ends at once and does not count, its sandbox is taken down, and its recording is kept. This cannot be undone."
      reasonLabel="Reason, which the participant reads"
      cancelLabel="Cancel"
      onConfirm={async (reason) => {
        if (reason === '') throw new Error('Say why this attempt is made void.');
        await rpc.attempt.void.mutate({ attemptId, reason });
      }}
    />
  );
}

/** For its participant: leaves an attempt for good. */
export function WithdrawButton({ attemptId }: { attemptId: string }) {
  return (
    <CloseButton
      label="Withdraw"
      title="Withdraw from this attempt?"
      description="The attempt ends at once, without a result, and its sandbox is taken down. What was recorded so far is kept, and the staff can erase it if you ask them. This cannot be undone."
      reasonLabel="Reason, if you want to give one"
      cancelLabel="Stay"
      onConfirm={(reason) => rpc.attempt.withdraw.mutate({ attemptId, reason })}
    />
  );
}
