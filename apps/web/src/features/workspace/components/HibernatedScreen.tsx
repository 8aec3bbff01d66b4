'use client';
import { WAKE_LEAD_MS } from '@plumbline/core';
import { Alert, Button, formatDuration, Spinner, Time } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import { Moon, Play } from 'lucide-react';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { Centre } from './StateScreens.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

const ASK_TIMEOUT_MS = 15_000;
const POLL_MS = 3_000;

/** The machine was given back until a booked time: what is kept, when it comes back, and how to have it sooner. */
export function HibernatedScreen({ attemptId, wakesAtMs }: { attemptId: string; wakesAtMs: number }) {
  const session = useSession();
  const { connection, sandbox } = useSessionState();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  useTick(1000);
  const asleep = session.clock.serverNowMs() < wakesAtMs - WAKE_LEAD_MS;
  const isBack = !asleep && sandbox === 'attached';

  const ask = async (act: 'wake' | 'resume') => {
    setBusy(true);
    setError(null);
    try {
      await session.ask(act, {}, ASK_TIMEOUT_MS);
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That did not work. Try again.');
    } finally {
      setBusy(false);
    }
  };

  return (
    <Centre
      icon={<Moon aria-hidden />}
      title={asleep ? 'Put away' : isBack ? 'Your machine is back' : 'Your machine is on its way'}
      testId="hibernated-screen"
    >
      <p>
        The clock stands at{' '}
        <span className="font-semibold text-foreground tabular-nums">{formatDuration(session.clock.remainingMs())}</span> left. Your
        programs were ended and your files are kept.
      </p>
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
        <p>Shells start anew; your files are as they were. The clock goes on when you resume, or when the pause reaches its limit.</p>
      ) : null}
      {error ? <Alert tone="danger">{error}</Alert> : null}
      {asleep ? (
        <Button size="lg" data-testid="wake" disabled={connection.kind !== 'open'} busy={busy && 'Asking'} onClick={() => void ask('wake')}>
          Ask for my machine now
        </Button>
      ) : (
        <Button
          variant="primary"
          size="lg"
          data-testid="resume"
          disabled={connection.kind !== 'open' || !isBack}
          busy={busy && 'Resuming'}
          onClick={() => void ask('resume')}
        >
          <Play /> Resume the clock
        </Button>
      )}
      {connection.kind === 'open' ? null : (
        <p>
          <Spinner label="Waiting for the connection" />
        </p>
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
