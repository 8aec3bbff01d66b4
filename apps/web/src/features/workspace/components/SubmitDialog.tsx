'use client';
import { Checkbox, ConfirmDialog, formatDuration } from '@plumbline/ui';
import { useEffect, useId, useState } from 'react';
import { useSession } from './useAttemptSession.ts';

/** Asks before the attempt ends for good. `unsaved` are this tab's files; those of the other tabs are asked for. */
export function SubmitDialog({ open, onOpenChange, unsaved }: { open: boolean; onOpenChange: (open: boolean) => void; unsaved: string[] }) {
  const session = useSession();
  const id = useId();
  const [sure, setSure] = useState(false);
  const [elsewhere, setElsewhere] = useState<string[]>([]);
  useEffect(() => {
    if (!open) return;
    session.ask('document.unsaved', {}).then(
      ({ documents }) => setElsewhere(documents.map(({ path }) => path)),
      () => setElsewhere([]),
    );
  }, [open, session]);
  const notSaved = [...new Set([...unsaved, ...elsewhere])];
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(next) => {
        setSure(false);
        onOpenChange(next);
      }}
      title="Submit and end the attempt?"
      description={
        <div className="space-y-2">
          <p>
            The attempt ends now, with {formatDuration(session.clock.remainingMs())} left. Your programs are stopped, the workspace is kept
            as it is on disk, and the final state is scored. A score that runs now finishes and counts.
          </p>
          <p>You cannot go back to the workspace afterwards.</p>
        </div>
      }
      confirmLabel="Submit"
      busyLabel="Submitting"
      onConfirm={async () => {
        if (!sure) throw new Error('Tick the box first: submitting cannot be undone.');
        await session.ask('submit', { confirm: true });
      }}
    >
      {notSaved.length > 0 ? (
        <p role="alert" className="mb-3 rounded-md bg-warning-soft px-3 py-2 text-sm">
          Not saved yet, and so not part of the submission: {notSaved.join(', ')}
        </p>
      ) : null}
      <label htmlFor={id} className="flex items-start gap-2 text-sm">
        <Checkbox id={id} className="mt-0.5" checked={sure} onChange={(event) => setSure(event.target.checked)} data-testid="submit-sure" />
        I am done, and I know that this cannot be undone.
      </label>
    </ConfirmDialog>
  );
}
