'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, Button, EmptyState, formatDuration, Input, Spinner } from '@plumbline/ui';
import { Search } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { SearchAnswer } from '../model/recordingApi.ts';
import type { ReviewSource } from '../model/replaySource.ts';

type Answer =
  | { kind: 'none' }
  | { kind: 'busy' }
  | { kind: 'failed'; message: string }
  | { kind: 'found'; text: string; answer: SearchAnswer };

/** Finds text in what was run and in what terminals put out; each row leads to its moment. */
export function OutputSearch({ index, source, onSeek }: { index: RecordingIndex; source: ReviewSource; onSeek: (atMs: number) => void }) {
  const [text, setText] = useState('');
  const [state, setState] = useState<Answer>({ kind: 'none' });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim();
    if (wanted === '') return;
    setState({ kind: 'busy' });
    source.search(wanted).then(
      (answer) => setState({ kind: 'found', text: wanted, answer }),
      (error: unknown) => setState({ kind: 'failed', message: error instanceof Error ? error.message : 'The search failed.' }),
    );
  };
  const commands =
    state.kind === 'found' ? index.commands.filter((command) => command.text?.toLowerCase().includes(state.text.toLowerCase())) : [];
  const rows =
    state.kind === 'found'
      ? [
          ...commands.map(({ atMs, terminal, text: line }) => ({ atMs, terminal, line: line ?? '', isCommand: true })),
          ...state.answer.hits.map((hit) => ({ ...hit, isCommand: false })),
        ].sort((a, b) => a.atMs - b.atMs)
      : [];
  return (
    <div className="flex h-full flex-col">
      <search>
        <form onSubmit={submit} className="flex gap-2 border-b border-border p-2">
          <Input
            id="replay-search"
            aria-label="Search commands and output"
            placeholder="Search commands and output"
            value={text}
            onChange={(event) => setText(event.target.value)}
            maxLength={200}
          />
          <Button type="submit" size="icon" aria-label="Search">
            <Search />
          </Button>
        </form>
      </search>
      <div className="min-h-0 flex-1 overflow-auto" aria-live="polite">
        {state.kind === 'busy' ? <Spinner label="Searching the whole recording" className="p-3" /> : null}
        {state.kind === 'failed' ? (
          <Alert tone="danger" className="m-2">
            {state.message}
          </Alert>
        ) : null}
        {state.kind === 'found' && rows.length === 0 ? <EmptyState title={`Nothing has “${state.text}”`} /> : null}
        <ol className="py-1" data-testid="replay-hits">
          {rows.map((row, at) => (
            <li key={`${row.atMs} ${at}`}>
              <button
                type="button"
                data-testid="replay-hit"
                onClick={() => onSeek(row.atMs)}
                className="block w-full px-3 py-1 text-left hover:bg-hover"
              >
                <span className="flex gap-3 text-xs text-muted">
                  <span className="tabular-nums">{formatDuration(row.atMs - index.fromMs)}</span>
                  <span>{row.isCommand ? 'Command' : `Output of terminal ${row.terminal}`}</span>
                </span>
                <span className="block truncate font-mono text-xs">{row.line}</span>
              </button>
            </li>
          ))}
        </ol>
        {state.kind === 'found' && state.answer.truncated ? (
          <p className="p-3 text-xs text-muted">These are the first matches. Search for something longer to see others.</p>
        ) : null}
      </div>
    </div>
  );
}
