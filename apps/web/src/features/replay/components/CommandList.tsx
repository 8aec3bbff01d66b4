'use client';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { cn, EmptyState, formatDuration, Input } from '@plumbline/ui';
import { SquareTerminal } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';

type Command = RecordingIndex['commands'][number];

/** A long attempt has thousands; those around the position are what is looked at. */
const SHOWN = 400;

function wayOf(command: Command): { text: string; tone: string } {
  if (command.endAtMs === null) return { text: 'runs', tone: 'text-muted' };
  if (command.lost) return { text: 'unknown: its machine was lost', tone: 'text-muted' };
  if (command.exitCode === null) return { text: 'ended', tone: 'text-muted' };
  return command.exitCode === 0 ? { text: '0', tone: 'text-muted' } : { text: String(command.exitCode), tone: 'text-danger' };
}

/** What the shells ran, with how it ended; each row leads to its moment. */
export function CommandList({ index, positionMs, onSeek }: { index: RecordingIndex; positionMs: number; onSeek: (atMs: number) => void }) {
  const [wanted, setWanted] = useState('');
  const found = useMemo(
    () => index.commands.filter(({ text, directory }) => `${text ?? ''} ${directory}`.toLowerCase().includes(wanted.toLowerCase())),
    [index.commands, wanted],
  );
  const current = found.findLastIndex((command) => command.atMs <= positionMs);
  const from = Math.max(0, Math.min(current - SHOWN / 2, found.length - SHOWN));
  const shown = found.slice(from, from + SHOWN);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.children[current - from]?.scrollIntoView({ block: 'nearest' });
  }, [current, from]);
  if (index.commands.length === 0) {
    return (
      <EmptyState icon={<SquareTerminal aria-hidden />} title="No command was told">
        Commands come from the shell in a terminal; other shells and programs tell none.
      </EmptyState>
    );
  }
  return (
    <div className="flex h-full flex-col">
      <div className="border-b border-border p-2">
        <Input
          aria-label="Filter commands"
          placeholder="Filter commands"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      </div>
      <ol ref={list} className="min-h-0 flex-1 overflow-auto py-1" data-testid="replay-commands">
        {shown.map((command, at) => {
          const way = wayOf(command);
          return (
            <li key={command.seq}>
              <button
                type="button"
                data-testid="replay-command"
                aria-current={from + at === current ? 'step' : undefined}
                onClick={() => onSeek(command.atMs)}
                title={`${command.directory}\n${command.text ?? ''}`}
                className={cn('block w-full px-3 py-1 text-left hover:bg-hover', from + at === current && 'bg-accent-soft')}
              >
                <span className="flex items-baseline gap-3 text-xs">
                  <span className="tabular-nums">{formatDuration(command.atMs - index.fromMs)}</span>
                  <span className="flex-1 truncate text-muted">{command.directory}</span>
                  {command.endAtMs === null || command.lost ? null : (
                    <span className="text-muted tabular-nums">{((command.endAtMs - command.atMs) / 1000).toFixed(1)} s</span>
                  )}
                  <span className={cn('tabular-nums', way.tone)}>{way.text}</span>
                </span>
                <span className="block truncate font-mono text-xs">{command.text ?? 'not in the history of the shell'}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
