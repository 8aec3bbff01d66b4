'use client';
import type { PauseReason } from '@plumbline/core';
import type { RequestResult } from '@plumbline/protocol';
import {
  Alert,
  Button,
  Dialog,
  DialogContent,
  DialogFooter,
  Field,
  formatDuration,
  formatSpan,
  Input,
  Select,
  Spinner,
} from '@plumbline/ui';
import { useEffect, useState } from 'react';
import { bookedMs, bookingProblem, bookingProposal } from '../model/booking.ts';
import { ownPrograms } from '../model/ownPrograms.ts';
import { BookingField } from './BookingField.tsx';
import { LeftOutFiles } from './LeftOutFiles.tsx';
import { useAttemptProgress } from './useAttemptProgress.ts';
import { useSession, useSessionState } from './useAttemptSession.ts';

type Process = RequestResult<'sandbox.processes'>['processes'][number];

const REASONS: { value: PauseReason; label: string }[] = [
  { value: 'break', label: 'Break' },
  { value: 'hibernate', label: 'For longer: give the machine back, book a return' },
  { value: 'awaiting_staff', label: 'Waiting for staff: a problem blocks me' },
  { value: 'other', label: 'Something else' },
];
/** The runner freezes and answers within 5 s; the rest is the way there and back. */
const PAUSE_TIMEOUT_MS = 15_000;
/** A last snapshot of the workspace is taken and uploaded first. */
const HIBERNATE_TIMEOUT_MS = 90_000;

/** Asks for a pause: why, what it costs, what runs now and what freezing does to it. */
export function PauseDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const { clock, scores } = useSessionState();
  const [reason, setReason] = useState<PauseReason>('break');
  const [note, setNote] = useState('');
  const [processes, setProcesses] = useState<Process[] | null>(null);
  const [booked, setBooked] = useState(() => bookingProposal(session.clock.serverNowMs()));
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const scoring = scores.some((row) => row.status === 'running');
  const noneLeft =
    clock !== null && reason !== 'awaiting_staff' && (clock.pausesLeft <= 0 || (reason !== 'hibernate' && clock.pauseLeftMs <= 0));
  const hibernates = reason === 'hibernate';
  const progress = useAttemptProgress(session.attemptId, { enabled: hibernates });
  const bookingError = hibernates ? bookingProblem(booked, session.clock.serverNowMs()) : null;

  useEffect(() => {
    let gone = false;
    session.ask('sandbox.processes', {}).then(
      (answer) => !gone && setProcesses(ownPrograms(answer.processes)),
      () => !gone && setProcesses([]),
    );
    return () => {
      gone = true;
    };
  }, [session]);

  const pause = async () => {
    setBusy(true);
    setError(null);
    try {
      const noted = note.trim() ? { note: note.trim() } : {};
      const booking = hibernates ? { resumeAtMs: bookedMs(booked) } : {};
      await session.ask('pause', { reason, ...noted, ...booking }, hibernates ? HIBERNATE_TIMEOUT_MS : PAUSE_TIMEOUT_MS);
      onClose();
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'The pause was refused. The clock goes on.');
      setBusy(false);
    }
  };

  return (
    <Dialog open onOpenChange={(next) => !next && !busy && onClose()}>
      <DialogContent title="Pause the attempt" data-testid="pause-dialog">
        <div className="space-y-4 text-sm">
          <p>
            The clock stops, and so do all of your programs. Instructions, files and terminals are hidden until you resume.{' '}
            {clock ? (
              <>
                You have <strong className="font-semibold">{clock.pausesLeft}</strong> {clock.pausesLeft === 1 ? 'pause' : 'pauses'} and{' '}
                <strong className="font-semibold">{formatSpan(Math.floor(clock.pauseLeftMs / 60_000) * 60_000)}</strong> of pause left.
              </>
            ) : null}
          </p>
          <Field label="Reason">
            {(control) => (
              <Select
                {...control}
                value={reason}
                onChange={(event) => setReason(event.target.value as PauseReason)}
                data-testid="pause-reason"
              >
                {REASONS.map(({ value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Note (optional)">
            {(control) => <Input {...control} value={note} maxLength={1000} onChange={(event) => setNote(event.target.value)} />}
          </Field>
          <div>
            <h3 className="mb-1 text-xs font-medium">What runs now</h3>
            {processes === null ? (
              <Spinner label="Looking" />
            ) : processes.length === 0 ? (
              <p className="text-xs text-muted">Nothing of yours runs but the shells of your terminals.</p>
            ) : (
              <ul className="max-h-32 overflow-auto rounded-md bg-surface-sunken p-2 font-mono text-xs">
                {processes.map((process) => (
                  <li key={process.pid} className="flex gap-3">
                    <span className="min-w-0 flex-1 truncate">{process.command}</span>
                    <span className="text-muted tabular-nums">{formatDuration(process.cpuMs)} CPU</span>
                  </li>
                ))}
              </ul>
            )}
          </div>
          {hibernates ? <BookingField value={booked} onChange={setBooked} error={bookingError} /> : null}
          {hibernates ? <LeftOutFiles files={progress?.leftOut ?? []} canSplit /> : null}
          {hibernates ? null : (
            <p className="text-xs text-muted">
              Freezing stops programs where they are; they go on when you resume. GPU kernels already launched finish, GPU memory stays
              held, and network and NCCL time-outs go on, so a transfer or a distributed run may fail meanwhile. If something must not be
              interrupted, keep working with the clock on and pause later.
            </p>
          )}
          {scoring ? <Alert tone="warning">A score runs. Wait for it, or cancel it, before you pause.</Alert> : null}
          {noneLeft ? (
            <Alert tone="warning">No pause is left for this attempt. If a problem blocks you, choose “Waiting for staff”.</Alert>
          ) : null}
          {error ? <Alert tone="danger">{error}</Alert> : null}
        </div>
        <DialogFooter>
          <Button onClick={onClose} disabled={busy}>
            Keep working
          </Button>
          <Button
            variant="primary"
            data-testid="pause-confirm"
            disabled={scoring || noneLeft || bookingError !== null}
            busy={busy && (hibernates ? 'Putting the workspace away' : 'Freezing the sandbox')}
            onClick={() => void pause()}
          >
            {hibernates ? 'Give the machine back' : 'Pause'}
          </Button>
        </DialogFooter>
      </DialogContent>
    </Dialog>
  );
}
