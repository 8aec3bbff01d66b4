'use client';
import { type ClockEvent, elapsedMs } from '@plumbline/core';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { Alert, Button, cn, EmptyState, formatDuration, Spinner, TooltipProvider, toast } from '@plumbline/ui';
import { Eye, FileCode, Film, Keyboard, Maximize, SquareTerminal } from 'lucide-react';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { ReadOnlyEditor } from '../../workspace/components/ReadOnlyEditor.tsx';
import { useStore } from '../../workspace/components/useStore.ts';
import { isHere } from '../model/places.ts';
import type { Player } from '../model/player.ts';
import type { ReviewSource } from '../model/replaySource.ts';
import type { ListName } from './EventLists.tsx';
import { KeyboardHelp } from './KeyboardHelp.tsx';
import { REPLAY_KEYS, type ScreenActs } from './keys.ts';
import type { Found } from './OutputSearch.tsx';
import { ReplayTerminal } from './ReplayTerminal.tsx';
import { Timeline } from './Timeline.tsx';
import { Transport } from './Transport.tsx';
import type { ReplayOpening } from './useReplayOpening.ts';

/** Charts, comparisons and forms, of which the first frame has none. */
const EventLists = lazy(() => import('./EventLists.tsx').then((loaded) => ({ default: loaded.EventLists })));

const SEPARATOR = 'bg-border hover:bg-accent';
const MOST_SIDE_BY_SIDE = 3;
const DRAWN_WITHIN_MS = 2_000;

/** Moves the player on with each frame that the browser draws, while it plays. */
function useFrames(player: Player | null): void {
  useEffect(() => {
    if (!player) return undefined;
    let frame: number | null = null;
    const tick = (nowMs: number) => {
      player.tick(nowMs);
      frame = player.store.get().playing ? requestAnimationFrame(tick) : null;
    };
    // A page that shows a still picture has nothing to do.
    const begin = () => {
      if (frame === null && player.store.get().playing) frame = requestAnimationFrame(tick);
    };
    begin();
    const stop = player.store.subscribe(begin);
    return () => {
      stop();
      if (frame !== null) cancelAnimationFrame(frame);
      player.pause();
    };
  }, [player]);
}

function useKeys(player: Player, acts: ScreenActs): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      // Keys mean what they always mean on a control; everywhere else they are the replay's.
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        target?.closest('input, select, textarea, [role="tab"], [role="tree"], [role="slider"]')
      )
        return;
      if (event.key === ' ' && target?.closest('button, a')) return;
      const key = REPLAY_KEYS.find(({ keys }) => keys.includes(event.key));
      if (!key || (target?.closest('[role="dialog"]') && event.key !== '?')) return;
      event.preventDefault();
      key.act(player, acts, event);
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, [player, acts]);
}

export function ReplayScreen({ opening: { source, player, error }, watching }: { opening: ReplayOpening; watching: boolean }) {
  useFrames(player);
  if (error) {
    return (
      <Alert tone="danger" className="m-4" actions={<Button onClick={() => location.reload()}>Try again</Button>}>
        {error}
      </Alert>
    );
  }
  if (!player) {
    return (
      <div className="flex h-full items-center justify-center">
        <Spinner label="Reading the index of the recording" />
      </div>
    );
  }
  if (player.index.lastSeq === 0) {
    return (
      <EmptyState icon={<Film aria-hidden />} title="Nothing was recorded yet">
        The replay begins with the first event of the attempt.
      </EmptyState>
    );
  }
  return (
    <TooltipProvider>
      <Stage player={player} source={source} watching={watching} />
    </TooltipProvider>
  );
}

function clockEvents(index: RecordingIndex): ClockEvent[] {
  return index.clock.map((entry) => ({ by: null, ...entry.event, n: entry.n, atMs: entry.atMs }) as ClockEvent);
}

