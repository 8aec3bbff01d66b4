import { Alert, Button, formatDuration, Spinner } from '@plumbline/ui';
import { Play } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

/** What the screens of a pause and of a hibernation share: where the clock stands, and the one click that ends it. */

const ACT_TIMEOUT_MS = 15_000;

/** Asks for one act at a time, and says why one did not work. */
export function useClockAct() {
  const session = useSession();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const ask = async (act: 'wake' | 'resume') => {
    setBusy(true);
    setError(null);
    try {
      await session.ask(act, {}, ACT_TIMEOUT_MS);
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That did not work. Try again.');
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, ask };
}

export function ClockStands({ children }: { children: ReactNode }) {
  const session = useSession();
  useTick(1000);
  return (
    <p>
      The clock stands at <span className="font-semibold text-foreground tabular-nums">{formatDuration(session.clock.remainingMs())}</span>{' '}
      left. {children}
    </p>
  );
}

/** The error of the last act, the button, and a word where the connection is away. */
export function ClockAct({
  act,
  label,
  ready = true,
  of,
}: {
  act: 'wake' | 'resume';
  label: string;
  ready?: boolean;
  of: ReturnType<typeof useClockAct>;
}) {
  const { connection } = useSessionState();
  const isOpen = connection.kind === 'open';
  const resumes = act === 'resume';
  return (
    <>
      {of.error ? <Alert tone="danger">{of.error}</Alert> : null}
      <Button
        variant={resumes ? 'primary' : 'secondary'}
        size="lg"
        data-testid={act}
        disabled={!isOpen || !ready}
        busy={of.busy && (resumes ? 'Resuming' : 'Asking')}
        onClick={() => void of.ask(act)}
      >
        {resumes ? <Play /> : null} {label}
      </Button>
      {isOpen ? null : (
        <p>
          <Spinner label="Waiting for the connection" />
        </p>
      )}
    </>
  );
}
