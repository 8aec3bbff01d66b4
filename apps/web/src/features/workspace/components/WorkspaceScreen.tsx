'use client';
import { Alert, Button, Spinner, TooltipProvider } from '@plumbline/ui';
import { useEffect, useRef, useState } from 'react';
import { Group, Panel, Separator, useDefaultLayout } from 'react-resizable-panels';
import type { AttemptSession } from '../model/attemptSession.ts';
import { browserTime } from '../model/browserTime.ts';
import { FileTree, parentOf } from '../model/fileTree.ts';
import { loadMonaco, type MonacoApi } from '../model/monaco.ts';
import { OpenFiles } from '../model/openFiles.ts';
import { indexedDraftStore } from '../model/outboxStore.ts';
import { ClosedScreen } from './Banners.tsx';
import { EditorArea } from './EditorArea.tsx';
import { Explorer } from './Explorer.tsx';
import { HibernatedScreen } from './HibernatedScreen.tsx';
import { PauseDialog } from './PauseDialog.tsx';
import { QuickOpen } from './QuickOpen.tsx';
import { SidePanel } from './SidePanel.tsx';
import { EndScreen, NotRunningScreen, PausedScreen } from './StateScreens.tsx';
import { SubmitDialog } from './SubmitDialog.tsx';
import { TerminalArea } from './TerminalArea.tsx';
import { TopBar } from './TopBar.tsx';
import { SessionProvider, useAttemptSession, useSessionState } from './useAttemptSession.ts';

/** Programs in the sandbox write files without saying so; the folders that are open are looked at this often. */
const REFRESH_FILES_MS = 5_000;
const SEPARATOR = 'bg-border transition-colors hover:bg-accent data-[separator=active]:bg-accent';

export function WorkspaceScreen({ attemptId, title }: { attemptId: string; title: string }) {
  const session = useAttemptSession(attemptId, 'participate');
  if (!session) {
    return (
      <div className="flex h-full items-center justify-center">
        <Spinner label="Opening the workspace" />
      </div>
    );
  }
  return (
    <SessionProvider value={session}>
      <TooltipProvider>
        <Workspace session={session} attemptId={attemptId} title={title} />
      </TooltipProvider>
    </SessionProvider>
  );
}

interface Editing {
  monaco: MonacoApi;
  files: OpenFiles;
}

/** The editor's part of the session: loaded after the terminals, since it is the larger one. */
function useEditing(session: AttemptSession, attemptId: string): { editing: Editing | null; error: string | null } {
  const [editing, setEditing] = useState<Editing | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    let files: OpenFiles | null = null;
    loadMonaco().then(
      (monaco) => {
        if (gone) return;
        files = new OpenFiles({
          attemptId,
          tab: session.tab,
          monaco,
          ask: session.ask,
          offer: session.offer,
          drafts: indexedDraftStore,
          time: browserTime,
          remember: sessionStorage,
        });
        setEditing({ monaco, files });
      },
      () => !gone && setError('The editor could not be loaded. Reload the page; the terminals work meanwhile.'),
    );
    return () => {
      gone = true;
      files?.dispose();
      setEditing(null);
    };
  }, [session, attemptId]);
  return { editing, error };
}

function Workspace({ session, attemptId, title }: { session: AttemptSession; attemptId: string; title: string }) {
  const { connection, clock, welcome } = useSessionState();
  const [tree] = useState(() => new FileTree(session.ask));
  const { editing, error } = useEditing(session, attemptId);
  const files = editing?.files ?? null;
  const state = clock?.state;
  const live = connection.kind === 'open' && state === 'running';
  const restored = useRef<OpenFiles | null>(null);

  useEffect(() => {
    if (live) void tree.refresh();
  }, [live, tree]);

  useEffect(() => {
    if (!live || !files || restored.current === files) return;
    restored.current = files;
    void files.restore();
  }, [live, files]);

  useEffect(() => {
    if (!live) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void tree.refresh();
    }, REFRESH_FILES_MS);
    return () => clearInterval(timer);
  }, [live, tree]);

  useEffect(
    () =>
      session.fileChanged.on(({ path, hash, tab }) => {
        files?.onDiskChanged(path, hash, tab);
        if (tree.store.get().folders.has(parentOf(path))) void tree.list(parentOf(path));
      }),
    [session, files, tree],
  );

  useEffect(() => {
    const guard = (event: BeforeUnloadEvent) => {
      if (files?.hasUnsaved) event.preventDefault();
    };
    window.addEventListener('beforeunload', guard);
    return () => window.removeEventListener('beforeunload', guard);
  }, [files]);

  if (state === 'finalising' || state === 'completed') return <EndScreen attemptId={attemptId} state={state} />;
  if (connection.kind === 'closed')
    return connection.code === 4410 ? <EndScreen attemptId={attemptId} state="completed" /> : <ClosedScreen reason={connection.reason} />;
  if (!welcome || !clock) {
    return (
      <div className="flex h-full flex-col">
        <TopBar title={title} />
        <div className="flex flex-1 items-center justify-center">
          <Spinner label="Connecting to the attempt" />
        </div>
      </div>
    );
  }
  if (state === 'paused') {
    return (
      <div className="flex h-full flex-col">
        <TopBar title={title} />
        <div className="min-h-0 flex-1">
          {clock.wakesAtMs == null ? <PausedScreen /> : <HibernatedScreen attemptId={attemptId} wakesAtMs={clock.wakesAtMs} />}
        </div>
      </div>
    );
  }
  if (state !== 'running') return <NotRunningScreen attemptId={attemptId} state={state ?? ''} />;
  return <Desk title={title} tree={tree} editing={editing} editorError={error} />;
}

