'use client';
import type { NoteKind } from '@plumbline/protocol';
import { Badge, EmptyState, formatDuration, Select, SendForm, useKeptText } from '@plumbline/ui';
import { NotebookPen } from 'lucide-react';
import { EmptyWritings } from './EmptyWritings.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

const PLACEHOLDERS: Record<NoteKind, string> = {
  note: 'What are you trying, and why? Notes are recorded with the time.',
  ai_use: 'Which AI tool, what for, and what you took from it. Recorded with the time.',
};

/** The research log: notes with their time on the clock, and what was done with AI tools. */
export function Notes() {
  const session = useSession();
  const { notes, connection } = useSessionState();
  const [keptKind, setKind] = useKeptText(`plumbline.noteKind.${session.attemptId}`, 'note');
  const kind: NoteKind = keptKind === 'ai_use' ? 'ai_use' : 'note';
  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3">
      <SendForm
        label="New note"
        placeholder={PLACEHOLDERS[kind]}
        testId="note"
        keptAs={`plumbline.note.${session.attemptId}`}
        send="Add note"
        busy="Adding"
        failed="The note was not saved. Try again."
        disabled={connection.kind !== 'open'}
        onSend={async (text) => {
          await session.ask('note', { text, kind });
          setKind('note');
        }}
      >
        <Select
          aria-label="What the note is"
          className="h-7 w-auto text-xs"
          value={kind}
          onChange={(event) => setKind(event.target.value)}
          data-testid="note-kind"
        >
          <option value="note">Note</option>
          <option value="ai_use">Use of an AI tool</option>
        </Select>
      </SendForm>
      {notes.length === 0 ? (
        <EmptyWritings what="notes">
          <EmptyState icon={<NotebookPen aria-hidden />} title="No notes yet" />
        </EmptyWritings>
      ) : null}
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
