'use client';
import { snapshotWords } from '@plumbline/recording/markerWords';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, cn, Dialog, DialogContent, EmptyState, formatDuration, ScrollBox, Select, Spinner } from '@plumbline/ui';
import { useEffect, useId, useState } from 'react';
import type { DiffAnswer } from '../model/recordingApi.ts';
import type { ReviewSource } from '../model/replaySource.ts';

type Diff = { key: string; answer: DiffAnswer } | { key: string; error: string };

function toneOf(line: string): string {
  if (line.startsWith('diff ')) return 'mt-3 border-t border-border pt-2 font-semibold';
  if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('index ')) return 'text-muted';
  if (line.startsWith('@@')) return 'text-accent';
  if (line.startsWith('+')) return 'bg-success-soft';
  return line.startsWith('-') ? 'bg-danger-soft' : '';
}

/** What changed in the workspace between two of its snapshots. */
export function WorkspaceDiff({
  index,
  to: initialTo,
  source,
  onClose,
}: {
  index: RecordingIndex;
  to: string;
  source: ReviewSource;
  onClose: () => void;
}) {
  const snapshots = index.snapshots.filter(({ whole }) => whole);
  const [from, setFrom] = useState(snapshots[0]?.commit ?? initialTo);
  const [to, setTo] = useState(initialTo);
  const [diff, setDiff] = useState<Diff | null>(null);
  const ids = { from: useId(), to: useId() };
  const key = `${from} ${to}`;
  useEffect(() => {
    let gone = false;
    source.diff(from, to).then(
      (answer) => !gone && setDiff({ key, answer }),
      (error: unknown) => !gone && setDiff({ key, error: error instanceof Error ? error.message : 'The snapshots could not be compared.' }),
    );
    return () => {
      gone = true;
    };
  }, [from, to, key, source]);
  const shown = diff?.key === key ? diff : null;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent title="What changed in the workspace" className="max-w-5xl" data-testid="replay-diff">
        <div className="mb-3 flex flex-wrap items-center gap-3 text-sm">
          {(['from', 'to'] as const).map((side) => (
            <label key={side} htmlFor={ids[side]} className="flex items-center gap-2">
              {side === 'from' ? 'From' : 'to'}
              <Select
                id={ids[side]}
                value={side === 'from' ? from : to}
                onChange={(event) => (side === 'from' ? setFrom : setTo)(event.target.value)}
              >
                {snapshots.map((snapshot) => (
                  <option key={snapshot.seq} value={snapshot.commit}>
                    {`${formatDuration(snapshot.atMs - index.fromMs)} ${snapshotWords(snapshot.cause)}`}
                  </option>
                ))}
              </Select>
            </label>
          ))}
        </div>
        {shown === null ? <Spinner label="Comparing the snapshots" /> : null}
        {shown !== null && 'error' in shown ? <Alert tone="danger">{shown.error}</Alert> : null}
        {shown !== null && 'answer' in shown && shown.answer.patch === '' ? <EmptyState title="Nothing changed between them" /> : null}
        {shown !== null && 'answer' in shown && shown.answer.patch !== '' ? (
          <ScrollBox
            role="region"
            aria-label="The changes"
            className="max-h-[60vh] overflow-auto rounded border border-border bg-surface p-2 font-mono text-xs"
          >
            {shown.answer.patch.split('\n').map((line, at) => (
              <div key={at} className={cn('whitespace-pre', toneOf(line))}>
                {line || ' '}
              </div>
            ))}
          </ScrollBox>
        ) : null}
        {shown !== null && 'answer' in shown && shown.answer.truncated ? (
          <p className="mt-2 text-xs text-muted">Only the first megabyte of the changes is shown.</p>
        ) : null}
      </DialogContent>
    </Dialog>
  );
}
