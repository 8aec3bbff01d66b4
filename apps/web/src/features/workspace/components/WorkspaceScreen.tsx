'use client';
import type { Keymap } from '@plumbline/core';
import { Spinner, TooltipProvider } from '@plumbline/ui';
import { browserStorage, tabStorage } from '@plumbline/ui/browserStorage';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { AttemptSession } from '../model/attemptSession.ts';
import { browserTime } from '../model/browserTime.ts';
import { indexedDraftStore } from '../model/draftStore.ts';
import { fileMeant } from '../model/filePlaces.ts';
import { FileTree, parentOf } from '../model/fileTree.ts';
import { keymap } from '../model/keymap.ts';
import { isLastMinute, LastMinute } from '../model/lastMinute.ts';
import { loadMonaco } from '../model/monaco.ts';
import type { Place } from '../model/openFile.ts';
import { OpenFiles } from '../model/openFiles.ts';
import { OpenList } from '../model/openList.ts';
import { preferences } from '../model/preferences.ts';
import { PythonFormatter } from '../model/pythonFormatter.ts';
import { PythonHelp } from '../model/pythonHelp.ts';
import { NO_SEARCH } from '../model/searchReplace.ts';
import { Store } from '../model/store.ts';
import { claimName } from '../model/tabIdentity.ts';
import { someOf } from '../model/timeWarnings.ts';
import { saveToDisk, Transfers } from '../model/transfers.ts';
import { Desk, type Editing } from './Desk.tsx';
import { HibernatedScreen } from './HibernatedScreen.tsx';
import { ClosedScreen, EndScreen, NotRunningScreen, PausedScreen } from './StateScreens.tsx';
import { TopBar } from './TopBar.tsx';
import { SessionProvider, useAttemptSession, useSessionState } from './useAttemptSession.ts';

/** Programs in the sandbox write files without saying so; the folders that are open are looked at this often. */
const REFRESH_FILES_MS = 5_000;
const LOOK_AT_CLOCK_MS = 1_000;

interface Opened {
  attemptId: string;
  title: string;
  /** The environment is the one to learn the workspace in. */
  isPractice: boolean;
  userId: string;
  /** What the person chose for their workspace, as it was kept. */
  kept: unknown;
  keymap: Keymap;
}

export function WorkspaceScreen(opened: Opened) {
  const { attemptId, userId, kept } = opened;
  // Before anything is drawn, so that nothing jumps to where it was left.
  useState(() => preferences.begin(userId, kept));
  const session = useAttemptSession(attemptId);
  useEffect(() => keymap.set(opened.keymap), [opened.keymap]);
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
        <Workspace session={session} {...opened} />
      </TooltipProvider>
    </SessionProvider>
  );
}

/** The editor's part of the session: loaded after the terminals, since it is the larger one. */
function useEditing(session: AttemptSession, attemptId: string): { editing: Editing | null; error: string | null } {
  const [editing, setEditing] = useState<Editing | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    let files: OpenFiles | null = null;
    let help: PythonHelp | null = null;
    let formatter: PythonFormatter | null = null;
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
          outputBytes: () => session.outputBytes,
          openList: new OpenList({ attemptId, tab: session.tab, tabStorage, browserStorage, claim: claimName }),
          savesByItself: () => preferences.get().autoSave || isLastMinute(session.clock),
        });
        const say = (text: string) => session.notice.emit({ tone: 'info', text });
        help = new PythonHelp({ monaco, files, ask: session.ask, time: browserTime, say });
        formatter = new PythonFormatter({ monaco, time: browserTime, say });
        session.unsavedFiles = () => files?.unsaved ?? [];
        setEditing({ monaco, files, help });
      },
      () => !gone && setError('The editor could not be loaded. Reload the page; the terminals work meanwhile.'),
    );
    return () => {
      gone = true;
      help?.dispose();
      formatter?.dispose();
      files?.dispose();
      setEditing(null);
    };
  }, [session, attemptId]);
  return { editing, error };
}

