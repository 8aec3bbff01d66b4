'use client';
import { Button, Card, CardHeader, cn } from '@plumbline/ui';
import { CircleCheck, CircleX, TriangleAlert } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { type CheckResult, checkBrowser, checkConnection, checkScreen } from '../model/systemCheck.ts';

const ICONS = { good: CircleCheck, warning: TriangleAlert, bad: CircleX };
const COLOURS = { good: 'text-success', warning: 'text-warning', bad: 'text-danger' };
const NAMES = ['Browser', 'Window', 'WebSocket', 'Latency'];

/** Runs by itself when the page opens: what it finds is better known before the clock runs. */
export function SystemCheck() {
  const [results, setResults] = useState<CheckResult[] | null>(null);

  const run = useCallback(async () => {
    setResults(null);
    const here = [checkBrowser(), checkScreen(window.innerWidth, window.innerHeight)];
    try {
      setResults([...here, ...(await checkConnection())]);
    } catch {
      setResults([
        ...here,
        { name: 'WebSocket', state: 'bad', detail: 'The platform did not answer. Check your connection, then run the check again.' },
      ]);
    }
  }, []);

  useEffect(() => {
    void run();
  }, [run]);

  return (
    <Card>
      <CardHeader
        title="System check"
        description="This browser, on this machine and network."
        actions={
          <Button size="sm" onClick={() => void run()} busy={results === null && 'Checking…'}>
            Check again
          </Button>
        }
      />
      <ul className="divide-y divide-border" aria-live="polite">
        {NAMES.map((name) => {
          const result = results?.find((found) => found.name === name);
          if (results !== null && !result) return null;
          const Icon = result ? ICONS[result.state] : null;
          return (
            <li key={name} className="flex items-start gap-3 px-4 py-2 text-sm">
              {Icon && result ? (
                <Icon role="img" aria-label={result.state} className={cn('mt-0.5 size-4 shrink-0', COLOURS[result.state])} />
              ) : (
                <span aria-hidden className="mt-0.5 size-4 shrink-0 animate-pulse rounded-full bg-surface-sunken" />
              )}
              <span className="w-20 shrink-0 font-medium">{name}</span>
              <span className="text-muted">{result?.detail ?? 'Checking…'}</span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
