'use client';
import { ScrollBox, Spinner } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import { Markdown } from './Markdown.tsx';
import { ReadFailure } from './ReadFailure.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** The task's text. */
export function Instructions() {
  const session = useSession();
  const { connection } = useSessionState();
  const [markdown, setMarkdown] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const isOpen = connection.kind === 'open';
  useEffect(() => {
    if (!isOpen || markdown !== null) return undefined;
    let gone = false;
    setError(null);
    session.ask('instructions', {}).then(
      (answer) => !gone && setMarkdown(answer.markdown),
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The instructions could not be read.'),
    );
    return () => {
      gone = true;
    };
  }, [session, isOpen, markdown, tries]);
  if (markdown !== null) {
    return (
      <ScrollBox className="h-full overflow-auto p-4" data-testid="instructions">
        <Markdown text={markdown} />
      </ScrollBox>
    );
  }
  if (error)
    return (
      <ReadFailure className="m-3" onRetry={() => setTries(tries + 1)}>
        {error}
      </ReadFailure>
    );
  return <Spinner label="Reading the instructions" className="p-4" />;
}