function Workspace({ session, attemptId, title, isPractice }: Opened & { session: AttemptSession }) {
  const { connection, sandbox, clock, welcome } = useSessionState();
  const [tree] = useState(() => new FileTree(session.ask, browserTime));
  const [transfers] = useState(
    () =>
      new Transfers({
        tab: session.tab,
        ask: session.ask,
        time: browserTime,
        onUploaded: () => tree.look(),
        save: saveToDisk,
      }),
  );
  useEffect(() => {
    transfers.resume();
    return () => transfers.stop();
  }, [transfers]);
  const { editing, error } = useEditing(session, attemptId);
  const files = editing?.files ?? null;
  const state = clock?.state;
  const live = connection.kind === 'open' && sandbox === 'attached' && state === 'running';
  const restored = useRef<OpenFiles | null>(null);
  const [words] = useState(() => new Store(NO_SEARCH));

  /** What was asked for last before the editor is there. */
  const early = useRef<{ path: string; place: Place | undefined } | null>(null);
  /** As whoever asked before it was there finds it later: a place in a terminal waits for the sandbox's answer in between. */
  const opening = useRef<OpenFiles | null>(null);
  const open = useCallback((path: string, place?: Place) => {
    if (!opening.current) early.current = { path, place };
    else void (place ? opening.current.openAt(path, place) : opening.current.open(path));
  }, []);
  // Before what an earlier page had open, which leaves in front what somebody asked for here.
  useEffect(() => {
    opening.current = files;
    if (!files || early.current === null) return;
    open(early.current.path, early.current.place);
    early.current = null;
  }, [files, open]);

  useEffect(() => {
    if (!live) return;
    // A sandbox that replaces a lost one holds the files of the last copy.
    void tree.refresh();
    void files?.shareAgain();
    for (const { path } of files?.store.get().files ?? []) files?.onDiskChanged(path);
  }, [live, tree, files]);

  useEffect(() => {
    if (!live || !files || restored.current === files) return;
    restored.current = files;
    void files.restore().then((back) => {
      if (back.length > 0) session.notice.emit({ tone: 'info', text: `Unsaved text of yours is back: ${someOf(back)}.` });
      return session.sendLeft();
    });
  }, [live, files, session]);

  useEffect(() => {
    if (!live) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) tree.look();
    }, REFRESH_FILES_MS);
    return () => clearInterval(timer);
  }, [live, tree]);

  useEffect(() => {
    if (!live || !files) return undefined;
    const lastMinute = new LastMinute({ clock: session.clock, files, say: (text) => session.notice.emit({ tone: 'warning', text }) });
    const timer = setInterval(() => void lastMinute.look(), LOOK_AT_CLOCK_MS);
    return () => clearInterval(timer);
  }, [live, files, session]);

  useEffect(
    () =>
      session.fileChanged.on(({ path, to, ...news }) => {
        if (to === undefined) files?.onDiskChanged(path, news);
        else void files?.renamed(path, to);
        for (const changed of to === undefined ? [path] : [path, to]) {
          editing?.help.onDiskChanged(changed);
          tree.changed(parentOf(changed));
        }
      }),
    [session, editing, files, tree],
  );

  useEffect(
    () =>
      session.placeClicked.on(async ({ path: printed, line, column }) => {
        const say = (text: string) => session.notice.emit({ tone: 'info', text });
        try {
          const meant = fileMeant(printed, (await session.ask('file.paths', {})).paths);
          if ('refusal' in meant) say(meant.refusal);
          else open(meant.path, { line, column, length: 0 });
        } catch (error) {
          say(error instanceof Error ? error.message : 'The files could not be listed.');
        }
      }),
    [session, open],
  );

  useEffect(() => session.sealed.on(() => files?.recordTexts()), [session, files]);

  useEffect(() => session.documentChanged.on(({ path, ...shared }) => files?.sharedChanged(path, shared)), [session, files]);

  useEffect(() => {
    const flush = () => files?.flush();
    const flushHidden = () => document.hidden && flush();
    window.addEventListener('pagehide', flush);
    document.addEventListener('visibilitychange', flushHidden);
    return () => {
      window.removeEventListener('pagehide', flush);
      document.removeEventListener('visibilitychange', flushHidden);
    };
  }, [files]);

  useEffect(() => {
    const guard = (event: BeforeUnloadEvent) => {
      // Ctrl-W, meant for a shell, must not close the attempt's page; nor may a text be left unsaved unasked.
      if (state === 'running' || files?.unsaved.length) event.preventDefault();
    };
    window.addEventListener('beforeunload', guard);
    return () => window.removeEventListener('beforeunload', guard);
  }, [files, state]);

  if (state === 'finalising' || state === 'completed') return <EndScreen attemptId={attemptId} state={state} files={files} />;
  if (connection.kind === 'closed')
    return connection.code === 4410 ? (
      <EndScreen attemptId={attemptId} state="completed" files={files} />
    ) : (
      <ClosedScreen reason={connection.reason} />
    );
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
  return (
    <Desk
      title={title}
      tree={tree}
      transfers={transfers}
      editing={editing}
      editorError={error}
      words={words}
      onOpen={open}
      isPractice={isPractice}
    />
  );
}