/** The attempt's clock as it stood at the position, by the corrected rules. */
function ReplayClock({ player }: { player: Player }) {
  const { positionMs, index } = useStore(player.store);
  const events = useMemo(() => clockEvents(index), [index]);
  const elapsed = elapsedMs(
    events.filter((event) => event.atMs <= positionMs),
    positionMs,
    index.limitMs,
  );
  const paused = index.pauses.some((pause) => pause.fromMs <= positionMs && (pause.toMs === null || pause.toMs > positionMs));
  return (
    <span className="text-sm tabular-nums" data-testid="replay-clock">
      {formatDuration(Math.max(0, index.limitMs - elapsed))} <span className="text-muted">left{paused ? ', paused' : ''}</span>
    </span>
  );
}

function Stage({ player, source, watching }: { player: Player; source: ReviewSource; watching: boolean }) {
  const { positionMs, error, index } = useStore(player.store);
  const [list, setList] = useState<ListName>(watching ? 'scores' : 'markers');
  const [help, setHelp] = useState(false);
  const [isDrawn, setDrawn] = useState(false);
  const onDrawn = useCallback(() => setDrawn(true), []);
  useEffect(() => {
    // Where no terminal has room, nothing tells.
    const timer = setTimeout(onDrawn, DRAWN_WITHIN_MS);
    return () => clearTimeout(timer);
  }, [onDrawn]);
  const stage = useRef<HTMLDivElement>(null);
  const acts = useMemo<ScreenActs>(
    () => ({
      toggleFullScreen: () => {
        // A browser that allows no full screen says so by itself, and nothing else changes.
        const change = document.fullscreenElement ? document.exitFullscreen() : stage.current?.requestFullscreen();
        change?.catch(() => {});
      },
      toggleHelp: () => setHelp((open) => !open),
      search: () => {
        // The next key is already meant for it, and would be one of the replay's otherwise.
        flushSync(() => setList('search'));
        document.getElementById('replay-search')?.focus();
      },
    }),
    [],
  );
  useKeys(player, acts);
  useNewMessages(index, watching);
  const seek = useCallback((atMs: number) => void player.seek(atMs), [player]);
  const [found, setFound] = useState<Found | null>(null);
  // An object of its own for each click: the same find can be shown again.
  const goToFound = useCallback((next: Found) => void player.seek(next.atMs).then(() => setFound({ ...next })), [player]);
  const here = isHere(index, positionMs);
  return (
    <div ref={stage} className="flex h-full flex-col bg-background" data-testid="replay">
      <header className="flex h-10 shrink-0 items-center gap-4 border-b border-border bg-surface px-4">
        <h1 className="min-w-0 flex-1 truncate text-sm font-medium">{index.title}</h1>
        {watching ? <Watching live={index.live} /> : null}
        {here === false ? <span className="text-xs text-muted">The participant looks elsewhere</span> : null}
        <ReplayClock player={player} />
        <Button variant="ghost" size="icon-sm" aria-label="Full screen" onClick={acts.toggleFullScreen}>
          <Maximize />
        </Button>
        <Button variant="ghost" size="icon-sm" aria-label="Keys" onClick={acts.toggleHelp} data-testid="replay-help">
          <Keyboard />
        </Button>
        <KeyboardHelp open={help} onOpenChange={setHelp} />
      </header>
      <Group orientation="horizontal" className="min-h-0 flex-1">
        <Panel id="stage" defaultSize="72%" minSize="30%">
          <Group orientation="vertical">
            <Panel id="editor" defaultSize="50%" collapsible>
              <ActiveFile player={player} ready={isDrawn} />
            </Panel>
            <Separator className={`${SEPARATOR} h-px`} aria-label="Height of the terminals" />
            <Panel id="terminals" defaultSize="50%" collapsible>
              <Terminals player={player} found={found} onDrawn={onDrawn} />
            </Panel>
          </Group>
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the list" />
        <Panel id="lists" defaultSize="28%" minSize="180px" collapsible>
          {isDrawn ? (
            <Suspense fallback={null}>
              <EventLists
                index={index}
                positionMs={positionMs}
                source={source}
                list={list}
                onList={setList}
                onSeek={seek}
                onFound={goToFound}
                messageTo={watching && index.live ? index.attemptId : null}
              />
            </Suspense>
          ) : null}
        </Panel>
      </Group>
      <footer className="shrink-0 space-y-2 border-t border-border bg-surface p-3">
        {error ? <Alert tone="danger">{error}</Alert> : null}
        <Timeline index={index} positionMs={positionMs} onSeek={seek} ready={isDrawn} />
        <Transport player={player} />
      </footer>
    </div>
  );
}

