'use client';
import { SEAL_MINUTES_MAX, SEAL_REASON_MAX, SEAL_TOTAL_MINUTES_MAX } from '@plumbline/protocol';
import { Alert, Button, Dialog, DialogContent, DialogFooter, Field, Input, Select } from '@plumbline/ui';
import { useState } from 'react';
import { useSession } from './useAttemptSession.ts';

const CHOICES = [1, 2, 5, SEAL_MINUTES_MAX];

/** Withholds what was shown and typed in the last minutes: which, and why. */
export function SealDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const [minutes, setMinutes] = useState(2);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const seal = async () => {
    setBusy(true);
    setError(null);
    try {
      const { minutesLeft } = await session.ask('seal', { minutes, reason: reason.trim() });
      session.notice.emit({ tone: 'info', text: `Sealed. Minutes of this attempt that may still be sealed: ${minutesLeft}.` });
      onClose();
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'Nothing was sealed. Try again.');
      setBusy(false);
    }
  };

  return (
    <Dialog open onOpenChange={(next) => !next && !busy && onClose()}>
      <DialogContent title="Seal the last minutes" data-testid="seal-dialog">
        <div className="space-y-4 text-sm">
          <p>
            For what does not belong in a recording, such as a password on the screen, or one that you typed inside tmux or ssh. Output,
            input, texts and pastes of these minutes are withheld from the staff and from every dataset, for good. They see a gap with your
            reason. The clock goes on.
          </p>
          <Alert tone="warning">
            What a screen or a file still shows is recorded again from now on, and snapshots keep the files. Clear the screen and remove the
            text first. What has scrolled off a terminal’s screen is forgotten, unless the sandbox is away at this moment: it may be
            recorded again then.
          </Alert>
          <Field label="How far back">
            {(control) => (
              <Select {...control} value={minutes} onChange={(event) => setMinutes(Number(event.target.value))} data-testid="seal-minutes">
                {CHOICES.map((choice) => (
                  <option key={choice} value={choice}>
                    {choice === 1 ? '1 minute' : `${choice} minutes`}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Reason">
            {(control) => (
              <Input
                {...control}
                value={reason}
                maxLength={SEAL_REASON_MAX}
                onChange={(event) => setReason(event.target.value)}
                data-testid="seal-reason"
              />
            )}
          </Field>
          <p className="text-xs text-muted">An attempt may seal {SEAL_TOTAL_MINUTES_MAX} minutes in all.</p>
          {error ? <Alert tone="danger">{error}</Alert> : null}
        </div>
        <DialogFooter>
          <Button onClick={onClose} disabled={busy}>
            Seal nothing
          </Button>
          <Button
            variant="primary"
            data-testid="seal-confirm"
            disabled={reason.trim() === ''}
            busy={busy && 'Sealing'}
            onClick={() => void seal()}
          >
            Seal
          </Button>
        </DialogFooter>
      </DialogContent>
    </Dialog>
  );
}
