'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, Button, cn, EmptyState, formatDuration, Spinner } from '@plumbline/ui';
import { FolderTree, GitCompare } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { snapshotAt } from '../model/places.ts';
import type { TreeAnswer } from '../model/recordingApi.ts';
import type { ReviewSource } from '../model/replaySource.ts';
import { WorkspaceDiff } from './WorkspaceDiff.tsx';

type Tree = { commit: string; answer: TreeAnswer } | { commit: string; error: string };

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

const OP_WORDS = { saved: 'saved', created: 'new', changed: 'changed', deleted: 'deleted', renamed: 'renamed' } as const;

/** The workspace's files at the position: of the newest snapshot, with what has changed since. */
export function FileList({
  index,
  positionMs,
  source,
  onSeek,
}: {
  index: RecordingIndex;
  positionMs: number;
  source: ReviewSource;
  onSeek: (atMs: number) => void;
}) {
  const snapshot = snapshotAt(index, positionMs);
  const commit = snapshot?.commit ?? null;
  const [tree, setTree] = useState<Tree | null>(null);
  const [comparing, setComparing] = useState(false);
  useEffect(() => {
    if (commit === null) return undefined;
    let gone = false;
    source.tree(commit).then(
      (answer) => !gone && setTree({ commit, answer }),
      (error: unknown) => !gone && setTree({ commit, error: error instanceof Error ? error.message : 'The files could not be read.' }),
    );
    return () => {
      gone = true;
    };
  }, [commit, source]);
  const changes = useMemo(() => {
    const since = new Map<string, RecordingIndex['files'][number]>();
    for (const file of index.files) if (file.atMs > (snapshot?.atMs ?? 0) && file.atMs <= positionMs) since.set(file.to ?? file.path, file);
    return since;
  }, [index.files, snapshot, positionMs]);
  if (snapshot === null) {
    return (
      <EmptyState icon={<FolderTree aria-hidden />} title="No snapshot up to here">
        The workspace’s files are known from its first snapshot on.
      </EmptyState>
    );
  }
  const files = tree !== null && 'answer' in tree ? tree.answer.files : [];
  const known = new Set(files.map(({ path }) => path));
  const rows = [
    ...files.map(({ path, size }) => ({ path, size: changes.get(path)?.size ?? size, change: changes.get(path) ?? null })),
    ...[...changes].filter(([path]) => !known.has(path)).map(([path, change]) => ({ path, size: change.size ?? 0, change })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  return (
    <div className="flex h-full flex-col">
      <div className="flex items-center gap-2 border-b border-border p-2 text-xs text-muted">
        <span className="flex-1">Snapshot of {formatDuration(snapshot.atMs - index.fromMs)}, and what changed since</span>
        <Button size="sm" onClick={() => setComparing(true)} data-testid="replay-compare">
          <GitCompare /> Compare
        </Button>
      </div>
      {tree !== null && 'error' in tree ? (
        <Alert tone="danger" className="m-2">
          {tree.error}
        </Alert>
      ) : null}
      {tree === null ? <Spinner label="Reading the snapshot" className="p-3" /> : null}
      <ul className="min-h-0 flex-1 overflow-auto py-1" data-testid="replay-files">
        {rows.slice(0, 2_000).map(({ path, size, change }) => (
          <li key={path} className="flex items-baseline gap-2 px-3 py-0.5 text-xs">
            <span className={cn('min-w-0 flex-1 truncate font-mono', change?.op === 'deleted' && 'line-through')} title={path}>
              {path}
            </span>
            {change ? (
              <button type="button" className="text-accent" onClick={() => onSeek(change.atMs)}>
                {OP_WORDS[change.op]}
              </button>
            ) : null}
            <span className="text-muted tabular-nums">{sizeText(size)}</span>
          </li>
        ))}
      </ul>
      {rows.length > 2_000 ? <p className="p-2 text-xs text-muted">{rows.length - 2_000} more are not listed.</p> : null}
      {comparing ? <WorkspaceDiff index={index} to={snapshot.commit} source={source} onClose={() => setComparing(false)} /> : null}
    </div>
  );
}
