'use client';
import type { NoteKind } from '@plumbline/protocol';
import { Badge, Button, EmptyState, formatDuration, Select, Textarea } from '@plumbline/ui';
import { NotebookPen } from 'lucide-react';
import { useState } from 'react';
import { useSession, useSessionState } from './useAttemptSession.ts';

const PLACEHOLDERS: Record<NoteKind, string> = {
  note: 'What are you trying, and why? Notes are recorded with the time.',
  ai_use: 'Which AI tool, what for, and what you took from it. Recorded with the time.',
};

/** The research log: notes with their time on the clock, and what was done with AI tools. */
export function Notes() {
  const session = useSession();
  const { notes, connection } = useSessionState();
  const [text, setText] = useState('');
  const [kind, setKind] = useState<NoteKind>('note');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const add = async () => {
    if (text.trim() === '' || busy) return;
    setBusy(true);
    setError(null);
    try {
      await session.ask('note', { text: text.trim(), kind });
      setText('');
      setKind('note');
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'The note was not saved. Try again.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3">
      <div className="space-y-2">
        <Textarea
          aria-label="New note"
          placeholder={PLACEHOLDERS[kind]}
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
        <div className="flex gap-2">
          <Select
            aria-label="What the note is"
            className="h-7 w-auto text-xs"
            value={kind}
            onChange={(event) => setKind(event.target.value === 'ai_use' ? 'ai_use' : 'note')}
            data-testid="note-kind"
          >
            <option value="note">Note</option>
            <option value="ai_use">Use of an AI tool</option>
          </Select>
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
      </div>
      {notes.length === 0 ? <EmptyState icon={<NotebookPen aria-hidden />} title="No notes yet" /> : null}
      <ol className="divide-y divide-border" aria-label="Notes">
        {[...notes].reverse().map((note) => (
          <li key={note.n} className="py-2 text-sm" data-testid="note" data-kind={note.kind}>
            <span className="mr-2 text-xs text-muted tabular-nums">{formatDuration(note.elapsedMs)}</span>
            {note.kind === 'ai_use' ? <Badge className="mr-2">AI use</Badge> : null}
            <span className="break-words whitespace-pre-wrap">{note.text}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
