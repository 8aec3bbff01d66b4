'use client';
import type { ActivityKind, RecordingIndex } from '@plumbline/recording/recordingIndex';
import { cn, EmptyState, formatDuration, Select } from '@plumbline/ui';
import { Activity } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';

/** A long attempt has thousands; those around the position are what is looked at. */
const SHOWN = 400;

const KIND_WORDS: Record<ActivityKind, string> = {
  paste: 'Pastes',
  copy: 'Copies',
  transfer: 'Files in and out',
  port: 'Ports',
  network: 'Network',
  model: 'Calls of models',
  tool: 'Calls of an agent’s tools',
  focus: 'Where they looked',
};

const KINDS = Object.keys(KIND_WORDS) as ActivityKind[];

/** What was done beside typing; each row leads to its moment. */
export function ActivityList({ index, positionMs, onSeek }: { index: RecordingIndex; positionMs: number; onSeek: (atMs: number) => void }) {
  const [wanted, setWanted] = useState<ActivityKind | 'all'>('all');
  const { activityRows, activityOmitted } = index;
  const found = useMemo(() => activityRows.filter(({ kind }) => wanted === 'all' || kind === wanted), [activityRows, wanted]);
  const there = useMemo(() => new Set(activityRows.map(({ kind }) => kind)), [activityRows]);
  const omitted = KINDS.reduce((sum, kind) => sum + (wanted === 'all' || kind === wanted ? (activityOmitted[kind] ?? 0) : 0), 0);
  const current = found.findLastIndex(({ atMs }) => atMs <= positionMs);
  const from = Math.max(0, Math.min(current - SHOWN / 2, found.length - SHOWN));
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.children[current - from]?.scrollIntoView({ block: 'nearest' });
  }, [current, from]);
  if (activityRows.length === 0) {
    return (
      <EmptyState icon={<Activity aria-hidden />} title="Nothing beside typing was told">
        Pastes, copies, files in and out, ports, network, calls of models, of an agent’s tools, and where the participant looked are listed
        here.
      </EmptyState>
    );
  }
  return (
    <div className="flex h-full flex-col">
      <div className="border-b border-border p-2">
        <Select aria-label="Kind of activity" value={wanted} onChange={(event) => setWanted(event.target.value as ActivityKind | 'all')}>
          <option value="all">Everything</option>
          {KINDS.filter((kind) => there.has(kind)).map((kind) => (
            <option key={kind} value={kind}>
              {KIND_WORDS[kind]}
            </option>
          ))}
        </Select>
      </div>
      {omitted > 0 ? <p className="px-3 pt-2 text-xs text-muted">{omitted.toLocaleString('en-GB')} older ones are not listed.</p> : null}
      <ol ref={list} className="min-h-0 flex-1 overflow-auto py-1" data-testid="replay-activity">
        {found.slice(from, from + SHOWN).map((row, at) => (
          <li key={`${row.seq} ${row.text}`}>
            <button
              type="button"
              data-testid="replay-activity-row"
              data-kind={row.kind}
              aria-current={from + at === current ? 'step' : undefined}
              onClick={() => onSeek(row.atMs)}
              title={row.detail === null ? row.text : `${row.text}\n${row.detail}`}
              className={cn(
                'block w-full px-3 py-1 text-left text-xs hover:bg-hover',
                from + at === current && 'bg-accent-soft',
                from + at > current && 'text-muted',
              )}
            >
              <span className="flex items-baseline gap-3">
                <span className="tabular-nums">{formatDuration(row.atMs - index.fromMs)}</span>
                <span className="min-w-0 flex-1 truncate">{row.text}</span>
              </span>
              {row.detail === null ? null : <span className="block truncate font-mono">{row.detail}</span>}
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