/** The working desk itself. */
function Desk({
  title,
  tree,
  editing,
  editorError,
}: {
  title: string;
  tree: FileTree;
  editing: Editing | null;
  editorError: string | null;
}) {
  const [dialog, setDialog] = useState<'pause' | 'submit' | 'open' | null>(null);
  const columns = useDefaultLayout({ id: 'plumbline-workspace-columns', storage: localStorage });
  const rows = useDefaultLayout({ id: 'plumbline-workspace-rows', storage: localStorage });
  const newTerminal = useRef<() => void>(() => {});
  const takeNewTerminal = useRef((open: () => void) => {
    newTerminal.current = open;
  });

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const command = event.ctrlKey || event.metaKey;
      const inTerminal = event.target instanceof Element && event.target.closest('[data-testid^="terminal-"]') !== null;
      if (event.ctrlKey && event.key === '`') {
        event.preventDefault();
        if (event.shiftKey) newTerminal.current();
        else
          document
            .querySelector<HTMLElement>(
              inTerminal ? '[data-testid="editor"] textarea, [data-testid="editor"] .native-edit-context' : '.xterm-helper-textarea',
            )
            ?.focus();
      } else if (command && !event.shiftKey && event.key.toLowerCase() === 'p' && !inTerminal) {
        event.preventDefault();
        setDialog('open');
      } else if (command && !event.shiftKey && event.key.toLowerCase() === 's' && !inTerminal) {
        // The browser's own dialog would save the page.
        event.preventDefault();
        const active = editing?.files.store.get().active;
        if (active) void editing?.files.save(active);
      }
    };
    const onQuickOpen = () => setDialog('open');
    window.addEventListener('keydown', onKeyDown);
    window.addEventListener('plumbline:quick-open', onQuickOpen);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
      window.removeEventListener('plumbline:quick-open', onQuickOpen);
    };
  }, [editing]);

  const unsaved = (editing?.files.store.get().files ?? []).filter((file) => file.dirty).map((file) => file.path);
  return (
    <div className="flex h-full flex-col" data-testid="workspace">
      <TopBar title={title} onPause={() => setDialog('pause')} onSubmit={() => setDialog('submit')} />
      <Group orientation="horizontal" className="min-h-0 flex-1" {...columns}>
        <Panel id="files" defaultSize="17%" minSize="140px" collapsible>
          <Explorer tree={tree} files={editing?.files ?? null} />
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the files" />
        <Panel id="work" defaultSize="58%" minSize="30%">
          <Group orientation="vertical" {...rows}>
            <Panel id="editor" defaultSize="58%" minSize="80px" collapsible>
              {editing ? (
                <EditorArea monaco={editing.monaco} files={editing.files} />
              ) : editorError ? (
                <Alert tone="danger" className="m-3" actions={<Button onClick={() => location.reload()}>Reload</Button>}>
                  {editorError}
                </Alert>
              ) : (
                <Spinner label="Loading the editor" className="p-4" />
              )}
            </Panel>
            <Separator className={`${SEPARATOR} h-px`} aria-label="Height of the terminals" />
            <Panel id="terminals" defaultSize="42%" minSize="80px" collapsible>
              <TerminalArea onNewTerminal={takeNewTerminal.current} />
            </Panel>
          </Group>
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the side panel" />
        <Panel id="side" defaultSize="25%" minSize="200px" collapsible>
          <SidePanel initial="instructions" />
        </Panel>
      </Group>
      {dialog === 'pause' ? <PauseDialog onClose={() => setDialog(null)} /> : null}
      <SubmitDialog open={dialog === 'submit'} onOpenChange={(next) => setDialog(next ? 'submit' : null)} unsaved={unsaved} />
      {editing ? (
        <QuickOpen open={dialog === 'open'} onOpenChange={(next) => setDialog(next ? 'open' : null)} tree={tree} files={editing.files} />
      ) : null}
    </div>
  );
}
