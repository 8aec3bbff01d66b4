'use client';
import type { SearchQuery, SearchResult } from '@plumbline/protocol';
import { Button, Input, ScrollBox, Spinner, Tooltip, toast } from '@plumbline/ui';
import { Replace } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { Place } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { patternOf, replaceAll, type SearchWords, shownBefore } from '../model/searchReplace.ts';
import { type SearchSwitch, switchOfKey } from '../model/searchSwitch.ts';
import type { Store } from '../model/store.ts';
import { ReadFailure } from './ReadFailure.tsx';
import { ReplaceDialog } from './ReplaceDialog.tsx';
import { SearchSwitchButton } from './SearchSwitchButton.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

const AFTER_TYPING_MS = 350;
const SEARCH_TIMEOUT_MS = 20_000;
const FIELD_OF = { case: 'caseSensitive', word: 'wholeWord', regex: 'regex' } as const satisfies Record<SearchSwitch, keyof SearchQuery>;

function filesWord(result: SearchResult | null): string {
  const count = result?.files.length ?? 0;
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}

/** Somebody asked for the search for the `turn`th time, and for these files alone where they are named. */
export interface SearchAsked {
  turn: number;
  include: string | null;
}

/** Ctrl-Shift-F: finds text in all files, and replaces it. A file that changed meanwhile is left as it is, and said to be. */
export function SearchPanel({
  files,
  words,
  asked,
  onOpen,
}: {
  files: OpenFiles | null;
  words: Store<SearchWords>;
  asked: SearchAsked;
  onOpen: (path: string, place: Place) => void;
}) {
  const session = useSession();
  const { connection } = useSessionState();
  const { query, replacement } = useStore(words);
  /** `of`: what was found is of an earlier query while somebody types. */
  const [result, setResult] = useState<(SearchResult & { of: SearchQuery }) | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  /** What of it is about to be replaced. */
  const [replacing, setReplacing] = useState<SearchResult['files'] | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const turn = useRef(0);
  const isOpen = connection.kind === 'open';

  useEffect(() => {
    const { include } = asked;
    if (include !== null) words.patch({ query: { ...words.get().query, include } });
    if (asked.turn > 0) field.current?.select();
  }, [asked, words]);

  useEffect(() => {
    turn.current += 1;
    const mine = turn.current;
    if (query.query === '' || !isOpen) {
      setResult(null);
      setError(null);
      setBusy(false);
      return undefined;
    }
    if (query.regex && !patternOf(query)) {
      setError('This pattern cannot be read.');
      setBusy(false);
      return undefined;
    }
    const timer = setTimeout(() => {
      setBusy(true);
      session.ask('file.search', query, SEARCH_TIMEOUT_MS).then(
        (found) => {
          if (turn.current !== mine) return;
          setResult({ ...found, of: query });
          setError(null);
          setBusy(false);
        },
        (caught: unknown) => {
          if (turn.current !== mine) return;
          setResult(null);
          setError(caught instanceof Error ? caught.message : 'The search did not work. Try again.');
          setBusy(false);
        },
      );
    }, AFTER_TYPING_MS);
    return () => clearTimeout(timer);
  }, [query, session, isOpen]);

  const change = (part: Partial<SearchQuery>) => words.patch({ query: { ...words.get().query, ...part } });

  const toggle = (which: SearchSwitch) => change({ [FIELD_OF[which]]: !query[FIELD_OF[which]] });
  const onKeyDown = (event: KeyboardEvent) => {
    const which = switchOfKey(event);
    if (which !== null) toggle(which);
  };

  const replaceIn = async (paths: string[], of: SearchQuery) => {
    if (!files) return;
    let count = 0;
    const left: string[] = [];
    for (const path of paths) {
      const done = await files.edit(path, (text) => replaceAll(text, of, replacement));
      if (done === null) left.push(path);
      else count += done;
    }
    toast(`Replaced ${count} in ${paths.length - left.length} ${paths.length - left.length === 1 ? 'file' : 'files'}`);
    if (left.length > 0) toast.error(`Not replaced, as they could not be saved: ${left.join(', ')}`);
    change({});
  };

  return (
    <section aria-label="Search" className="flex h-full flex-col" onFocus={() => session.panelFocused('search')} data-testid="search-panel">
      <search aria-label="What to find" className="block space-y-1 border-b border-border p-2" onKeyDown={onKeyDown}>
        <div className="flex items-center gap-1">
          <Input
            ref={field}
            aria-label="Search in files"
            placeholder="Search"
            className="h-7 min-w-0 flex-1"
            data-testid="search-query"
            value={query.query}
            onChange={(event) => change({ query: event.target.value })}
          />
          {(['case', 'word', 'regex'] as const).map((which) => (
            <SearchSwitchButton key={which} of={which} on={query[FIELD_OF[which]]} onChange={() => toggle(which)} />
          ))}
        </div>
        <div className="flex items-center gap-1">
          <Input
            aria-label="Replace with"
            placeholder="Replace"
            className="h-7 min-w-0 flex-1"
            data-testid="search-replacement"
            value={replacement}
            onChange={(event) => words.patch({ replacement: event.target.value })}
          />
          <Tooltip label="Replace all">
            <Button
              variant="ghost"
              size="icon-sm"
              aria-label="Replace all"
              disabled={!result || result.files.length === 0 || !files || !isOpen}
              onClick={() => setReplacing(result?.files ?? null)}
            >
              <Replace />
            </Button>
          </Tooltip>
        </div>
        <Input
          aria-label="Files to include"
          placeholder="Include, e.g. *.py, src/**"
          className="h-7"
          value={query.include}
          onChange={(event) => change({ include: event.target.value })}
        />
        <Input
          aria-label="Files to exclude"
          placeholder="Exclude, e.g. data"
          className="h-7"
          value={query.exclude}
          onChange={(event) => change({ exclude: event.target.value })}
        />
      </search>
      {error && !busy ? (
        <ReadFailure className="m-2" onRetry={() => change({})}>
          {error}
        </ReadFailure>
      ) : null}
      <div role="status" className="px-3 py-1 text-xs text-muted">
        {busy ? (
          <Spinner label="Searching" className="text-xs" />
        ) : error ? null : result?.matches === 0 ? (
          'Nothing matches.'
        ) : result ? (
          `${result.matches} in ${filesWord(result)}${result.truncated ? '; there may be more' : ''}`
        ) : (
          'Packages, caches and .git are left out.'
        )}
      </div>
      <ScrollBox className="min-h-0 flex-1 overflow-auto pb-2">
        {result?.files.map((file) => (
          <div key={file.path} data-testid="search-file" data-path={file.path}>
            <div className="group sticky top-0 flex items-center gap-1 bg-surface px-3 py-1 text-xs font-medium">
              <span className="min-w-0 flex-1 truncate" title={file.path}>
                {file.path}
              </span>
              <span className="text-muted tabular-nums">{file.matches.length}</span>
              <Button
                variant="ghost"
                size="icon-sm"
                aria-label={`Replace in ${file.path}`}
                disabled={!files || !isOpen}
                onClick={() => setReplacing([file])}
              >
                <Replace />
              </Button>
            </div>
            <ul>
              {file.matches.map((match) => (
                <li key={`${match.line}:${match.column}`}>
                  <button
                    type="button"
                    data-testid="search-match"
                    className="flex w-full gap-2 overflow-hidden px-3 py-0.5 text-left font-mono text-xs whitespace-pre hover:bg-hover"
                    onClick={() => onOpen(file.path, match)}
                  >
                    <span className="w-8 shrink-0 text-right text-muted tabular-nums">{match.line}</span>
                    <span className="truncate">
                      {shownBefore(match.text, match.from)}
                      <mark className="bg-warning-soft text-foreground">{match.text.slice(match.from, match.to)}</mark>
                      {match.text.slice(match.to)}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </ScrollBox>
      {replacing && result ? (
        <ReplaceDialog
          files={replacing}
          words={{ query: result.of, replacement }}
          isCutShort={result.truncated && replacing.length > 1}
          onReplace={(paths) => replaceIn(paths, result.of)}
          onClose={() => setReplacing(null)}
        />
      ) : null}
    </section>
  );
}
