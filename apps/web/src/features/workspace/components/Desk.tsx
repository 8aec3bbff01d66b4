'use client';
import { Alert, Button, Spinner } from '@plumbline/ui';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type TabNode, type TabRenderProps, useWorkspaceRef, Workspace, type WorkspaceChangedMeta } from 'react-resizable-panels';
import { type Command, commandOf } from '../model/commands.ts';
import type { FileTree } from '../model/fileTree.ts';
import { groupsOf, keepFoldable, keptLayout, type Layout, type PanelId, readLayout, showPanel } from '../model/layout.ts';
import type { MonacoApi } from '../model/monaco.ts';
import type { Place } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { choose, preferences } from '../model/preferences.ts';
import type { PythonHelp } from '../model/pythonHelp.ts';
import type { SearchWords } from '../model/searchReplace.ts';
import type { Store } from '../model/store.ts';
import type { Transfers } from '../model/transfers.ts';
import { Turns } from '../model/turns.ts';
import { ClockPanel } from './ClockPanel.tsx';
import { CommandPalette } from './CommandPalette.tsx';
import { BarPlace, BarProvider, DOCK_CLASSES, DockSeparator, DockTab, newBarPlaces } from './Dock.tsx';
import { goToPanel } from './deskActs.ts';
import { deskCommands } from './deskCommands.ts';
import { EditorArea } from './EditorArea.tsx';
import { Explorer } from './Explorer.tsx';
import { editorCommands } from './fileCommands.ts';
import { HelpPanel } from './HelpPanel.tsx';
import { Instructions } from './Instructions.tsx';
import { InTurn } from './InTurn.tsx';
import { type NameAsked, NameUses } from './NameUses.tsx';
import { Notes } from './Notes.tsx';
import { PauseDialog } from './PauseDialog.tsx';
import { PortsPanel } from './PortsPanel.tsx';
import { ProblemsPanel } from './ProblemsPanel.tsx';
import { QuickOpen } from './QuickOpen.tsx';
import { ResourcesPanel } from './ResourcesPanel.tsx';
import { ScorePanel } from './ScorePanel.tsx';
import { SealDialog } from './SealDialog.tsx';
import { type SearchAsked, SearchPanel } from './SearchPanel.tsx';
import { SubmitDialog } from './SubmitDialog.tsx';
import { TerminalArea } from './TerminalArea.tsx';
import { TopBar } from './TopBar.tsx';
import { Tour } from './Tour.tsx';
import { useSession } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

export interface Editing {
  monaco: MonacoApi;
  files: OpenFiles;
  help: PythonHelp;
}

/** What somebody typed or found there is still there when they come back to it. */
const STAYING: ReadonlySet<string> = new Set<PanelId>(['files', 'search', 'editor', 'terminals', 'notes']);
/** A panel of these says by itself that it is used. */
const SPEAKING: ReadonlySet<string> = new Set<PanelId>(['files', 'editor', 'terminals']);

const renderTab = (tab: TabNode<null>, props: TabRenderProps) => <DockTab tab={tab} props={props} />;
const renderSeparator = (orientation: 'horizontal' | 'vertical') => <DockSeparator orientation={orientation} />;
const renderToolbar = () => <BarPlace />;

/** Stands where there is something once the editor is loaded. */
function NoEditor({ error }: { error: string | null }) {
  if (!error) return <Spinner label="Loading the editor" className="p-4" />;
  return (
    <Alert tone="danger" className="m-3" actions={<Button onClick={() => location.reload()}>Reload</Button>}>
      {error}
    </Alert>
  );
}

