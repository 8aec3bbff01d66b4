'use client';
import type { RequestResult } from '@plumbline/protocol';
import { Button, formatTime, Select, Spinner, useZone } from '@plumbline/ui';
import { X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { createComparison, EDITOR_OPTIONS, keepName, languageOf, type MonacoApi, type TextModel } from '../model/monaco.ts';
import { useSession } from './useAttemptSession.ts';

type Snapshot = RequestResult<'file.history'>['snapshots'][number];

const CAUSES: Record<string, string> = {
  start: 'Start',
  save: 'After a save',
  score: 'At a score',
  periodic: 'By itself',
  pause: 'At a pause',
  end: 'End',
};

/** The file as it is in the editor beside what it was at the start, or in any snapshot in which it changed. */
export function CompareView({ monaco, path, model, onClose }: { monaco: MonacoApi; path: string; model: TextModel; onClose: () => void }) {
  const session = useSession();
  const zone = useZone();
  const chooser = useId();
  const host = useRef<HTMLDivElement>(null);
  const [snapshots, setSnapshots] = useState<Snapshot[] | null>(null);
  const [commit, setCommit] = useState<string | null>(null);
  const [before, setBefore] = useState<{ text: string; note: string | null } | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    let gone = false;
    session.ask('file.history', { path }).then(
      (answer) => {
        if (gone) return;
        setSnapshots(answer.snapshots);
        setCommit(answer.snapshots.at(-1)?.commit ?? null);
        if (answer.snapshots.length === 0) setBefore({ text: '', note: 'No snapshot holds this file yet.' });
      },
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The snapshots could not be listed.'),
    );
    return () => {
      gone = true;
    };
  }, [session, path]);

  useEffect(() => {
    if (commit === null) return undefined;
    let gone = false;
    session.ask('file.textAt', { path, commit }).then(
      ({ text, missing }) => {
        if (gone) return;
        setBefore({ text: text ?? '', note: missing ? 'The file was not there.' : text === null ? 'The file was binary.' : null });
        setError(null);
      },
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The snapshot could not be read.'),
    );
    return () => {
      gone = true;
    };
  }, [session, path, commit]);

  useEffect(() => {
    if (!host.current || before === null) return undefined;
    const original = monaco.editor.createModel(before.text, languageOf(monaco, path));
    const editor = createComparison(monaco, host.current, {
      ...EDITOR_OPTIONS,
      readOnly: true,
      originalEditable: false,
      renderSideBySide: true,
      useInlineViewWhenSpaceIsLimited: true,
      hideUnchangedRegions: { enabled: true },
    });
    keepName(monaco, editor.getOriginalEditor(), 'The file as it was');
    keepName(monaco, editor.getModifiedEditor(), 'The file as it is');
    editor.setModel({ original, modified: model });
    return () => {
      // A comparison that ends with its texts in it is kept by what it listens to, with all that it drew (monaco-editor 0.57).
      editor.setModel(null);
      editor.dispose();
      original.dispose();
    };
  }, [monaco, before, model, path]);

  return (
    <section aria-label={`Changes of ${path}`} className="flex h-full flex-col bg-surface" data-testid="compare">
      <div className="flex h-8 shrink-0 items-center gap-2 border-b border-border px-2 text-xs">
        <label className="flex min-w-0 items-center gap-2" htmlFor={chooser}>
          <span className="whitespace-nowrap text-muted">Compare with</span>
          <Select
            id={chooser}
            className="h-6 text-xs"
            value={commit ?? ''}
            disabled={!snapshots || snapshots.length === 0}
            onChange={(event) => setCommit(event.target.value)}
          >
            {snapshots?.length === 0 ? <option value="">no snapshot</option> : null}
            {snapshots?.map((snapshot) => (
              <option key={snapshot.commit} value={snapshot.commit}>
                {CAUSES[snapshot.cause] ?? snapshot.cause}, {formatTime(new Date(snapshot.atMs), zone, { seconds: true })}
              </option>
            ))}
          </Select>
        </label>
        <span className="min-w-0 flex-1 truncate text-muted">{before?.note}</span>
        <Button variant="ghost" size="icon-sm" aria-label="Close the comparison" onClick={onClose}>
          <X />
        </Button>
      </div>
      {error ? <p className="px-3 py-2 text-xs text-danger">{error}</p> : null}
      <div className="relative min-h-0 flex-1">
        <div ref={host} className="absolute inset-0" data-testid="compare-editor" />
        {before === null && !error ? <Spinner label="Reading the snapshot" className="p-4" /> : null}
      </div>
    </section>
  );
}
