'use client';
import type { SearchResult } from '@plumbline/protocol';
import { Checkbox, ConfirmDialog, ScrollBox } from '@plumbline/ui';
import { useId, useState } from 'react';
import { replacementOf, type SearchWords } from '../model/searchReplace.ts';

/** `3 places in 2 files`, say. */
function amountOf(files: SearchResult['files']): string {
  const places = files.reduce((sum, { matches }) => sum + matches.length, 0);
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  return `${count(places, 'place')} in ${count(files.length, 'file')}`;
}

/** What replacing would make of each place that was found, before anything is written; each file may be left out. */
export function ReplaceDialog({
  files,
  words,
  isCutShort,
  onReplace,
  onClose,
}: {
  files: SearchResult['files'];
  words: SearchWords;
  /** The search ended before it had seen everything. */
  isCutShort: boolean;
  onReplace: (paths: string[]) => Promise<void>;
  onClose: () => void;
}) {
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const id = useId();
  const chosen = files.filter(({ path }) => !leftOut.has(path));
  const choose = (path: string, isChosen: boolean) => {
    const next = new Set(leftOut);
    if (isChosen) next.delete(path);
    else next.add(path);
    setLeftOut(next);
  };
  return (
    <ConfirmDialog
      open
      onOpenChange={(next) => !next && onClose()}
      className="max-w-3xl"
      title={`Replace in ${amountOf(chosen)}?`}
      description={`${isCutShort ? 'The search ended before it had seen everything: files that are not listed stay as they are. ' : ''}Each file is read, changed and saved; what is open in the editor can be undone there.`}
      confirmLabel="Replace"
      busyLabel="Replacing"
      onConfirm={async () => {
        if (chosen.length === 0) throw new Error('Every file is left out. Choose those in which to replace.');
        await onReplace(chosen.map(({ path }) => path));
      }}
    >
      <ScrollBox
        className="max-h-[50dvh] overflow-auto rounded border border-border"
        role="group"
        aria-label="What would change"
        data-testid="replace-preview"
      >
        {files.map(({ path, matches }, at) => (
          <div key={path} data-testid="replace-file" data-path={path}>
            <div className="sticky top-0 flex items-center gap-2 bg-surface-raised px-3 py-1 text-xs font-medium">
              <Checkbox id={`${id}-${at}`} checked={!leftOut.has(path)} onChange={(event) => choose(path, event.target.checked)} />
              <label htmlFor={`${id}-${at}`} className="min-w-0 flex-1 truncate" title={path}>
                {path}
              </label>
              <span className="text-muted tabular-nums">{matches.length}</span>
            </div>
            {leftOut.has(path) ? null : (
              <ul className="pb-1">
                {matches.map((match) => (
                  <li key={`${match.line}:${match.column}`} className="flex gap-2 px-3 py-0.5 font-mono text-xs whitespace-pre">
                    <span className="w-8 shrink-0 text-right text-muted tabular-nums">{match.line}</span>
                    <span className="truncate">
                      {match.text.slice(0, match.from).trimStart()}
                      <del className="bg-danger-soft text-danger">{match.text.slice(match.from, match.to)}</del>
                      <ins className="bg-success-soft text-success no-underline">
                        {replacementOf(match, words.query, words.replacement)}
                      </ins>
                      {match.text.slice(match.to)}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </div>
        ))}
      </ScrollBox>
    </ConfirmDialog>
  );
}
