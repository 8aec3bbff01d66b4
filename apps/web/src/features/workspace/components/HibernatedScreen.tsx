'use client';
import { WAKE_LEAD_MS } from '@plumbline/core';
import { Button, ConfirmDialog, Spinner, Time } from '@plumbline/ui';
import { useQueryClient } from '@tanstack/react-query';
import { Moon } from 'lucide-react';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { LeftOutFiles } from './LeftOutFiles.tsx';
import { ClockAct, ClockStands, useClockAct } from './PausedClock.tsx';
import { Centre, MessagesInAPause } from './StateScreens.tsx';
import { useAttemptProgress } from './useAttemptProgress.ts';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

/** The machine was given back until a booked time: what is kept, when it comes back, and how to have it sooner. */
export function HibernatedScreen({ attemptId, wakesAtMs }: { attemptId: string; wakesAtMs: number }) {
  const session = useSession();
  const { sandbox } = useSessionState();
  const act = useClockAct();
  useTick(1000);
  const asleep = session.clock.serverNowMs() < wakesAtMs - WAKE_LEAD_MS;
  const isBack = !asleep && sandbox === 'attached';
  const progress = useAttemptProgress(attemptId, { follows: !asleep && !isBack });

  return (
    <Centre
      icon={<Moon aria-hidden />}
      title={asleep ? 'Put away' : isBack ? 'Your machine is back' : 'Your machine is on its way'}
      testId="hibernated-screen"
    >
      <ClockStands>Your programs were ended and your files are kept.</ClockStands>
      {asleep ? (
        <p>
          The machine was given back. It is booked for{' '}
          <strong className="font-semibold text-foreground">
            <Time at={wakesAtMs} />
          </strong>
          , and is looked for shortly before. Pause time is used from then on, or from when you ask for it if that is sooner.
        </p>
      ) : null}
      {!asleep && !isBack ? <MachineWait reason={progress?.queue?.waitReason} /> : null}
      {isBack ? (
        <p>Shells start anew, and your files are there again. The clock goes on when you resume, or when the pause reaches its limit.</p>
      ) : null}
      {isBack ? null : <LeftOutFiles files={progress?.leftOut ?? []} />}
      {!asleep && !isBack && progress?.queue?.elsewhere === 'offered' ? <ElsewhereButton attemptId={attemptId} /> : null}
      {asleep ? (
        <ClockAct act="wake" label="Ask for my machine now" of={act} />
      ) : (
        <ClockAct act="resume" label="Resume the clock" ready={isBack} of={act} />
      )}
      <MessagesInAPause />
    </Centre>
  );
}

/** The way out of waiting for the one machine that has all of the files. */
function ElsewhereButton({ attemptId }: { attemptId: string }) {
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  return (
    <>
      <Button onClick={() => setAsked(true)}>Go on elsewhere without these files</Button>
      <ConfirmDialog
        open={asked}
        onOpenChange={setAsked}
        title="Go on without these files?"
        description="You get whichever machine is free first. On another one than your last you have the last copy of your workspace, and make again what is not in it. This cannot be called off."
        confirmLabel="Go on elsewhere"
        busyLabel="Asking"
        cancelLabel="Keep waiting"
        tone="danger"
        onConfirm={async () => {
          await rpc.attempt.goElsewhere
            .mutate({ attemptId })
            .finally(() => queries.invalidateQueries({ queryKey: ['attempt.progress', attemptId] }));
        }}
      />
    </>
  );
}

/** What the queue says while no machine is there. */
function MachineWait({ reason }: { reason: string | null | undefined }) {
  return (
    <>
      <p>
        <Spinner label={reason ?? 'Starting your sandbox on a machine'} />
      </p>
      <p>The clock does not run while you wait, and it does not start by itself as long as there is no machine.</p>
    </>
  );
}
