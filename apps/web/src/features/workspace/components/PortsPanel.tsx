'use client';
import { Button, EmptyState, Field, Input, Spinner } from '@plumbline/ui';
import { AppWindow, ExternalLink } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { openSandboxPage } from '../model/sandboxPages.ts';
import { ReadFailure } from './ReadFailure.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** Programs come and go; each look is a process of the sandbox. */
const LOOK_EVERY_MS = 5_000;
const PORT_MAX = 65_535;

/** What programs of the sandbox serve on its loopback, to be opened in tabs of their own. */
export function PortsPanel() {
  const session = useSession();
  const { connection, sandbox, clock } = useSessionState();
  const [ports, setPorts] = useState<{ port: number; command: string | null }[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const [wanted, setWanted] = useState('');
  const isOpen = connection.kind === 'open' && sandbox === 'attached' && clock?.state === 'running';

  useEffect(() => {
    if (!isOpen) return undefined;
    let gone = false;
    const look = () => {
      session.ask('port.list', {}).then(
        (answer) => {
          if (gone) return;
          setPorts(answer.ports);
          setError(null);
        },
        (caught: unknown) => !gone && setError(wordsOf(caught)),
      );
    };
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [session, isOpen, tries]);

  const open = useCallback(
    async (port: number) => {
      try {
        await openSandboxPage(session, { port, path: '/' });
        setError(null);
      } catch (caught) {
        setError(wordsOf(caught));
      }
    },
    [session],
  );
  const port = /^\d{1,5}$/.test(wanted) && Number(wanted) >= 1 && Number(wanted) <= PORT_MAX ? Number(wanted) : null;

  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3" data-testid="ports-panel">
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (port !== null) void open(port);
        }}
      >
        <Field label="Port of the sandbox" className="min-w-0 flex-1">
          {(control) => (
            <Input
              {...control}
              inputMode="numeric"
              placeholder="8888"
              value={wanted}
              onChange={(event) => setWanted(event.target.value.trim())}
              data-testid="port-number"
            />
          )}
        </Field>
        <Button type="submit" disabled={port === null || !isOpen} data-testid="port-open">
          Open
        </Button>
      </form>
      {error ? <ReadFailure onRetry={() => setTries(tries + 1)}>{error}</ReadFailure> : null}
      {ports === null && error === null ? <Spinner label="Looking at what is served in the sandbox" /> : null}
      {ports?.length === 0 ? (
        <EmptyState icon={<AppWindow aria-hidden />} title="Nothing is served in the sandbox">
          Start a program that serves pages, for example <code>tensorboard --logdir runs</code>, <code>jupyter lab --no-browser</code> or{' '}
          <code>python3 -m http.server</code>. It is listed here within seconds.
        </EmptyState>
      ) : null}
      {ports !== null && ports.length > 0 ? (
        <ul className="divide-y divide-border rounded-md border border-border" aria-label="Ports that are served">
          {ports.map(({ port: number, command }) => (
            <li key={number} className="flex items-center gap-3 px-3 py-2" data-testid="port" data-port={number}>
              <span className="font-mono text-sm tabular-nums">{number}</span>
              <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted" title={command ?? undefined}>
                {command ?? 'a program of the sandbox'}
              </span>
              <Button size="sm" variant="secondary" disabled={!isOpen} onClick={() => void open(number)} aria-label={`Open port ${number}`}>
                <ExternalLink aria-hidden />
                Open
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <p className="text-xs text-muted">
        A page opens in a tab of its own, for you alone, and closes with a pause. That you opened it is recorded; what you do there is not.
      </p>
    </div>
  );
}

function wordsOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : 'The page could not be opened. Try again.';
}
