'use client';
import { cn, EmptyState, toast } from '@plumbline/ui';
import { Columns2, Plus, SquareTerminal } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { programsOf } from '../model/ownPrograms.ts';
import { inOrder, MOST_PANES, movedAlong, movedBefore, movedToPane, nextAlong, type PaneSpot } from '../model/paneDrop.ts';
import { nameOfTerminal, useTerminalPanes } from '../model/terminalPanes.ts';
import { NameDialog } from './NameDialog.tsx';
import { PaneDrop, PanelBar, PanelButton, PanelTab } from './PanelBar.tsx';
import { Panes } from './Panes.tsx';
import { CloseTerminalDialog, type ClosingTerminal, LinkDialog } from './TerminalDialogs.tsx';
import { type TabAct, TerminalPane } from './TerminalPane.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

const TAB_ACTS: readonly TabAct[] = ['split', 'rename', 'close'];

/** Does what a command says about the row of tabs: to one side, or the other. */
function useAlongTabs(command: string, act: (by: -1 | 1) => void): void {
  const current = useRef(act);
  current.current = act;
  useEffect(() => {
    const onCommand = (event: Event) => current.current((event as CustomEvent<-1 | 1>).detail);
    window.addEventListener(command, onCommand);
    return () => window.removeEventListener(command, onCommand);
  }, [command]);
}