/** The working desk: panels whose sizes and places are each person's own, and the commands that move between them. */
export function Desk({
  title,
  tree,
  transfers,
  editing,
  editorError,
  words,
  onOpen,
  isPractice,
}: {
  title: string;
  tree: FileTree;
  transfers: Transfers;
  editing: Editing | null;
  editorError: string | null;
  words: Store<SearchWords>;
  /** Opens a file, at a place where one is named; once the editor is there. */
  onOpen: (path: string, place?: Place) => void;
  isPractice: boolean;
}) {
  const session = useSession();
  const chosen = useStore(preferences);
  const [dialog, setDialog] = useState<'pause' | 'submit' | 'open' | 'commands' | 'seal' | null>(null);
  const [searchAsked, setSearchAsked] = useState<SearchAsked>({ turn: 0, include: null });
  const [comparing, setComparing] = useState(false);
  const [usesOf, setUsesOf] = useState<NameAsked | null>(null);
  const [touring, setTouring] = useState(() => isPractice && !preferences.get().tourSeen);
  const [layout] = useState(() => readLayout(preferences.get().layout, session.attemptId));
  const [bars] = useState(newBarPlaces);
  const [turns] = useState(() => new Turns());
  const docks = useWorkspaceRef<null, null>();
  const newTerminal = useRef<(beside: boolean) => void>(() => {});
  const takeNewTerminal = useRef((open: (beside: boolean) => void) => {
    newTerminal.current = open;
  });

  const search = useCallback(
    (include: string | null) => {
      showPanel(docks.current, 'search');
      setSearchAsked(({ turn }) => ({ turn: turn + 1, include }));
    },
    [docks],
  );

  const compare = useCallback(
    (path: string) => {
      onOpen(path);
      setComparing(true);
    },
    [onOpen],
  );

  const showProblems = useCallback(() => goToPanel({ docks: () => docks.current }, 'problems'), [docks]);

  const files = editing?.files;
  useEffect(() => files?.wanted.subscribe(() => files.wanted.get() && showPanel(docks.current, 'editor')), [files, docks]);

  const commands = useMemo<Command[]>(
    () =>
      deskCommands({
        session,
        transfers,
        editing,
        chosen,
        docks: () => docks.current,
        openDialog: setDialog,
        focusSearch: () => search(null),
        newTerminal: (beside) => {
          // Behind the problems it could not be seen, and before they were shown once the terminals cannot be asked.
          flushSync(() => showPanel(docks.current, 'terminals'));
          newTerminal.current(beside);
        },
        toggleCompare: () => setComparing((on) => !on),
        showUses: setUsesOf,
        startTour: () => setTouring(true),
      }),
    [editing, session, transfers, chosen, docks, search],
  );

  const current = useRef(commands);
  current.current = commands;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isIn = (place: string) => event.target instanceof Element && event.target.closest(place) !== null;
      const place = isIn('.xterm') ? 'terminal' : isIn('[data-testid="explorer-tree"]') ? 'files' : null;
      const command = commandOf(current.current, event, place, navigator.platform);
      if (!command) return;
      // Neither the editor below nor the browser does something else with the key.
      event.preventDefault();
      event.stopPropagation();
      turns.finish();
      command.run();
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, [turns]);

  const panel = useCallback(
    (id: PanelId) => {
      switch (id) {
        case 'files':
          return (
            <Explorer
              tree={tree}
              files={editing?.files ?? null}
              transfers={transfers}
              onOpen={onOpen}
              onSearch={search}
              onCompare={compare}
            />
          );
        case 'search':
          return <SearchPanel files={editing?.files ?? null} words={words} asked={searchAsked} onOpen={onOpen} />;
        case 'editor':
          if (!editing) return <NoEditor error={editorError} />;
          return <EditorArea {...editing} comparing={comparing} onCompare={setComparing} onProblems={showProblems} />;
        case 'terminals':
          return <TerminalArea onNewTerminal={takeNewTerminal.current} />;
        case 'problems':
          return editing ? <ProblemsPanel problems={editing.help.problems} onOpen={onOpen} /> : <NoEditor error={editorError} />;
        case 'instructions':
          return <Instructions />;
        case 'score':
          return <ScorePanel />;
        case 'notes':
          return <Notes />;
        case 'clock':
          return <ClockPanel />;
        case 'ports':
          return <PortsPanel />;
        case 'resources':
          return <ResourcesPanel />;
        case 'help':
          return <HelpPanel />;
      }
    },
    [tree, transfers, editing, editorError, comparing, search, compare, searchAsked, words, onOpen, showProblems],
  );
  const content = useCallback(({ id }: TabNode<null>) => <InTurn turns={turns}>{panel(id as PanelId)}</InTurn>, [turns, panel]);

  const onLayout = (changed: Layout, { reason, isUserInteraction }: WorkspaceChangedMeta) => {
    if (reason === 'move') keepFoldable(docks.current);
    const shown = groupsOf(changed.root).find(({ id }) => id === docks.current?.getActiveTabsetId())?.selectedId;
    if (reason === 'select' && isUserInteraction && shown && !SPEAKING.has(shown)) session.panelFocused(shown);
    choose({ layout: keptLayout(changed, session.attemptId, preferences.get().layout) });
  };

  return (
    <div className="flex h-full flex-col" data-testid="workspace">
      <TopBar
        title={title}
        onPause={() => setDialog('pause')}
        onSubmit={() => setDialog('submit')}
        onCommands={() => setDialog('commands')}
      />
      <BarProvider value={bars}>
        <Workspace<null, null>
          id="docks"
          className="min-h-0 flex-1"
          classNames={DOCK_CLASSES}
          workspaceRef={docks}
          defaultModel={layout}
          onModelChanged={onLayout}
          renderTab={renderTab}
          renderTabContent={content}
          renderTabsetToolbar={renderToolbar}
          renderSeparator={renderSeparator}
          lazyTabContent
          hiddenTabBehavior={({ id }) => (STAYING.has(id) ? 'keep-mounted' : 'unmount')}
          tabsetMinWidth="180px"
          tabsetMinHeight="80px"
        />
      </BarProvider>
      {dialog === 'pause' ? <PauseDialog onClose={() => setDialog(null)} /> : null}
      {usesOf ? <NameUses asked={usesOf} onClose={() => setUsesOf(null)} onOpen={onOpen} /> : null}
      {dialog === 'seal' ? <SealDialog onClose={() => setDialog(null)} /> : null}
      <SubmitDialog
        open={dialog === 'submit'}
        onOpenChange={(next) => setDialog(next ? 'submit' : null)}
        unsaved={editing?.files.unsaved ?? []}
      />
      <CommandPalette
        open={dialog === 'commands'}
        onOpenChange={(next) => setDialog((now) => (next ? 'commands' : now === 'commands' ? null : now))}
        commands={commands}
        editorCommands={dialog === 'commands' ? editorCommands(editing) : []}
      />
      {touring ? (
        <Tour
          onEnd={() => {
            setTouring(false);
            choose({ tourSeen: true });
          }}
        />
      ) : null}
      {editing ? (
        <QuickOpen open={dialog === 'open'} onOpenChange={(next) => setDialog(next ? 'open' : null)} files={editing.files} />
      ) : null}
    </div>
  );
}