/** Says once what the participant writes while somebody watches. */
function useNewMessages(index: RecordingIndex, watching: boolean): void {
  const seenSeq = useRef(index.lastSeq);
  useEffect(() => {
    for (const { seq, from, text } of index.messages)
      if (watching && seq > seenSeq.current && from === 'participant') toast.info(`The participant: ${text.slice(0, 200)}`);
    seenSeq.current = index.lastSeq;
  }, [index, watching]);
}

function Watching({ live }: { live: boolean }) {
  return live ? (
    <span className="flex items-center gap-1 text-xs text-muted" data-testid="watch">
      <Eye aria-hidden className="size-4" /> Watching
    </span>
  ) : (
    <span role="status" className="text-xs text-muted" data-testid="watch-ended">
      The attempt has ended; this is its recording
    </span>
  );
}

function ActiveFile({ player, ready }: { player: Player; ready: boolean }) {
  useStore(player.store);
  const shown = player.activeDocument();
  if (!shown) {
    return (
      <EmptyState icon={<FileCode aria-hidden />} title="No file is open here">
        The editor is shown from the moment at which a file was opened.
      </EmptyState>
    );
  }
  return (
    <div className="flex h-full flex-col bg-surface">
      <p className="h-6 shrink-0 truncate border-b border-border px-3 text-xs leading-6 text-muted" data-testid="replay-file">
        {shown.path}
      </p>
      <div className="min-h-0 flex-1">
        <ReadOnlyEditor shown={shown} ready={ready} />
      </div>
    </div>
  );
}

function Terminals({ player, found, onDrawn }: { player: Player; found: Found | null; onDrawn: () => void }) {
  const { terminals } = useStore(player.store);
  const [front, setFront] = useState<number | null>(null);
  useEffect(() => {
    if (found !== null) setFront(found.terminal);
  }, [found]);
  const open = [...terminals.keys()].sort((a, b) => a - b);
  const nameOf = (terminal: number) => player.index.terminals.find((info) => info.terminal === terminal)?.name ?? `Terminal ${terminal}`;
  const shown = open.length <= MOST_SIDE_BY_SIDE ? open : [front !== null && open.includes(front) ? front : (open[0] ?? 0)];
  const isEmpty = open.length === 0;
  useEffect(() => {
    if (isEmpty) onDrawn();
  }, [isEmpty, onDrawn]);
  if (isEmpty) {
    return (
      <EmptyState icon={<SquareTerminal aria-hidden />} title="No terminal is open here">
        Terminals are shown from the moment at which they were opened.
      </EmptyState>
    );
  }
  return (
    <div className="flex h-full flex-col bg-surface">
      <nav aria-label="Terminals" className="flex h-7 shrink-0 border-b border-border bg-surface-sunken">
        {open.map((terminal) => (
          <button
            key={terminal}
            type="button"
            aria-current={shown.includes(terminal)}
            onClick={() => setFront(terminal)}
            className={cn('px-3 text-xs', shown.includes(terminal) ? 'bg-surface' : 'text-muted')}
          >
            {nameOf(terminal)}
          </button>
        ))}
      </nav>
      <div className="flex min-h-0 flex-1 divide-x divide-border">
        {shown.map((terminal) => (
          <ReplayTerminal
            key={terminal}
            player={player}
            terminal={terminal}
            begunAnew={terminals.get(terminal)?.begunAnew === true}
            found={found?.terminal === terminal ? found : null}
            onDrawn={onDrawn}
          />
        ))}
      </div>
    </div>
  );
}
