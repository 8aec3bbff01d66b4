'use client';
import type { StaffClockAct } from '@plumbline/core';
import { CLOCK_REASON_MAX } from '@plumbline/protocol/limits';
import { Button, ConfirmDialog, Field, Input, Select, Textarea } from '@plumbline/ui';
import { Timer } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

type Choice = 'pause' | 'resume' | 'give' | 'take' | 'stop';

const CHOICES: Record<Choice, { label: string; means: string; busy: string }> = {
  pause: {
    label: 'Pause',
    means: 'Everything in the sandbox is frozen, a score that runs is cancelled, and the clock stops until staff resume it.',
    busy: 'Freezing…',
  },
  resume: {
    label: 'Resume',
    means: 'The clock goes on at once, whether or not the participant is there: agree on it with them first.',
    busy: 'Resuming…',
  },
  give: {
    label: 'Give minutes',
    means: 'The participant has so much more time. After the end it corrects the figures alone.',
    busy: 'Giving…',
  },
  take: { label: 'Take minutes', means: 'The participant has so much less time. Where none is left the attempt ends.', busy: 'Taking…' },
  stop: {
    label: 'Stop',
    means: 'The attempt ends as it stands: it is captured and scored as after a submission. This cannot be undone.',
    busy: 'Stopping…',
  },
};

/** Minutes are the one act that has two directions. */
const CHOICES_OF: Record<StaffClockAct, Choice[]> = { pause: ['pause'], resume: ['resume'], adjust: ['give', 'take'], stop: ['stop'] };

function perform(choice: Choice, attemptId: string, reason: string, minutes: number): Promise<unknown> {
  switch (choice) {
    case 'pause':
    case 'resume':
    case 'stop':
      return rpc.clock[choice].mutate({ attemptId, reason });
    case 'give':
    case 'take':
      return rpc.clock.adjust.mutate({ attemptId, reason, minutes: choice === 'give' ? minutes : -minutes });
  }
}

/** For admins: what the clock of somebody else's attempt takes from them now, each with a reason that the participant reads. */
export function StaffClockButton({ attemptId, acts, size }: { attemptId: string; acts: StaffClockAct[]; size?: 'sm' }) {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  const [wanted, setWanted] = useState<Choice | null>(null);
  const [minutes, setMinutes] = useState('');
  const [reason, setReason] = useState('');
  const choices = acts.flatMap((act) => CHOICES_OF[act]);
  const [first] = choices;
  if (first === undefined) return null;
  // What was chosen may be past by now: lists are read again while the dialog is open.
  const choice = wanted !== null && choices.includes(wanted) ? wanted : first;
  const { label, means, busy } = CHOICES[choice];
  const isCorrection = choice === 'give' || choice === 'take';
  return (
    <>
      <Button {...(size === undefined ? {} : { size })} onClick={() => setAsking(true)} data-testid="staff-clock">
        <Timer /> Clock
      </Button>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title="Change the clock of this attempt"
        description={means}
        confirmLabel={label}
        busyLabel={busy}
        tone={choice === 'stop' || choice === 'take' ? 'danger' : 'primary'}
        onConfirm={async () => {
          const given = Number(minutes);
          if (isCorrection && !(Number.isInteger(given) && given > 0)) throw new Error('Say how many minutes, as a whole number.');
          if (reason.trim() === '') throw new Error('Say why: the participant reads it, and it stays with the clock.');
          await perform(choice, attemptId, reason.trim(), given);
          setWanted(null);
          setMinutes('');
          setReason('');
          router.refresh();
        }}
      >
        <div className="space-y-3">
          <Field label="What to do">
            {(control) => (
              <Select {...control} value={choice} onChange={(event) => setWanted(event.target.value as Choice)}>
                {choices.map((name) => (
                  <option key={name} value={name}>
                    {CHOICES[name].label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {isCorrection ? (
            <Field label="Minutes">
              {(control) => <Input {...control} inputMode="numeric" value={minutes} onChange={(event) => setMinutes(event.target.value)} />}
            </Field>
          ) : null}
          <Field label="Reason, which the participant reads">
            {(control) => (
              <Textarea {...control} value={reason} maxLength={CLOCK_REASON_MAX} onChange={(event) => setReason(event.target.value)} />
            )}
          </Field>
        </div>
      </ConfirmDialog>
    </>
  );
}
