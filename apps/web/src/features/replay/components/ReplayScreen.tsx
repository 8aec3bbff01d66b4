'use client';
import { type ClockEvent, elapsedMs } from '@plumbline/core';
import { Alert, Button, cn, EmptyState, formatDuration, Spinner, TooltipProvider } from '@plumbline/ui';
import { FileCode, Film, SquareTerminal } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { ReadOnlyEditor } from '../../workspace/components/ReadOnlyEditor.tsx';
import { useStore } from '../../workspace/components/useAttemptSession.ts';
import { Player } from '../model/player.ts';
import type { RecordingIndex } from '../model/recordingApi.ts';
import { httpReplaySource } from '../model/replaySource.ts';
import { EventLists } from './EventLists.tsx';
import { ReplayTerminal } from './ReplayTerminal.tsx';
import { Timeline } from './Timeline.tsx';
import { seekMarker, Transport } from './Transport.tsx';

const SEPARATOR = 'bg-border hover:bg-accent';
const MOST_SIDE_BY_SIDE = 3;

/** Makes the player when the index is here; the moment in the address (`?t=`, milliseconds) is where it begins. */
function usePlayer(attemptId: string): { player: Player | null; error: string | null } {
  const [player, setPlayer] = useState<Player | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    setPlayer(null);
    setError(null);
    const source = httpReplaySource(attemptId);
    source.index().then(
      (index) => {
        if (gone) return;
        const made = new Player(source, index);
        const asked = new URLSearchParams(location.search).get('t');
        const offsetMs = asked === null ? Number.NaN : Number(asked);
        // Provisioning comes before the clock's start, and hours may lie between: who asks for no moment wants the work.
        const workFromMs = index.clock.find(({ event }) => event.kind === 'started')?.atMs ?? index.fromMs;
        void made.seek(Number.isFinite(offsetMs) ? index.fromMs + offsetMs : workFromMs);
        setPlayer(made);
      },
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The recording could not be read.'),
    );
    return () => {
      gone = true;
    };
  }, [attemptId]);
  return { player, error };
}

/** Moves the player on with each frame that the browser draws, while it plays. */
function useFrames(player: Player | null): void {
  useEffect(() => {
    if (!player) return undefined;
    let frame = 0;
    const tick = (nowMs: number) => {
      player.tick(nowMs);
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => {
      cancelAnimationFrame(frame);
      player.pause();
    };
  }, [player]);
}

function useKeys(player: Player | null): void {
  useEffect(() => {
    if (!player) return undefined;
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      // Keys mean what they always mean on a control; everywhere else they are the replay's.
      if (event.ctrlKey || event.metaKey || event.altKey || target?.closest('input, select, textarea, [role="tab"], [role="slider"]'))
        return;
      if (event.key === ' ' && target?.closest('button, a')) return;
      const acts: Record<string, () => void> = {
        ' ': () => (player.store.get().playing ? player.pause() : player.play()),
        '.': () => void player.step(1),
        ',': () => void player.step(-1),
        ']': () => seekMarker(player, 1),
        '[': () => seekMarker(player, -1),
        ArrowRight: () => void player.seek(player.store.get().positionMs + (event.shiftKey ? 60_000 : 5_000)),
        ArrowLeft: () => void player.seek(player.store.get().positionMs - (event.shiftKey ? 60_000 : 5_000)),
      };
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, [player]);
}

export function ReplayScreen({ attemptId }: { attemptId: string }) {
  const { player, error } = usePlayer(attemptId);
  useFrames(player);
  useKeys(player);
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
      <Stage player={player} />
    </TooltipProvider>
  );
}

function clockEvents(index: RecordingIndex): ClockEvent[] {
  return index.clock.map((entry) => ({ by: null, ...entry.event, n: entry.n, atMs: entry.atMs }) as ClockEvent);
}

/** The attempt's clock as it stood at the position, by the corrected rules. */
function ReplayClock({ player }: { player: Player }) {
  const { positionMs } = useStore(player.store);
  const { index } = player;
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

function Stage({ player }: { player: Player }) {
  const { positionMs, error } = useStore(player.store);
  const { index } = player;
  const seek = (atMs: number) => void player.seek(atMs);
  return (
    <div className="flex h-full flex-col" data-testid="replay">
      <header className="flex h-10 shrink-0 items-center gap-4 border-b border-border bg-surface px-4">
        <h1 className="min-w-0 flex-1 truncate text-sm font-medium">{index.title}</h1>
        {index.live ? <span className="text-xs text-muted">Still recording; reload for more</span> : null}
        <ReplayClock player={player} />
      </header>
      <Group orientation="horizontal" className="min-h-0 flex-1">
        <Panel id="stage" defaultSize="76%" minSize="30%">
          <Group orientation="vertical">
            <Panel id="editor" defaultSize="50%" collapsible>
              <ActiveFile player={player} />
            </Panel>
            <Separator className={`${SEPARATOR} h-px`} aria-label="Height of the terminals" />
            <Panel id="terminals" defaultSize="50%" collapsible>
              <Terminals player={player} />
            </Panel>
          </Group>
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the list" />
        <Panel id="lists" defaultSize="24%" minSize="180px" collapsible>
          <EventLists index={index} positionMs={positionMs} onSeek={seek} />
        </Panel>
      </Group>
      <footer className="shrink-0 space-y-2 border-t border-border bg-surface p-3">
        {error ? <Alert tone="danger">{error}</Alert> : null}
        <Timeline index={index} positionMs={positionMs} onSeek={seek} />
        <Transport player={player} />
      </footer>
    </div>
  );
}

function ActiveFile({ player }: { player: Player }) {
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
        <ReadOnlyEditor shown={shown} />
      </div>
    </div>
  );
}

function Terminals({ player }: { player: Player }) {
  const { terminals } = useStore(player.store);
  const [front, setFront] = useState<number | null>(null);
  const open = [...terminals.keys()].sort((a, b) => a - b);
  const nameOf = (terminal: number) => player.index.terminals.find((info) => info.terminal === terminal)?.name ?? `Terminal ${terminal}`;
  const shown = open.length <= MOST_SIDE_BY_SIDE ? open : [front !== null && open.includes(front) ? front : (open[0] ?? 0)];
  if (open.length === 0) {
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
          <ReplayTerminal key={terminal} player={player} terminal={terminal} />
        ))}
      </div>
    </div>
  );
}
