'use client';
import { Alert, Button, EmptyState, formatDuration, Spinner, Tabs, TabsContent, TabsList, TabsTrigger, Textarea } from '@plumbline/ui';
import { NotebookPen } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Markdown } from './Markdown.tsx';
import { ScorePanel } from './ScorePanel.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

function Instructions() {
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
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
      <div className="h-full overflow-auto p-4" data-testid="instructions" tabIndex={0}>
        <Markdown text={markdown} />
      </div>
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

function Notes() {
  const session = useSession();
  const { notes, messages, connection } = useSessionState();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const add = async () => {
    if (text.trim() === '' || busy) return;
    setBusy(true);
    setError(null);
    try {
      await session.ask('note', { text: text.trim() });
      setText('');
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'The note was not saved. Try again.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3">
      {session.readOnly ? null : (
        <div className="space-y-2">
          <Textarea
            aria-label="New note"
            placeholder="What are you trying, and why? Notes are recorded with the time."
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void add();
            }}
            data-testid="note-text"
          />
          {error ? (
            <p role="alert" className="text-xs text-danger">
              {error}
            </p>
          ) : null}
          <Button
            size="sm"
            data-testid="note-add"
            disabled={connection.kind !== 'open' || text.trim() === ''}
            busy={busy && 'Adding'}
            onClick={() => void add()}
          >
            Add note
          </Button>
        </div>
      )}
      {messages.map((message) => (
        <Alert key={`${message.atMs}-${message.text}`} title={`Message from ${message.from}`}>
          <p className="whitespace-pre-wrap">{message.text}</p>
        </Alert>
      ))}
      {notes.length === 0 ? <EmptyState icon={<NotebookPen aria-hidden />} title="No notes yet" /> : null}
      <ol className="divide-y divide-border" aria-label="Notes">
        {[...notes].reverse().map((note) => (
          <li key={note.n} className="py-2 text-sm" data-testid="note">
            <span className="mr-2 text-xs text-muted tabular-nums">{formatDuration(note.elapsedMs)}</span>
            <span className="break-words whitespace-pre-wrap">{note.text}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What is beside the work: the task's text, scoring, and notes. */
export function SidePanel({ initial }: { initial: 'instructions' | 'score' }) {
  const session = useSession();
  const [tab, setTab] = useState<string>(initial);
  return (
    <Tabs
      value={tab}
      onValueChange={(next) => {
        setTab(next);
        session.panelFocused(next);
      }}
      className="flex h-full flex-col bg-surface"
    >
      <TabsList className="h-8 shrink-0 px-1" aria-label="Beside the work">
        <TabsTrigger value="instructions" data-testid="tab-instructions">
          Instructions
        </TabsTrigger>
        <TabsTrigger value="score" data-testid="tab-score">
          Score
        </TabsTrigger>
        <TabsTrigger value="notes" data-testid="tab-notes">
          Notes
        </TabsTrigger>
      </TabsList>
      <TabsContent value="instructions" className="min-h-0 flex-1">
        <Instructions />
      </TabsContent>
      <TabsContent value="score" className="min-h-0 flex-1">
        <ScorePanel />
      </TabsContent>
      <TabsContent value="notes" className="min-h-0 flex-1">
        <Notes />
      </TabsContent>
    </Tabs>
  );
}
