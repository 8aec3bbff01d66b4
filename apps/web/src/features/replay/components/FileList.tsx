'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, Button, EmptyState, formatDuration, Spinner } from '@plumbline/ui';
import { Flag, FolderTree, GitCompare } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { snapshotAt } from '../model/places.ts';
import type { TreeAnswer } from '../model/recordingApi.ts';
import type { ReviewSource } from '../model/replaySource.ts';
import { filesAt, omittedChanges } from '../model/workspaceTree.ts';
import { FileTreeView } from './FileTreeView.tsx';
import { WorkspaceDiff } from './WorkspaceDiff.tsx';

type Tree = { commit: string; answer: TreeAnswer } | { commit: string; error: string };

/** The workspace's files at the position: of the newest snapshot, with what has changed since. */
export function FileList({
  index,
  positionMs,
  source,
  onSeek,
  markedMs,
  onMark,
}: {
  index: RecordingIndex;
  positionMs: number;
  source: ReviewSource;
  onSeek: (atMs: number) => void;
  /** The moment with which this one is to be compared; null for none. */
  markedMs: number | null;
  onMark: (atMs: number) => void;
}) {
  const snapshot = snapshotAt(index, positionMs);
  const commit = snapshot?.commit ?? null;
  const [tree, setTree] = useState<Tree | null>(null);
  const [comparingMs, setComparingMs] = useState<number | null>(null);
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
  // Another snapshot's files are not this moment's.
  const shown = tree?.commit === commit ? tree : null;
  const answer = shown !== null && 'answer' in shown ? shown.answer : null;
  const snapshotMs = snapshot?.atMs ?? 0;
  // The position moves with each frame; what is known changes with the changes alone.
  const told = index.files.findLastIndex(({ atMs }) => atMs <= positionMs);
  const toldMs = index.files[told]?.atMs ?? snapshotMs;
  const files = useMemo(
    () => (answer === null ? [] : filesAt(answer.files, index.files, snapshotMs, toldMs)),
    [answer, index.files, snapshotMs, toldMs],
  );
  if (snapshot === null) {
    return (
      <EmptyState icon={<FolderTree aria-hidden />} title="No snapshot up to here">
        The workspace’s files are known from its first snapshot on.
      </EmptyState>
    );
  }
  const omitted = omittedChanges(index, snapshotMs, positionMs);
  return (
    <div className="flex h-full flex-col">
      <div className="flex items-center gap-2 border-b border-border p-2 text-xs text-muted">
        <span className="flex-1">Snapshot of {formatDuration(snapshot.atMs - index.fromMs)}, and what changed since</span>
        <Button
          size="icon-sm"
          variant="ghost"
          aria-label="Mark this moment, to compare another with it"
          title={markedMs === null ? 'Mark this moment' : `Mark this moment; marked is ${formatDuration(markedMs - index.fromMs)}`}
          onClick={() => onMark(positionMs)}
          data-testid="replay-mark"
        >
          <Flag />
        </Button>
        <Button size="sm" onClick={() => setComparingMs(positionMs)} data-testid="replay-compare">
          <GitCompare /> Compare
        </Button>
      </div>
      {shown !== null && 'error' in shown ? (
        <Alert tone="danger" className="m-2">
          {shown.error}
        </Alert>
      ) : null}
      {shown === null ? <Spinner label="Reading the snapshot" className="p-3" /> : null}
      {answer === null ? null : <FileTreeView files={files} onSeek={onSeek} />}
      <ul className="space-y-1 px-3 py-1 text-xs text-muted empty:hidden">
        {answer?.truncated === true ? (
          <li>Only the first {answer.files.length.toLocaleString('en-GB')} files of the snapshot are listed.</li>
        ) : null}
        {omitted > 0 ? (
          <li>{omitted.toLocaleString('en-GB')} more changes since are not told one by one. The next snapshot has them.</li>
        ) : null}
        {snapshot.skipped > 0 ? (
          <li>
            Left out of the snapshot, as too large or not plain files: {snapshot.skipped.toLocaleString('en-GB')}
            {snapshot.skippedMore ? ' or more' : ''}.
          </li>
        ) : null}
      </ul>
      {comparingMs === null ? null : (
        <WorkspaceDiff index={index} nowMs={comparingMs} markedMs={markedMs} source={source} onClose={() => setComparingMs(null)} />
      )}
    </div>
  );
}
