'use client';
import { snapshotWords } from '@plumbline/recording/markerWords';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, cn, Dialog, DialogContent, EmptyState, formatDuration, ScrollBox, Select, Spinner } from '@plumbline/ui';
import { useEffect, useId, useState } from 'react';
import { type ComparedMoment, comparedMoment } from '../model/comparedMoments.ts';
import type { DiffAnswer } from '../model/recordingApi.ts';
import type { ReviewSource } from '../model/replaySource.ts';

/** Choices that are no snapshot; those are named by their commit. */
const NOW = 'now';
const MARKED = 'marked';

type Diff = { key: string; answer: DiffAnswer } | { key: string; error: string };

function toneOf(line: string): string {
  if (line.startsWith('diff ')) return 'mt-3 border-t border-border pt-2 font-semibold';
  if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('index ')) return 'text-muted';
  if (line.startsWith('@@')) return 'text-accent';
  if (line.startsWith('+')) return 'bg-success-soft';
  return line.startsWith('-') ? 'bg-danger-soft' : '';
}

const PATHS_NAMED = 8;

/** Which snapshot stands for a moment, and what the comparison does not have of it. */
function MomentWords({ index, moment }: { index: RecordingIndex; moment: ComparedMoment }) {
  const { atMs, snapshot, changedSince, untold } = moment;
  const at = formatDuration(atMs - index.fromMs);
  if (snapshot === null) return <li>No snapshot was taken up to {at}.</li>;
  if (snapshot.atMs === atMs) return null;
  const more = changedSince.length - PATHS_NAMED + untold;
  const named = changedSince.slice(0, PATHS_NAMED).join(', ');
  return (
    <li>
      For {at} stands the snapshot of {formatDuration(snapshot.atMs - index.fromMs)}
      {changedSince.length + untold === 0
        ? '; nothing is known to have changed between them.'
        : '. Changed between them, and not compared: '}
      {changedSince.length === 0 ? null : <span className="font-mono break-all">{named}</span>}
      {more > 0 ? `${changedSince.length === 0 ? '' : ' and '}${more.toLocaleString('en-GB')} more` : ''}
    </li>
  );
}

/** What changed in the workspace between two moments, each as the newest snapshot up to it has it. */
export function WorkspaceDiff({
  index,
  nowMs,
  markedMs,
  source,
  onClose,
}: {
  index: RecordingIndex;
  /** The position at which the comparison was asked for. */
  nowMs: number;
  /** A moment that was marked before; null for none. */
  markedMs: number | null;
  source: ReviewSource;
  onClose: () => void;
}) {
  const snapshots = index.snapshots.filter(({ whole }) => whole);
  const [chosen, setChosen] = useState({ from: markedMs === null ? (snapshots[0]?.commit ?? NOW) : MARKED, to: NOW });
  const [diff, setDiff] = useState<Diff | null>(null);
  const ids = { from: useId(), to: useId() };
  const momentOf = (choice: string) => {
    const atMs = choice === NOW ? nowMs : choice === MARKED ? markedMs : snapshots.find(({ commit }) => commit === choice)?.atMs;
    return comparedMoment(index, atMs ?? nowMs);
  };
  const moments = { from: momentOf(chosen.from), to: momentOf(chosen.to) };
  const from = moments.from.snapshot?.commit ?? null;
  const to = moments.to.snapshot?.commit ?? null;
  const key = `${from} ${to}`;
  useEffect(() => {
    if (from === null || to === null) return undefined;
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
                value={chosen[side]}
                onChange={(event) => setChosen((before) => ({ ...before, [side]: event.target.value }))}
              >
                <option value={NOW}>{`${formatDuration(nowMs - index.fromMs)} this moment`}</option>
                {markedMs === null ? null : (
                  <option value={MARKED}>{`${formatDuration(markedMs - index.fromMs)} the marked moment`}</option>
                )}
                {snapshots.map((snapshot) => (
                  <option key={snapshot.seq} value={snapshot.commit}>
                    {`${formatDuration(snapshot.atMs - index.fromMs)} ${snapshotWords(snapshot.cause)}`}
                  </option>
                ))}
              </Select>
            </label>
          ))}
        </div>
        <ul className="mb-3 space-y-1 text-xs text-muted empty:hidden" data-testid="replay-diff-moments">
          <MomentWords index={index} moment={moments.from} />
          <MomentWords index={index} moment={moments.to} />
        </ul>
        {shown === null && from !== null && to !== null ? <Spinner label="Comparing the snapshots" /> : null}
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