/** The attempt's terminals: tabs, and up to three side by side. They run in the sandbox and outlive this page. */
export function TerminalArea({ onNewTerminal }: { onNewTerminal?: (open: (beside: boolean) => void) => void }) {
  const session = useSession();
  const { terminals, connection, sandbox, clock } = useSessionState();
  const { panes: wanted, setPanes: setWanted, order, setOrder } = useTerminalPanes(session.attemptId);
  const opened = terminals.filter((terminal) => terminal.open);
  const numbers = inOrder(
    opened.map((one) => one.terminal),
    order,
  );
  const open = numbers.flatMap((number) => opened.find((one) => one.terminal === number) ?? []);
  const [active, setActive] = useState<number | null>(null);
  const [opening, setOpening] = useState(false);
  const [closing, setClosing] = useState<ClosingTerminal | null>(null);
  const [renaming, setRenaming] = useState<{ terminal: number; name: string } | null>(null);
  const [link, setLink] = useState<string | null>(null);
  const firstOpened = useRef(false);
  const canAct = connection.kind === 'open' && sandbox === 'attached' && clock?.state === 'running';

  // A terminal that closed leaves the panes; the panes are never empty while one is open.
  const known = wanted.filter((terminal) => open.some((candidate) => candidate.terminal === terminal));
  const shown = known.length > 0 ? known : open.slice(0, 1).map((terminal) => terminal.terminal);
  const front = active !== null && shown.includes(active) ? active : (shown[0] ?? null);

  const openOne = async (beside: boolean) => {
    setOpening(true);
    try {
      const size = front === null ? null : session.terminalView(front).wantedSize();
      const terminal = await session.openTerminal(size ?? undefined);
      setWanted(
        beside
          ? [...shown, terminal].slice(-MOST_PANES)
          : shown.length <= 1
            ? [terminal]
            : shown.map((at) => (at === front ? terminal : at)),
      );
      setActive(terminal);
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'No terminal could be opened.');
    } finally {
      setOpening(false);
    }
  };
  const openRef = useRef(openOne);
  openRef.current = openOne;
  useEffect(() => onNewTerminal?.((beside) => void openRef.current(beside)), [onNewTerminal]);
  useEffect(() => session.linkClicked.on(setLink), [session]);

  // The first visit finds a shell waiting; later an empty panel is the person's own choice.
  useEffect(() => {
    if (!canAct || firstOpened.current) return;
    firstOpened.current = true;
    if (terminals.length === 0) void openRef.current(false);
  }, [canAct, terminals.length]);

  const drop = (terminal: number, at: number, spot: PaneSpot) => {
    setWanted(movedToPane(shown, terminal, at, spot).panes);
    setActive(terminal);
  };
  const moveTab = (key: string, before: number | null) => setOrder(movedBefore(numbers, Number(key), before));
  const show = (terminal: number) => {
    if (!shown.includes(terminal)) setWanted(shown.length <= 1 ? [terminal] : shown.map((at) => (at === front ? terminal : at)));
    setActive(terminal);
  };
  useAlongTabs('plumbline:move-terminal', (by) => front !== null && setOrder(movedAlong(numbers, front, by)));
  useAlongTabs('plumbline:next-terminal', (by) => {
    const next = front === null ? undefined : nextAlong(numbers, front, by);
    if (next !== undefined) show(next);
  });

  const close = async (terminal: number) => {
    try {
      const { processes } = await session.ask('sandbox.processes', {});
      const programs = programsOf(terminal, processes).map(({ command }) => command);
      if (programs.length > 0) setClosing({ terminal, programs });
      else await session.ask('terminal.close', { terminal });
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'The terminal could not be closed.');
    }
  };

  const onTabAct = (act: TabAct, terminal: number) => {
    const info = open.find((one) => one.terminal === terminal);
    if (!canAct || !info) return;
    if (act === 'close') void close(terminal);
    else if (act === 'rename') setRenaming(info);
    else if (!opening && shown.length < MOST_PANES) void openOne(true);
  };

  return (
    <section aria-label="Terminal panel" className="flex h-full flex-col bg-surface">
      <PanelBar
        of="terminals"
        label="Terminals"
        onDropLast={(key) => moveTab(key, null)}
        tabs={open.map((terminal) => (
          <PanelTab
            key={terminal.terminal}
            of="terminals"
            tabKey={String(terminal.terminal)}
            onDropBefore={(key) => moveTab(key, terminal.terminal)}
            shown={shown.includes(terminal.terminal)}
            close={{
              label: `Close ${terminal.name || `terminal ${terminal.terminal}`}`,
              disabled: !canAct,
              onClose: () => void close(terminal.terminal),
            }}
            className={cn(terminal.terminal === front && 'shadow-[inset_0_-2px_0_var(--accent)]')}
            aria-current={terminal.terminal === front}
            data-testid={`terminal-tab-${terminal.terminal}`}
            title={`${terminal.program ?? nameOfTerminal(terminal)}: double click or F2 renames`}
            onClick={() => show(terminal.terminal)}
            onDoubleClick={() => canAct && setRenaming(terminal)}
            onKeyDown={(event) => event.key === 'F2' && canAct && setRenaming(terminal)}
          >
            <SquareTerminal aria-hidden className="size-3" />
            <span className="max-w-48 truncate">{nameOfTerminal(terminal)}</span>
          </PanelTab>
        ))}
      >
        <PanelButton label="New terminal" data-testid="terminal-new" disabled={!canAct || opening} onClick={() => void openOne(false)}>
          <Plus />
        </PanelButton>
        <PanelButton
          label="New terminal beside this one"
          data-testid="terminal-split"
          disabled={!canAct || opening || shown.length >= MOST_PANES}
          onClick={() => void openOne(true)}
        >
          <Columns2 />
        </PanelButton>
      </PanelBar>
      {open.length === 0 ? (
        <EmptyState icon={<SquareTerminal aria-hidden />} title="No terminal is open" className="flex-1">
          Open one with the plus sign. Terminals keep running when this page is closed.
        </EmptyState>
      ) : (
        <Panes
          of="terminals"
          panes={shown.map((terminal, at) => ({
            key: terminal,
            content: (
              <>
                <PaneDrop of="terminals" canSplit={shown.length < MOST_PANES} onDrop={(key, spot) => drop(Number(key), at, spot)} />
                <TerminalPane
                  terminal={terminal}
                  active={terminal === front && active !== null}
                  front={terminal === front}
                  refused={!canAct ? TAB_ACTS : opening || shown.length >= MOST_PANES ? ['split'] : []}
                  onFocus={setActive}
                  onTabAct={onTabAct}
                />
              </>
            ),
          }))}
        />
      )}
      {renaming ? (
        <NameDialog
          title="Rename the terminal"
          label="Name"
          initial={renaming.name}
          confirmLabel="Rename"
          onClose={() => setRenaming(null)}
          onSubmit={async (name) => {
            await session.ask('terminal.rename', { terminal: renaming.terminal, name });
          }}
        />
      ) : null}
      <LinkDialog link={link} onClose={() => setLink(null)} />
      <CloseTerminalDialog closing={closing} onClose={() => setClosing(null)} />
    </section>
  );
}
