'use client';
import { CommandDialog, CommandGroup, CommandItem, Spinner } from '@plumbline/ui';
import { browserStorage } from '@plumbline/ui/browserStorage';
import { File } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { flushSync } from 'react-dom';
import type { OpenFiles } from '../model/openFiles.ts';
import { offered, RecentFiles, typedPlace } from '../model/quickOpen.ts';
import { useSession } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

const SHOWN = 50;

/** Ctrl-P: any file of the workspace by parts of its path, and the line behind it. What was open lately comes first. */
export function QuickOpen({ open, onOpenChange, files }: { open: boolean; onOpenChange: (open: boolean) => void; files: OpenFiles }) {
  const session = useSession();
  const [paths, setPaths] = useState<string[] | null>(null);
  const [truncated, setTruncated] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [typed, setTyped] = useState('');
  const { active } = useStore(files.store);
  const [recent] = useState(() => new RecentFiles(session.attemptId, browserStorage));
  useEffect(() => {
    if (active !== null) recent.add(active);
  }, [active, recent]);

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

  const { place } = typedPlace(typed);
  const found = useMemo(() => {
    if (!open) return { recent: [], others: [] };
    const { words, place: line } = typedPlace(typed);
    // A line alone is one of the file in front.
    if (words === '' && line && active !== null) return { recent: [active], others: [] };
    return offered(words, { paths, recent: recent.paths, active, most: SHOWN });
  }, [open, typed, paths, active, recent]);

  const groups = [
    { heading: 'Opened lately', listed: found.recent },
    { heading: truncated ? 'Files (there are more than are listed)' : 'Files', listed: found.others },
  ];

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
      {groups
        .filter(({ listed }) => listed.length > 0)
        .map(({ heading, listed }) => (
          <CommandGroup key={heading} heading={heading}>
            {listed.map((path) => (
              <CommandItem
                key={path}
                value={path}
                onSelect={() => {
                  // A file that is there at once takes the keyboard, which an open dialog would take back.
                  flushSync(() => onOpenChange(false));
                  void (place ? files.openAt(path, place) : files.open(path));
                }}
              >
                <File aria-hidden />
                <span className="truncate">{path.slice(path.lastIndexOf('/') + 1)}</span>
                <span className="min-w-0 flex-1 truncate text-xs text-muted">
                  {path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''}
                </span>
                {place ? <span className="text-xs text-muted tabular-nums">line {place.line}</span> : null}
              </CommandItem>
            ))}
          </CommandGroup>
        ))}
    </CommandDialog>
  );
}
