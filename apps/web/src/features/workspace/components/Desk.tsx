'use client';
import { Alert, Button, cn, Spinner } from '@plumbline/ui';
import { Files, Search } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Group, Panel, type PanelImperativeHandle, Separator, useDefaultLayout, usePanelRef } from 'react-resizable-panels';
import { type Command, matches } from '../model/commands.ts';
import type { FileTree } from '../model/fileTree.ts';
import type { MonacoApi } from '../model/monaco.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { choose, preferences } from '../model/preferences.ts';
import type { PythonHelp } from '../model/pythonHelp.ts';
import type { Transfers } from '../model/transfers.ts';
import { CommandPalette } from './CommandPalette.tsx';
import { EditorArea } from './EditorArea.tsx';
import { Explorer } from './Explorer.tsx';
import { PauseDialog } from './PauseDialog.tsx';
import { QuickOpen } from './QuickOpen.tsx';
import { SearchPanel } from './SearchPanel.tsx';
import { SidePanel, type SideTab } from './SidePanel.tsx';
import { SubmitDialog } from './SubmitDialog.tsx';
import { TerminalArea } from './TerminalArea.tsx';
import { TopBar } from './TopBar.tsx';
import { Tour } from './Tour.tsx';
import { useSession, useStore } from './useAttemptSession.ts';

export interface Editing {
  monaco: MonacoApi;
  files: OpenFiles;
  help: PythonHelp;
}

const SEPARATOR = 'bg-border transition-colors hover:bg-accent data-[separator=active]:bg-accent';

function toggle(panel: PanelImperativeHandle | null): void {
  if (panel?.isCollapsed()) panel.expand();
  else panel?.collapse();
}

function focusEditor(): void {
  document.querySelector<HTMLElement>('[data-testid="editor"] textarea, [data-testid="editor"] .native-edit-context')?.focus();
}

