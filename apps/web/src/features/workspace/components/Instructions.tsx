'use client';
import { Alert, ScrollBox, Spinner } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import { Markdown } from './Markdown.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** The task's text. */
export function Instructions() {
  const session = useSession();
  const { connection } = useSessionState();
  const [markdown, setMarkdown] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const isOpen = connection.kind === 'open';
  useEffect(() => {
    if (!isOpen || markdown !== null) return undefined;
    let gone = false;
    session.ask('instructions', {}).then(
      (answer) => !gone && setMarkdown(answer.markdown),
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The instructions could not be read.'),
    );
    return () => {
      gone = true;
    };
  }, [session, isOpen, markdown]);
  if (markdown !== null) {
    return (
      <ScrollBox className="h-full overflow-auto p-4" data-testid="instructions">
        <Markdown text={markdown} />
      </ScrollBox>
    );
  }
  if (error)
    return (
      <Alert tone="warning" className="m-3">
        {error}
      </Alert>
    );
  return <Spinner label="Reading the instructions" className="p-4" />;
}
