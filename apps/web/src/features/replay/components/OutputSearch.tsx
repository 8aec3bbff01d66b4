'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, Button, EmptyState, formatDuration, Input, Spinner } from '@plumbline/ui';
import { Search } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { useStore } from '../../workspace/components/useStore.ts';
import { RecordingSearch, type SearchState } from '../model/recordingSearch.ts';
import type { ReviewSource } from '../model/replaySource.ts';

/** What a find leads to: a moment, and the text in a terminal then. */
export interface Found {
  terminal: number;
  atMs: number;
  text: string;
}

interface Row extends Found {
  line: string;
  from: string;
}

/** Finds text in what was run and in what terminals showed; each row leads to its moment. */
export function OutputSearch({ index, source, onFound }: { index: RecordingIndex; source: ReviewSource; onFound: (found: Found) => void }) {
  const [wanted, setWanted] = useState('');
  const [search] = useState(() => new RecordingSearch(source));
  const { text, hits, untilMs, busy, hasMore, error } = useStore(search.store);
  useEffect(() => () => search.stop(), [search]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted.trim() !== '') void search.start(wanted.trim());
  };
  const isDone = text !== null && !busy && !hasMore && error === null;
  const rows = text === null ? [] : rowsOf(index, text, hits, isDone ? Number.POSITIVE_INFINITY : untilMs);
  return (
    <div className="flex h-full flex-col">
      <search>
        <form onSubmit={submit} className="flex gap-2 border-b border-border p-2">
          <Input
            id="replay-search"
            aria-label="Search commands and output"
            placeholder="Search commands and output"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
            maxLength={200}
          />
          <Button type="submit" size="icon" aria-label="Search">
            <Search />
          </Button>
        </form>
      </search>
      <div className="min-h-0 flex-1 overflow-auto">
        <ol className="py-1" data-testid="replay-hits">
          {rows.map((row, at) => (
            <li key={`${row.atMs} ${at}`}>
              <button
                type="button"
                data-testid="replay-hit"
                onClick={() => onFound(row)}
                title={row.line}
                className="block w-full px-3 py-1 text-left hover:bg-hover"
              >
                <span className="flex gap-3 text-xs text-muted">
                  <span className="tabular-nums">{formatDuration(row.atMs - index.fromMs)}</span>
                  <span>{row.from}</span>
                </span>
                <span className="block truncate font-mono text-xs">{row.line}</span>
              </button>
            </li>
          ))}
        </ol>
        <div aria-live="polite" className="px-3 pb-3 text-xs text-muted" data-testid="replay-search-state">
          {busy ? (
            <Spinner label={untilMs === 0 ? 'Searching the recording' : `Searched up to ${formatDuration(untilMs - index.fromMs)}`} />
          ) : null}
          {error === null ? null : (
            <Alert tone="danger" actions={<Button onClick={() => void search.goOn()}>Go on</Button>}>
              {error}
            </Alert>
          )}
          {text === null ? 'Finds text in the commands that were run and in all that terminals showed. A match leads to its moment.' : null}
          {isDone && rows.length === 0 ? <EmptyState title={`Nothing has “${text}”`} /> : null}
          {isDone && rows.length > 0 ? `${rows.length === 1 ? '1 match' : `${rows.length} matches`} in the whole recording.` : null}
          {!busy && hasMore && error === null ? (
            <div className="flex items-center gap-3">
              <span className="flex-1">
                The first {rows.length} matches, up to {formatDuration(untilMs - index.fromMs)}. The recording goes on.
              </span>
              <Button size="sm" onClick={() => void search.goOn()} data-testid="replay-search-on">
                Find the next ones
              </Button>
            </div>
          ) : null}
        </div>
      </div>
    </div>
  );
}

function rowsOf(index: RecordingIndex, text: string, hits: SearchState['hits'], untilMs: number): Row[] {
  const commands = index.commands.filter((command) => command.atMs <= untilMs && command.text?.toLowerCase().includes(text.toLowerCase()));
  return [
    ...commands.map(({ atMs, terminal, text: line }) => ({
      atMs,
      terminal,
      text,
      line: line ?? '',
      from: `Command in terminal ${terminal}`,
    })),
    ...hits.map(({ atMs, terminal, line, onScreen }) => ({
      atMs,
      terminal,
      text,
      line,
      from: `Terminal ${terminal}${onScreen ? '' : ', scrolled out of sight at once'}`,
    })),
  ].sort((a, b) => a.atMs - b.atMs);
}
