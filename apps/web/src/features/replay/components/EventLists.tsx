'use client';
import { isEligible } from '@plumbline/core';
import type { Marker, RecordingIndex } from '@plumbline/recording/recordingIndex';
import { cn, EmptyState, formatDuration, SendForm, Tabs, TabsContent, TabsList, TabsTrigger } from '@plumbline/ui';
import { ListTree, Search } from 'lucide-react';
import { memo, useEffect, useRef, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { ScoreChart } from '../../workspace/components/ScoreChart.tsx';
import { ScoreRows } from '../../workspace/components/ScoreRows.tsx';
import type { ReviewSource } from '../model/replaySource.ts';
import { ActivityList } from './ActivityList.tsx';
import { CommandList } from './CommandList.tsx';
import { FileList } from './FileList.tsx';
import { type Found, OutputSearch } from './OutputSearch.tsx';

export type ListName = 'markers' | 'commands' | 'files' | 'scores' | 'notes' | 'activity' | 'search';

/** What there is to jump to, and what was known at the position: files, scores, notes and messages so far. */
export function EventLists({
  index,
  positionMs,
  source,
  list,
  onList,
  onSeek,
  onFound,
  messageTo,
}: {
  index: RecordingIndex;
  positionMs: number;
  source: ReviewSource;
  list: ListName;
  onList: (list: ListName) => void;
  onSeek: (atMs: number) => void;
  onFound: (found: Found) => void;
  /** The attempt whose participant can be written to from here. */
  messageTo: string | null;
}) {
  const [markedMs, setMarkedMs] = useState<number | null>(null);
  const scores = index.scores.filter((score) => score.atMs <= positionMs);
  const words = [
    ...index.notes.map((note) => ({
      seq: note.seq,
      atMs: note.atMs,
      from: note.kind === 'ai_use' ? 'Note on the use of an AI tool' : 'Note',
      text: note.text,
    })),
    ...index.messages.map((message) => ({
      seq: message.seq,
      atMs: message.atMs,
      from: `Message from ${message.from === 'participant' ? 'the participant' : message.from}`,
      text: message.text,
    })),
  ]
    .filter((item) => item.atMs <= positionMs)
    .sort((a, b) => a.atMs - b.atMs);
  return (
    <Tabs value={list} onValueChange={(next) => onList(next as ListName)} className="flex h-full flex-col bg-surface">
      <TabsList className="shrink-0 flex-wrap gap-0 [&>button]:px-1.5 [&>button]:text-xs" aria-label="What happened">
        <TabsTrigger value="markers">Markers</TabsTrigger>
        <TabsTrigger value="commands">Commands</TabsTrigger>
        <TabsTrigger value="files">Files</TabsTrigger>
        <TabsTrigger value="scores">Scores</TabsTrigger>
        <TabsTrigger value="notes">Notes</TabsTrigger>
        <TabsTrigger value="activity">Activity</TabsTrigger>
        <TabsTrigger value="search" aria-label="Search" title="Search">
          <Search aria-hidden className="size-3.5" />
        </TabsTrigger>
      </TabsList>
      <TabsContent value="commands" className="min-h-0 flex-1">
        <CommandList index={index} positionMs={positionMs} onSeek={onSeek} />
      </TabsContent>
      <TabsContent value="activity" className="min-h-0 flex-1">
        <ActivityList index={index} positionMs={positionMs} onSeek={onSeek} />
      </TabsContent>
      <TabsContent value="files" className="min-h-0 flex-1">
        <FileList index={index} positionMs={positionMs} source={source} onSeek={onSeek} markedMs={markedMs} onMark={setMarkedMs} />
      </TabsContent>
      <TabsContent value="search" className="min-h-0 flex-1">
        <OutputSearch index={index} source={source} onFound={onFound} />
      </TabsContent>
      <TabsContent value="markers" className="min-h-0 flex-1 overflow-auto">
        <Markers
          markers={index.markers}
          fromMs={index.fromMs}
          current={index.markers.findLastIndex((marker) => marker.atMs <= positionMs)}
          onSeek={onSeek}
        />
      </TabsContent>
      <TabsContent value="scores" className="min-h-0 flex-1 space-y-3 overflow-auto p-3">
        <ScoreChart
          points={scores.flatMap((row) =>
            row.score === null
              ? []
              : [{ n: row.n, elapsedMs: row.elapsedMs, score: row.score, normalised: row.normalised, eligible: isEligible(row) }],
          )}
          toMs={Math.max(1, ...index.scores.map((row) => row.elapsedMs))}
          scale={index.scoreScale}
        />
        {scores.length > 0 ? (
          <ScoreRows rows={scores} visible={index.direction !== null} onOpen={(score) => onSeek(score.atMs)} />
        ) : (
          <EmptyState title="No score up to here" />
        )}
      </TabsContent>
      <TabsContent value="notes" className="min-h-0 flex-1 overflow-auto p-3" data-testid="replay-notes">
        {messageTo === null ? null : (
          <div className="mb-3">
            <SendForm
              label="Message to the participant"
              placeholder="A message to the participant. It is recorded; say nothing that helps with the task."
              testId="message"
              keptAs={`plumbline.message.${messageTo}`}
              send="Send to the participant"
              busy="Sending"
              onSend={(text) => rpc.live.message.mutate({ attemptId: messageTo, text })}
            />
          </div>
        )}
        {words.length === 0 ? <EmptyState title="No note up to here" /> : null}
        <ol className="divide-y divide-border">
          {words.map((item) => (
            <li key={item.seq} className="py-2 text-sm" data-testid="replay-words">
              <button type="button" className="mr-2 text-xs text-accent tabular-nums" onClick={() => onSeek(item.atMs)}>
                {formatDuration(item.atMs - index.fromMs)}
              </button>
              <span className="text-xs text-muted">{item.from}</span>
              <p className="break-words whitespace-pre-wrap">{item.text}</p>
            </li>
          ))}
        </ol>
      </TabsContent>
    </Tabs>
  );
}

const Markers = memo(function Markers({
  markers,
  fromMs,
  current,
  onSeek,
}: {
  markers: Marker[];
  fromMs: number;
  current: number;
  onSeek: (atMs: number) => void;
}) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  if (markers.length === 0) return <EmptyState icon={<ListTree aria-hidden />} title="Nothing to jump to" />;
  return (
    <ol ref={list} className="py-1">
      {markers.map((marker, at) => (
        <li key={marker.seq}>
          <button
            type="button"
            data-testid="replay-marker"
            data-kind={marker.kind}
            aria-current={at === current ? 'step' : undefined}
            onClick={() => onSeek(marker.atMs)}
            className={cn(
              'flex w-full items-baseline gap-3 px-3 py-1 text-left text-xs hover:bg-hover',
              at === current && 'bg-accent-soft',
              at > current && 'text-muted',
            )}
          >
            <span className="tabular-nums">{formatDuration(marker.atMs - fromMs)}</span>
            <span className="min-w-0 flex-1 truncate">{marker.label}</span>
          </button>
        </li>
      ))}
    </ol>
  );
});
