'use client';
import { Alert, Button } from '@plumbline/ui';
import type { ReactNode } from 'react';

/** What a panel could not read, and the way to read it again: below the words, since a panel may be narrow. */
export function ReadFailure({ children, className, onRetry }: { children: ReactNode; className?: string; onRetry: () => void }) {
  return (
    <Alert tone="warning" className={className}>
      <p>{children}</p>
      <Button size="sm" className="mt-2" data-testid="read-again" onClick={onRetry}>
        Try again
      </Button>
    </Alert>
  );
}
