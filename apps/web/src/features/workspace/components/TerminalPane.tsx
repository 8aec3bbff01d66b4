'use client';
import { Chord, ContextMenu, ContextMenuContent, ContextMenuItem, ContextMenuSeparator, ContextMenuTrigger, toast } from '@plumbline/ui';
import { type MouseEvent, useEffect, useRef, useState } from 'react';
import { keyLabel, keysOf } from '../model/commands.ts';
import { mayTakeFocus } from '../model/keptFocus.ts';
import { NO_SEARCH, type TerminalSearch } from '../model/terminalFinder.ts';
import { TerminalFind } from './TerminalFind.tsx';
import { useSession } from './useAttemptSession.ts';

/** What can be done with a terminal, from its menu and by command. */
export type TerminalAct = 'copy' | 'paste' | 'select-all' | 'clear' | 'find' | 'split' | 'rename' | 'close';

/** Those that concern its tab are its area's. */
export type TabAct = Extract<TerminalAct, 'split' | 'rename' | 'close'>;

interface MenuEntry {
  act: TerminalAct;
  label: string;
  keys?: readonly string[];
  /** Where a Mac has others. */
  macKeys?: readonly string[];
}

const MENU: readonly (readonly MenuEntry[])[] = [
  [
    { act: 'copy', label: 'Copy', keys: ['Ctrl', 'Shift', 'C'], macKeys: ['Ctrl/Cmd', 'C'] },
    { act: 'paste', label: 'Paste', keys: ['Ctrl', 'Shift', 'V'], macKeys: ['Ctrl/Cmd', 'V'] },
    { act: 'select-all', label: 'Select all' },
  ],
  [
    { act: 'find', label: 'Find…', keys: ['Ctrl/Cmd', 'Shift', 'F'] },
    { act: 'clear', label: 'Clear on this page' },
  ],
  [
    { act: 'split', label: 'New terminal beside this one', keys: ['Ctrl', 'Shift', '5'] },
    { act: 'rename', label: 'Rename…' },
    { act: 'close', label: 'Close' },
  ],
];

/** Draws one terminal in whatever space it is given; the screen itself lives in the session. */
export function TerminalPane({
  terminal,
  active,
  front,
  refused,
  onFocus,
  onTabAct,
}: {
  terminal: number;
  /** It takes the keyboard. */
  active: boolean;
  /** What is done by command is done with it. */
  front: boolean;
  /** What cannot be done with its tab now. */
  refused: readonly TabAct[];
  onFocus: (terminal: number) => void;
  onTabAct: (act: TabAct, terminal: number) => void;
}) {
  const session = useSession();
  const host = useRef<HTMLDivElement>(null);
  const [searched, setSearched] = useState(() => session.terminalView(terminal).finder.searched);
  const [hasSelection, setHasSelection] = useState(false);
  const chosen = useRef<TerminalAct | null>(null);

  useEffect(() => {
    if (!host.current) return undefined;
    const view = session.terminalView(terminal);
    view.attach(host.current);
    return () => view.detach();
  }, [session, terminal]);

  useEffect(
    () =>
      session.terminalView(terminal).focused.on(() => {
        session.panelFocused(`terminal:${terminal}`);
        onFocus(terminal);
      }),
    [session, terminal, onFocus],
  );

  useEffect(() => {
    if (active && mayTakeFocus()) session.terminalView(terminal).focus();
  }, [active, session, terminal]);

  /** Opens the search, or closes it with null: it outlives this pane, as in a pause. */
  const search = (wanted: TerminalSearch | null) => {
    session.terminalView(terminal).finder.searched = wanted;
    setSearched(wanted);
  };

  const act = (name: TerminalAct) => {
    const view = session.terminalView(terminal);
    switch (name) {
      case 'copy':
        view.clipboard.copySelection().catch(() => toast.error('The browser did not allow it. Ctrl-Shift-C copies as well.'));
        break;
      case 'paste':
        view.clipboard.pasteHeld().catch(() => toast.error('The browser did not allow it. Ctrl-Shift-V pastes as well.'));
        break;
      case 'select-all':
        view.selectAll();
        break;
      case 'clear':
        view.clear();
        break;
      case 'find':
        search(searched ?? NO_SEARCH);
        return;
      default:
        onTabAct(name, terminal);
        if (name !== 'close') return;
    }
    view.focus();
  };

  const byCommand = useRef(act);
  byCommand.current = act;
  useEffect(() => {
    if (!front) return undefined;
    const onCommand = (event: CustomEvent<TerminalAct>) => byCommand.current(event.detail);
    window.addEventListener('plumbline:terminal', onCommand as EventListener);
    return () => window.removeEventListener('plumbline:terminal', onCommand as EventListener);
  }, [front]);

  /** A program that takes clicks has had this one, unless Shift keeps it from that; from the keyboard none comes. */
  const onContextMenu = (event: MouseEvent) => {
    const view = session.terminalView(terminal);
    setHasSelection(view.hasSelection);
    if (event.button !== 2 || event.shiftKey || !view.takesClicks) return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="relative h-full min-w-0 flex-1 overflow-hidden" data-testid={`terminal-${terminal}`}>
      <ContextMenu>
        <ContextMenuTrigger asChild>
          <div ref={host} className="absolute inset-0 m-1" onContextMenuCapture={onContextMenu} />
        </ContextMenuTrigger>
        <ContextMenuContent
          data-testid="terminal-menu"
          // What it shows may take the keyboard at once, which the open menu would take back.
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (chosen.current === null) session.terminalView(terminal).focus();
            else act(chosen.current);
            chosen.current = null;
          }}
        >
          {MENU.map((entries, at) => (
            <div key={entries[0]?.act}>
              {at > 0 ? <ContextMenuSeparator /> : null}
              {entries.map((entry) => {
                const { act: name, label } = entry;
                const keys = keysOf(entry, navigator.platform);
                return (
                  <ContextMenuItem
                    key={name}
                    disabled={(name === 'copy' && !hasSelection) || refused.some((one) => one === name)}
                    onSelect={() => {
                      chosen.current = name;
                    }}
                  >
                    <span className="flex-1 pr-6">{label}</span>
                    {keys ? <Chord keys={keys.map((key) => keyLabel(key, navigator.platform))} /> : null}
                  </ContextMenuItem>
                );
              })}
            </div>
          ))}
        </ContextMenuContent>
      </ContextMenu>
      {searched !== null ? <TerminalFind view={session.terminalView(terminal)} search={searched} onSearch={search} /> : null}
    </div>
  );
}
