'use client';
import { CommandDialog, CommandGroup, CommandItem, Spinner } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Place } from '../model/openFile.ts';
import type { NameUses as Uses } from '../model/pythonHelp.ts';

/** A name of the text, and the question where it is used. */
export interface NameAsked {
  word: string;
  find: () => Promise<Uses>;
}

/** Shift-F12: every place where a name is used, to go to one of them. */
export function NameUses({
  asked: { word, find },
  onClose,
  onOpen,
}: {
  asked: NameAsked;
  onClose: () => void;
  onOpen: (path: string, place: Place) => void;
}) {
  const [found, setFound] = useState<Uses | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    find().then(
      (uses) => !gone && setFound(uses),
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The uses could not be found. Try again.'),
    );
    return () => {
      gone = true;
    };
  }, [find]);

  const uses = found?.uses ?? [];
  const byFile = Map.groupBy(uses, ({ path }) => path);
  return (
    <CommandDialog
      open
      onOpenChange={(open) => !open && onClose()}
      label={`Where ${word} is used`}
      placeholder={`Where ${word} is used: parts of a path or of a line`}
    >
      {found === null && error === null ? <Spinner label="Looking for it" className="px-3 py-2" /> : null}
      {error ? <p className="px-3 py-2 text-xs text-danger">{error}</p> : null}
      {found?.truncated ? <p className="px-3 py-2 text-xs text-muted">There are more than these {uses.length} places.</p> : null}
      {[...byFile].map(([path, places]) => (
        <CommandGroup key={path} heading={`${path} (${places.length})`}>
          {places.map(({ line, column, length, text }) => (
            <CommandItem
              key={`${line}:${column}`}
              value={`${path}:${line}:${column} ${text}`}
              data-testid="name-use"
              onSelect={() => {
                // A file that is there at once takes the keyboard, which an open dialog would take back.
                flushSync(onClose);
                onOpen(path, { line, column, length });
              }}
            >
              <span className="w-10 shrink-0 text-right text-xs text-muted tabular-nums">{line}</span>
              <span className="truncate font-mono text-xs">{text}</span>
            </CommandItem>
          ))}
        </CommandGroup>
      ))}
    </CommandDialog>
  );
}
