'use client';
import { WAKE_LEAD_MS } from '@plumbline/core';
import { Spinner, Time } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import { Moon } from 'lucide-react';
import { rpc } from '@/features/rpc/client.ts';
import { ClockAct, ClockStands, useClockAct } from './PausedClock.tsx';
import { Centre } from './StateScreens.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

const POLL_MS = 3_000;

/** The machine was given back until a booked time: what is kept, when it comes back, and how to have it sooner. */
export function HibernatedScreen({ attemptId, wakesAtMs }: { attemptId: string; wakesAtMs: number }) {
  const session = useSession();
  const { sandbox } = useSessionState();
  const act = useClockAct();
  useTick(1000);
  const asleep = session.clock.serverNowMs() < wakesAtMs - WAKE_LEAD_MS;
  const isBack = !asleep && sandbox === 'attached';

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
      {!asleep && !isBack ? <MachineWait attemptId={attemptId} /> : null}
      {isBack ? (
        <p>Shells start anew, and your files are there again. The clock goes on when you resume, or when the pause reaches its limit.</p>
      ) : null}
      {asleep ? (
        <ClockAct act="wake" label="Ask for my machine now" of={act} />
      ) : (
        <ClockAct act="resume" label="Resume the clock" ready={isBack} of={act} />
      )}
    </Centre>
  );
}

/** What the queue says while no machine is there. */
function MachineWait({ attemptId }: { attemptId: string }) {
  const { data } = useQuery({
    queryKey: ['attempt.progress', attemptId],
    queryFn: () => rpc.attempt.progress.query({ attemptId }),
    refetchInterval: POLL_MS,
  });
  return (
    <>
      <p>
        <Spinner label={data?.queue?.waitReason ?? 'Starting your sandbox on a machine'} />
      </p>
      <p>The clock does not run while you wait, and it does not start by itself as long as there is no machine.</p>
    </>
  );
}
