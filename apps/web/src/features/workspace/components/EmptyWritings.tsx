'use client';
import { Spinner } from '@plumbline/ui';
import type { ReactNode } from 'react';
import { ReadFailure } from './ReadFailure.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** Above a list of notes or messages that is empty so far: whether it is being read, could not be, or has nothing in it. */
export function EmptyWritings({ what, children }: { what: string; children: ReactNode }) {
  const session = useSession();
  const { writings } = useSessionState();
  if (writings === 'read') return children;
  if (writings === 'reading') return <Spinner label={`Reading the ${what}`} />;
  return <ReadFailure onRetry={() => void session.writings.read()}>The {what} could not be read. What was written is kept.</ReadFailure>;
}
