'use client';
import { Alert, Button } from '@plumbline/ui';
import type { ReactNode } from 'react';

/** What a panel could not read, and the way to read it again. */
export function ReadFailure({ children, className, onRetry }: { children: ReactNode; className?: string; onRetry: () => void }) {
  return (
    <Alert
      tone="warning"
      className={className}
      actions={
        <Button size="sm" data-testid="read-again" onClick={onRetry}>
          Try again
        </Button>
      }
    >
      {children}
    </Alert>
  );
}
