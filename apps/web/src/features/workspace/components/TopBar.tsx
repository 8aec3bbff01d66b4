'use client';
import { WARNINGS_MS } from '@plumbline/core';
import { Button, cn, formatDuration, Tooltip } from '@plumbline/ui';
import { CirclePause, RefreshCw, Send, SquareChevronRight } from 'lucide-react';
import { warningAt } from '../model/clockDisplay.ts';
import { Trouble } from './Banners.tsx';
import { Resources } from './Resources.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';

const [, SECOND_WARNING_MS, LAST_WARNING_MS] = WARNINGS_MS;
const TICK_MS = 250;

/** The time that is left: large, quiet, and coloured only when it runs short. */
export function Clock() {
  const session = useSession();
  const { clock } = useSessionState();
  useTick(TICK_MS, clock?.running ?? false);
  const remainingMs = session.clock.remainingMs();
  const warning = clock ? warningAt(remainingMs) : null;
  const tone = warning === LAST_WARNING_MS ? 'text-danger' : warning === SECOND_WARNING_MS ? 'text-warning' : 'text-foreground';
  const words = warning === null || !clock?.running ? '' : `Less than ${warning / 60_000} minutes are left.`;
  return (
    <div className="flex items-baseline gap-2">
      <span
        role="timer"
        aria-label="Time left"
        data-testid="clock"
        data-remaining-ms={Math.round(remainingMs)}
        data-running={clock?.running ?? false}
        className={cn('text-xl font-semibold tabular-nums', tone)}
      >
        {clock ? formatDuration(remainingMs) : '–:––:––'}
      </span>
      <span className="text-xs text-muted">{clock ? (clock.running ? 'left' : clock.state) : ''}</span>
      <span className="sr-only" aria-live="polite">
        {words}
      </span>
    </div>
  );
}

const CONNECTION_WORDS = { connecting: 'Connecting', open: 'Connected', waiting: 'Reconnecting', closed: 'Disconnected' } as const;

/** How the link, the sandbox and the recording are, in one word and one dot. */
export function ConnectionState() {
  const { connection, sandbox: reached, recordingStalled, clock } = useSessionState();
  // Before the start, after the end and while it hibernates no sandbox is meant to be there.
  const sandbox = clock?.state === 'running' || (clock?.state === 'paused' && clock.wakesAtMs == null) ? reached : 'attached';
  const good = connection.kind === 'open' && sandbox === 'attached' && !recordingStalled;
  const words =
    connection.kind === 'open'
      ? sandbox === 'away'
        ? 'Sandbox away'
        : recordingStalled
          ? 'Recording stalled'
          : 'Connected'
      : CONNECTION_WORDS[connection.kind];
  return (
    <Tooltip label={good ? 'Connected; everything is being recorded' : words}>
      <span data-testid="connection-state" data-state={connection.kind} className="flex items-center gap-2 text-xs text-muted">
        <span
          aria-hidden
          className={cn('size-2 rounded-full', good ? 'bg-success' : connection.kind === 'closed' ? 'bg-danger' : 'bg-warning')}
        />
        {words}
      </span>
    </Tooltip>
  );
}

export function TopBar({
  title,
  onPause,
  onSubmit,
  onCommands,
}: {
  title: string;
  onPause?: () => void;
  onSubmit?: () => void;
  onCommands?: () => void;
}) {
  const { connection, clock, upgraded } = useSessionState();
  const ready = connection.kind === 'open' && clock?.state === 'running';
  return (
    <header className="group flex h-12 shrink-0 items-center gap-4 border-b border-border bg-surface px-4">
      <Trouble otherwise={<h1 className="min-w-0 flex-1 truncate text-sm font-medium">{title}</h1>} />
      {upgraded ? (
        <Tooltip label="Plumbline was upgraded. Reload when it suits you: terminals go on, and unsaved text comes back.">
          <Button size="sm" data-testid="upgraded" onClick={() => location.reload()}>
            <RefreshCw /> Reload to upgrade
          </Button>
        </Tooltip>
      ) : null}
      <Resources />
      <ConnectionState />
      {onCommands ? (
        <Tooltip label="All commands (Ctrl/Cmd-Shift-P)">
          <Button variant="ghost" size="icon-sm" aria-label="All commands" data-testid="commands" onClick={onCommands}>
            <SquareChevronRight />
          </Button>
        </Tooltip>
      ) : null}
      <Clock />
      {onPause ? (
        <Button data-testid="pause" size="sm" onClick={onPause} disabled={!ready}>
          <CirclePause /> Pause
        </Button>
      ) : null}
      {onSubmit ? (
        <Button data-testid="submit" size="sm" variant="primary" onClick={onSubmit} disabled={!ready}>
          <Send /> Submit
        </Button>
      ) : null}
    </header>
  );
}
