'use client';
import type { RequestResult } from '@plumbline/protocol';
import { Button, cn, Spinner, Tooltip } from '@plumbline/ui';
import { ChevronRight, RefreshCw } from 'lucide-react';
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { ReadFailure } from './ReadFailure.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

type Answer = RequestResult<'file.changed'>;
type Change = Answer['files'][number]['change'];

const MARKS: Record<Change, { letter: string; word: string; tone: string }> = {
  created: { letter: 'A', word: 'added', tone: 'text-success' },
  modified: { letter: 'M', word: 'modified', tone: 'text-warning' },
  deleted: { letter: 'D', word: 'deleted', tone: 'text-danger' },
};

const WHEN = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** The files that differ from the start of the attempt: folded away until they are asked for. A click compares one with how it began. */
export function ChangedFiles({ onCompare }: { onCompare: (path: string) => void }) {
  const session = useSession();
  const { connection } = useSessionState();
  const body = useId();
  const [open, setOpen] = useState(false);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const asked = useRef(0);
  const away = connection.kind !== 'open';

  const read = useCallback(async () => {
    asked.current += 1;
    const turn = asked.current;
    setBusy(true);
    try {
      const changed = await session.ask('file.changed', {});
      if (turn !== asked.current) return;
      setAnswer(changed);
      setError(null);
    } catch (caught) {
      if (turn === asked.current) setError(caught instanceof Error ? caught.message : 'What changed could not be read.');
    } finally {
      if (turn === asked.current) setBusy(false);
    }
  }, [session]);

  useEffect(() => {
    if (open) void read();
  }, [open, read]);

  return (
    <section aria-label="Changed since the start" className="flex max-h-1/2 shrink-0 flex-col border-t border-border">
      <div className="flex h-7 shrink-0 items-center gap-1 px-1">
        <button
          type="button"
          aria-expanded={open}
          aria-controls={body}
          onClick={() => setOpen(!open)}
          data-testid="changed-toggle"
          className="flex h-full min-w-0 flex-1 items-center gap-1 text-left text-xs font-medium text-muted hover:text-text"
        >
          <ChevronRight className={cn('size-3.5 shrink-0', open && 'rotate-90')} aria-hidden />
          <span className="truncate">Changed since the start</span>
          {open && answer ? <span className="tabular-nums">{`${answer.files.length}${answer.truncated ? '+' : ''}`}</span> : null}
        </button>
        {open ? (
          <Tooltip label="Look again">
            <Button variant="ghost" size="icon-sm" aria-label="Look again for changes" disabled={away || busy} onClick={() => void read()}>
              <RefreshCw className={busy ? 'animate-spin' : undefined} />
            </Button>
          </Tooltip>
        ) : null}
      </div>
      <div id={body} hidden={!open} className="min-h-0 flex-1 overflow-auto pb-1" data-testid="changed-files">
        {answer === null && error === null ? <Spinner label="Looking for changes" className="px-3 py-1" /> : null}
        {error === null ? null : (
          <ReadFailure className="m-2" onRetry={() => void read()}>
            {error}
          </ReadFailure>
        )}
        {answer?.since === null ? <p className="px-3 text-xs text-muted">Nothing was kept of the start yet.</p> : null}
        {answer !== null && answer.since !== null && answer.files.length === 0 ? (
          <p className="px-3 text-xs text-muted">All files are as they were at the start.</p>
        ) : null}
        <ul>
          {answer?.files.map(({ path, change }) => {
            const { letter, word, tone } = MARKS[change];
            return (
              <li key={path}>
                <button
                  type="button"
                  disabled={change === 'deleted'}
                  onClick={() => onCompare(path)}
                  title={change === 'deleted' ? `${path} is no longer there` : `Compare ${path} with the start`}
                  className="flex w-full items-center gap-2 px-3 py-0.5 text-left text-xs enabled:hover:bg-hover disabled:text-muted disabled:line-through"
                >
                  <span className="min-w-0 flex-1 truncate">{path}</span>
                  <span aria-hidden className={cn('w-3 shrink-0 text-center font-mono no-underline', tone)}>
                    {letter}
                  </span>
                  <span className="sr-only">{word}</span>
                </button>
              </li>
            );
          })}
        </ul>
        {answer?.truncated ? <p className="px-3 pt-1 text-xs text-muted">Only the first {answer.files.length} are listed.</p> : null}
        {answer?.atMs ? (
          <p className="px-3 pt-1 text-xs text-muted">As of {WHEN.format(answer.atMs)}. Git’s own files and caches are left out.</p>
        ) : null}
      </div>
    </section>
  );
}
