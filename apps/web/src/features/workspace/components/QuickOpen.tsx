'use client';
import { CommandDialog, CommandGroup, CommandItem, Spinner } from '@plumbline/ui';
import { File } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { flushSync } from 'react-dom';
import { fuzzyFind } from '../model/fuzzyFind.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { useSession } from './useAttemptSession.ts';

const SHOWN = 50;

/** Ctrl-P: any file of the workspace by parts of its path. What is open comes first while nothing is typed. */
export function QuickOpen({ open, onOpenChange, files }: { open: boolean; onOpenChange: (open: boolean) => void; files: OpenFiles }) {
  const session = useSession();
  const [paths, setPaths] = useState<string[] | null>(null);
  const [truncated, setTruncated] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [typed, setTyped] = useState('');

  useEffect(() => {
    if (!open) return undefined;
    let gone = false;
    setTyped('');
    session.ask('file.paths', {}).then(
      (answer) => {
        if (gone) return;
        setPaths(answer.paths);
        setTruncated(answer.truncated);
        setError(null);
      },
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The files could not be listed.'),
    );
    return () => {
      gone = true;
    };
  }, [open, session]);

  const found = useMemo(() => {
    const opened = files.store.get().files.map((file) => file.path);
    if (typed === '') return [...new Set([...opened, ...(paths ?? [])])].slice(0, SHOWN);
    return fuzzyFind(typed, paths ?? opened, SHOWN);
  }, [typed, paths, files]);

  return (
    <CommandDialog
      open={open}
      onOpenChange={onOpenChange}
      label="Open a file"
      placeholder="Parts of a file’s path"
      shouldFilter={false}
      onInput={(event) => event.target instanceof HTMLInputElement && setTyped(event.target.value)}
    >
      {paths === null && error === null ? <Spinner label="Listing files" className="px-3 py-2" /> : null}
      {error ? <p className="px-3 py-2 text-xs text-danger">{error}</p> : null}
      <CommandGroup heading={truncated ? 'Files (there are more than are listed)' : 'Files'}>
        {found.map((path) => (
          <CommandItem
            key={path}
            value={path}
            onSelect={() => {
              // A file that is there at once takes the keyboard, which an open dialog would take back.
              flushSync(() => onOpenChange(false));
              void files.open(path);
            }}
          >
            <File aria-hidden />
            <span className="truncate">{path.slice(path.lastIndexOf('/') + 1)}</span>
            <span className="min-w-0 flex-1 truncate text-xs text-muted">
              {path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''}
            </span>
          </CommandItem>
        ))}
      </CommandGroup>
    </CommandDialog>
  );
}
