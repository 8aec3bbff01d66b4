'use client';
import { Button, Input } from '@plumbline/ui';
import { ChevronDown, ChevronUp, Search, X } from 'lucide-react';
import { type ComponentProps, useEffect, useRef, useState } from 'react';
import { switchOfKey } from '../model/searchSwitch.ts';
import { MATCHES_MAX, type TerminalMatches, type TerminalSearch } from '../model/terminalFinder.ts';
import type { TerminalView } from '../model/terminalView.ts';
import { SearchSwitchButton } from './SearchSwitchButton.tsx';

function wordsOf(text: string, isExpression: boolean, { at, count }: TerminalMatches): string {
  if (text === '') return '';
  if (!isExpression) return 'Not an expression';
  if (count === 0) return 'Nothing found';
  return count >= MATCHES_MAX ? `${MATCHES_MAX.toLocaleString()} or more` : `${at + 1} of ${count}`;
}

function Act({ label, ...button }: ComponentProps<typeof Button> & { label: string }) {
  return <Button variant="ghost" size="icon-sm" aria-label={label} title={label} {...button} />;
}

/** Finds text in a terminal's screen and the lines above it, from below: marks all that is found, and goes from one to the next. */
export function TerminalFind({
  view,
  search,
  onSearch,
}: {
  view: TerminalView;
  search: TerminalSearch;
  /** Null closes it. */
  onSearch: (search: TerminalSearch | null) => void;
}) {
  const [isExpression, setIsExpression] = useState(true);
  const [matches, setMatches] = useState(view.finder.found);
  const field = useRef<HTMLInputElement>(null);
  const isNew = useRef(search.text === '');
  useEffect(() => {
    // One that comes back takes the keyboard from nobody.
    if (isNew.current) field.current?.focus();
  }, []);
  useEffect(() => view.finder.matches.on(setMatches), [view]);

  const go = (wanted: TerminalSearch, to: 'next' | 'previous' | 'same') => {
    if (wanted.text === '') view.finder.clear();
    else setIsExpression(view.finder.find(wanted, to) !== null);
  };
  const change = (part: Partial<TerminalSearch>) => {
    const wanted = { ...search, ...part };
    onSearch(wanted);
    go(wanted, 'same');
  };
  const close = () => {
    view.finder.clear();
    onSearch(null);
    view.focus();
  };
  const { text, matchCase, regex } = search;
  const words = wordsOf(text, isExpression, matches);
  const isMissing = text !== '' && (!isExpression || matches.count === 0);
  return (
    <search
      className="absolute top-1 right-3 z-10 flex max-w-[calc(100%-1rem)] items-center gap-0.5 rounded-md border border-border bg-surface-raised p-1 shadow-raised"
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape') close();
        const which = switchOfKey(event);
        if (which === 'case') change({ matchCase: !matchCase });
        if (which === 'regex') change({ regex: !regex });
      }}
    >
      <Search aria-hidden className="mx-1 size-4 shrink-0 text-muted" />
      <Input
        ref={field}
        aria-label="Find in the terminal"
        aria-invalid={isMissing}
        className="h-6 w-44 min-w-16"
        value={text}
        onChange={(event) => change({ text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') go(search, event.shiftKey ? 'next' : 'previous');
        }}
      />
      <SearchSwitchButton of="case" on={matchCase} onChange={() => change({ matchCase: !matchCase })} />
      <SearchSwitchButton of="regex" on={regex} onChange={() => change({ regex: !regex })} />
      <span role="status" data-testid="terminal-matches" className="w-24 truncate px-1 text-xs text-muted tabular-nums">
        {words}
      </span>
      <Act label="The one above (Enter)" disabled={isMissing || text === ''} onClick={() => go(search, 'previous')}>
        <ChevronUp />
      </Act>
      <Act label="The one below (Shift-Enter)" disabled={isMissing || text === ''} onClick={() => go(search, 'next')}>
        <ChevronDown />
      </Act>
      <Act label="Close the search" onClick={close}>
        <X />
      </Act>
    </search>
  );
}