/** The working desk: panels whose sizes and places are each person's own, and the commands that move between them. */
export function Desk({
  title,
  tree,
  transfers,
  editing,
  editorError,
  isPractice,
}: {
  title: string;
  tree: FileTree;
  transfers: Transfers;
  editing: Editing | null;
  editorError: string | null;
  isPractice: boolean;
}) {
  const session = useSession();
  const { terminalsAt, sideAt, autoSave, wordWrap, copyOnSelection } = useStore(preferences);
  const [dialog, setDialog] = useState<'pause' | 'submit' | 'open' | 'commands' | null>(null);
  const [left, setLeft] = useState<'files' | 'search'>('files');
  const [searchFocusedAt, setSearchFocusedAt] = useState(0);
  const [side, setSide] = useState<SideTab>('instructions');
  const [comparing, setComparing] = useState(false);
  const [touring, setTouring] = useState(() => isPractice && !preferences.get().tourSeen);
  const columns = useDefaultLayout({ id: `plumbline-workspace-columns-${sideAt}`, storage: localStorage });
  const rows = useDefaultLayout({ id: `plumbline-workspace-rows-${terminalsAt}`, storage: localStorage });
  const leftPanel = usePanelRef();
  const sidePanel = usePanelRef();
  const terminalPanel = usePanelRef();
  const newTerminal = useRef<(beside: boolean) => void>(() => {});
  const takeNewTerminal = useRef((open: (beside: boolean) => void) => {
    newTerminal.current = open;
  });

  const commands = useMemo<Command[]>(() => {
    const files = editing?.files ?? null;
    const active = () => files?.store.get().active ?? null;
    const showSide = (tab: SideTab) => () => {
      sidePanel.current?.expand();
      setSide(tab);
    };
    const showSearch = () => {
      leftPanel.current?.expand();
      setLeft('search');
      setSearchFocusedAt((count) => count + 1);
    };
    return [
      { id: 'palette', title: 'Show all commands', keys: ['Ctrl/Cmd', 'Shift', 'P'], run: () => setDialog('commands') },
      { id: 'open', title: 'Open a file by name', keys: ['Ctrl/Cmd', 'P'], notInTerminal: true, run: () => setDialog('open') },
      { id: 'search', title: 'Search in all files', keys: ['Ctrl/Cmd', 'Shift', 'F'], notInTerminal: true, run: showSearch },
      {
        id: 'explorer',
        title: 'Show the files',
        keys: ['Ctrl/Cmd', 'Shift', 'E'],
        run: () => {
          leftPanel.current?.expand();
          // The next key is already meant for what is shown now.
          flushSync(() => setLeft('files'));
          document.querySelector<HTMLElement>('[data-testid="explorer-tree"]')?.focus();
        },
      },
      {
        id: 'save',
        title: 'Save the file',
        keys: ['Ctrl/Cmd', 'S'],
        notInTerminal: true,
        run: () => {
          const path = active();
          if (path) void files?.save(path);
        },
      },
      {
        id: 'save-all',
        title: 'Save all files',
        keys: ['Ctrl/Cmd', 'Alt', 'S'],
        notInTerminal: true,
        run: () => {
          for (const file of files?.store.get().files ?? []) if (file.dirty) void files?.save(file.path);
        },
      },
      {
        id: 'close',
        title: 'Close the file',
        keys: ['Alt', 'W'],
        notInTerminal: true,
        run: () => window.dispatchEvent(new CustomEvent('plumbline:close-file')),
      },
      { id: 'split', title: 'Split the editor', keys: ['Ctrl/Cmd', '\\'], notInTerminal: true, run: () => files?.split() },
      ...[0, 1, 2].map((at) => ({
        id: `pane-${at + 1}`,
        title: `Go to pane ${at + 1} of the editor`,
        keys: ['Ctrl/Cmd', String(at + 1)],
        notInTerminal: true,
        run: () => {
          flushSync(() => files?.focusPane(at));
          focusEditor();
        },
      })),
      {
        id: 'format',
        title: 'Format the file',
        keys: ['Shift', 'Alt', 'F'],
        notInTerminal: true,
        run: () => {
          const model = files?.store.get().files.find((file) => file.path === active())?.model;
          const shown = model ? (editing?.monaco.editor.getEditors().filter((one) => one.getModel() === model) ?? []) : [];
          const editor = shown.find((one) => one.hasTextFocus()) ?? shown[0];
          if (model?.getLanguageId() === 'python') void editor?.getAction('editor.action.formatDocument')?.run();
          else session.notice.emit({ tone: 'info', text: 'There is a formatter for Python files only.' });
        },
      },
      { id: 'compare', title: 'Compare the file with the start or a snapshot', run: () => setComparing((on) => !on) },
      { id: 'auto-save', title: `Turn auto-save ${autoSave ? 'off' : 'on'}`, run: () => choose({ autoSave: !autoSave }) },
      {
        id: 'word-wrap',
        title: `Turn word wrap ${wordWrap ? 'off' : 'on'}`,
        keys: ['Alt', 'Z'],
        notInTerminal: true,
        run: () => choose({ wordWrap: !wordWrap }),
      },
      { id: 'new-terminal', title: 'New terminal', keys: ['Ctrl', 'Shift', '`'], run: () => newTerminal.current(false) },
      { id: 'split-terminal', title: 'New terminal beside this one', keys: ['Ctrl', 'Shift', '5'], run: () => newTerminal.current(true) },
      {
        id: 'terminal-editor',
        title: 'Go between the terminal and the editor',
        keys: ['Ctrl', '`'],
        run: () => {
          const inTerminal = document.activeElement?.closest('[data-testid^="terminal-"]') !== null;
          if (inTerminal && document.activeElement !== document.body) focusEditor();
          else {
            terminalPanel.current?.expand();
            document.querySelector<HTMLElement>('.xterm-helper-textarea')?.focus();
          }
        },
      },
      {
        id: 'copy-on-selection',
        title: `Turn copying on selection in terminals ${copyOnSelection ? 'off' : 'on'}`,
        run: () => choose({ copyOnSelection: !copyOnSelection }),
      },
      {
        id: 'toggle-left',
        title: 'Show or hide files and search',
        keys: ['Ctrl/Cmd', 'B'],
        notInTerminal: true,
        run: () => toggle(leftPanel.current),
      },
      {
        id: 'toggle-terminals',
        title: 'Show or hide the terminals',
        keys: ['Ctrl/Cmd', 'J'],
        notInTerminal: true,
        run: () => toggle(terminalPanel.current),
      },
      {
        id: 'toggle-side',
        title: 'Show or hide instructions and score',
        keys: ['Ctrl/Cmd', 'Alt', 'B'],
        run: () => toggle(sidePanel.current),
      },
      {
        id: 'terminals-at',
        title: terminalsAt === 'bottom' ? 'Put the terminals beside the editor' : 'Put the terminals below the editor',
        run: () => choose({ terminalsAt: terminalsAt === 'bottom' ? 'right' : 'bottom' }),
      },
      {
        id: 'side-at',
        title: sideAt === 'right' ? 'Put instructions and score on the left' : 'Put instructions and score on the right',
        run: () => choose({ sideAt: sideAt === 'right' ? 'left' : 'right' }),
      },
      { id: 'instructions', title: 'Show the instructions', run: showSide('instructions') },
      { id: 'score-panel', title: 'Show the scores', run: showSide('score') },
      { id: 'notes', title: 'Show the notes', run: showSide('notes') },
      { id: 'clock', title: 'Show what happened to the clock', run: showSide('clock') },
      { id: 'ports', title: 'Open a page that the sandbox serves', run: showSide('ports') },
      { id: 'tour', title: 'Show me around', run: () => setTouring(true) },
      { id: 'report', title: 'Report a problem to the staff', run: showSide('help') },
      {
        id: 'score',
        title: 'Score now',
        run: () => {
          showSide('score')();
          void session.ask('score', {}).catch(() => {});
        },
      },
      { id: 'download', title: 'Download the workspace as tar', run: () => void transfers.download('.') },
      { id: 'pause', title: 'Pause the attempt…', run: () => setDialog('pause') },
      { id: 'submit', title: 'Submit the attempt…', run: () => setDialog('submit') },
      { id: 'keys', title: 'All keys of the workspace', run: () => window.open('/help#keys', '_blank', 'noopener') },
    ];
  }, [editing, session, transfers, autoSave, wordWrap, copyOnSelection, terminalsAt, sideAt, leftPanel, sidePanel, terminalPanel]);

  const current = useRef(commands);
  current.current = commands;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const inTerminal = event.target instanceof Element && event.target.closest('[data-testid^="terminal-"]') !== null;
      const command = current.current.find((one) => matches(one, event) && !(inTerminal && one.notInTerminal));
      if (!command) return;
      // Neither the editor below nor the browser does something else with the key.
      event.preventDefault();
      event.stopPropagation();
      command.run();
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, []);

  const unsaved = (editing?.files.store.get().files ?? []).filter((file) => file.dirty).map((file) => file.path);
  const sideElement = (
    <Panel key="side" id="side" panelRef={sidePanel} defaultSize="25%" minSize="200px" collapsible>
      <SidePanel tab={side} onTab={setSide} />
    </Panel>
  );
  const sideSeparator = <Separator key="side-separator" className={`${SEPARATOR} w-px`} aria-label="Width of the side panel" />;
  return (
    <div className="flex h-full flex-col" data-testid="workspace">
      <TopBar
        title={title}
        onPause={() => setDialog('pause')}
        onSubmit={() => setDialog('submit')}
        onCommands={() => setDialog('commands')}
      />
      <Group key={sideAt} orientation="horizontal" className="min-h-0 flex-1" {...columns}>
        {sideAt === 'left' ? [sideElement, sideSeparator] : null}
        <Panel id="files" panelRef={leftPanel} defaultSize="17%" minSize="180px" collapsible>
          <LeftPanel
            shown={left}
            onShow={setLeft}
            files={<Explorer tree={tree} files={editing?.files ?? null} transfers={transfers} />}
            search={<SearchPanel files={editing?.files ?? null} focusedAt={searchFocusedAt} />}
          />
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the files" />
        <Panel id="work" defaultSize="58%" minSize="30%">
          <Group key={terminalsAt} orientation={terminalsAt === 'bottom' ? 'vertical' : 'horizontal'} {...rows}>
            <Panel id="editor" defaultSize="58%" minSize="80px" collapsible>
              {editing ? (
                <EditorArea monaco={editing.monaco} files={editing.files} comparing={comparing} onCompare={setComparing} />
              ) : editorError ? (
                <Alert tone="danger" className="m-3" actions={<Button onClick={() => location.reload()}>Reload</Button>}>
                  {editorError}
                </Alert>
              ) : (
                <Spinner label="Loading the editor" className="p-4" />
              )}
            </Panel>
            <Separator className={cn(SEPARATOR, terminalsAt === 'bottom' ? 'h-px' : 'w-px')} aria-label="Size of the terminals" />
            <Panel id="terminals" panelRef={terminalPanel} defaultSize="42%" minSize="80px" collapsible>
              <TerminalArea onNewTerminal={takeNewTerminal.current} />
            </Panel>
          </Group>
        </Panel>
        {sideAt === 'right' ? [sideSeparator, sideElement] : null}
      </Group>
      {dialog === 'pause' ? <PauseDialog onClose={() => setDialog(null)} /> : null}
      <SubmitDialog open={dialog === 'submit'} onOpenChange={(next) => setDialog(next ? 'submit' : null)} unsaved={unsaved} />
      <CommandPalette
        open={dialog === 'commands'}
        onOpenChange={(next) => setDialog((now) => (next ? 'commands' : now === 'commands' ? null : now))}
        commands={commands}
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

/** Files or search, with the two tabs that choose. */
function LeftPanel({
  shown,
  onShow,
  files,
  search,
}: {
  shown: 'files' | 'search';
  onShow: (shown: 'files' | 'search') => void;
  files: ReactNode;
  search: ReactNode;
}) {
  const tabs = [
    { id: 'files' as const, label: 'Files', icon: Files },
    { id: 'search' as const, label: 'Search', icon: Search },
  ];
  return (
    <div className="flex h-full flex-col">
      <div className="flex h-8 shrink-0 items-stretch border-b border-border" role="tablist" aria-label="Files and search">
        {tabs.map(({ id, label, icon: Icon }) => (
          <button
            key={id}
            type="button"
            role="tab"
            aria-selected={shown === id}
            data-testid={`left-${id}`}
            onClick={() => onShow(id)}
            className={cn(
              'flex flex-1 items-center justify-center gap-1 text-xs',
              shown === id ? 'text-foreground shadow-[inset_0_-2px_0_var(--accent)]' : 'text-muted hover:text-foreground',
            )}
          >
            <Icon aria-hidden className="size-3.5" />
            {label}
          </button>
        ))}
      </div>
      {/* Both stay, so that a search is still there when one comes back to it. */}
      <div className="min-h-0 flex-1" hidden={shown !== 'files'}>
        {files}
      </div>
      <div className="min-h-0 flex-1" hidden={shown !== 'search'}>
        {search}
      </div>
    </div>
  );
}
