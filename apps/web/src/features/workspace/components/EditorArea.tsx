'use client';
import { ConfirmDialog } from '@plumbline/ui';
import { Columns2, GitCompare } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { MonacoApi } from '../model/monaco.ts';
import { isOfLibrary, type OpenFile, readOnlyReason } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { MOST_PANES } from '../model/paneDrop.ts';
import { choose, preferences } from '../model/preferences.ts';
import type { PythonHelp } from '../model/pythonHelp.ts';
import { Turns } from '../model/turns.ts';
import { ConflictDialog } from './ConflictDialog.tsx';
import { EditorPane, type Position } from './EditorPane.tsx';
import { FileBanner } from './FileBanner.tsx';
import { IndentationMenu } from './IndentationMenu.tsx';
import { InTurn } from './InTurn.tsx';
import { PaneDrop, PanelBar, PanelButton, PanelTab } from './PanelBar.tsx';
import { Panes } from './Panes.tsx';
import { ProblemCount } from './ProblemCount.tsx';
import { PythonMenu } from './PythonMenu.tsx';
import { useSessionState } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

const SAVE_WORDS = { saved: 'Saved', unsaved: 'Unsaved', saving: 'Saving' } as const;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folder that a path lies in, without those above it. */
function folderOf(path: string): string {
  return path.split('/').at(-2) ?? '';
}

function FileTabs({ files, onClose }: { files: OpenFiles; onClose: (file: OpenFile) => void }) {
  const { files: open, active } = useStore(files.store);
  return open.map((file) => (
    <PanelTab
      key={file.path}
      of="editor"
      tabKey={file.path}
      onDropBefore={(path) => files.moveTab(path, file.path)}
      shown={file.path === active}
      close={{ label: `Close ${file.path}`, onClose: () => onClose(file) }}
      aria-current={file.path === active}
      data-testid="editor-tab"
      data-path={file.path}
      data-dirty={file.dirty}
      title={file.path}
      onClick={() => files.activate(file.path)}
      onAuxClick={(event) => event.button === 1 && onClose(file)}
    >
      {nameOf(file.path)}
      {isOfLibrary(file.path) ? <span className="text-muted">{folderOf(file.path)}</span> : null}
      {file.dirty ? (
        <>
          <span aria-hidden> ●</span>
          <span className="sr-only"> (unsaved)</span>
        </>
      ) : null}
    </PanelTab>
  ));
}

/** The editor: the tabs of all open files, and up to three panes beside each other; each file keeps its own undo history. */
export function EditorArea({
  monaco,
  files,
  help,
  comparing,
  onCompare,
  onProblems,
}: {
  monaco: MonacoApi;
  files: OpenFiles;
  help: PythonHelp;
  comparing: boolean;
  onCompare: (comparing: boolean) => void;
  onProblems: () => void;
}) {
  const { connection } = useSessionState();
  const { files: open, active, panes, pane } = useStore(files.store);
  const { autoSave } = useStore(preferences);
  const [closing, setClosing] = useState<OpenFile | null>(null);
  const [turns] = useState(() => new Turns());
  const [position, setPosition] = useState<Position>({ line: 1, column: 1 });
  const file = open.find((candidate) => candidate.path === active);

  const close = (target: OpenFile) => {
    if (target.dirty) setClosing(target);
    else files.close(target.path);
  };
  const closeRef = useRef(close);
  closeRef.current = close;
  useEffect(() => {
    const onClose = (event: Event) => {
      const { files: all, active: front } = files.store.get();
      const path = (event as CustomEvent<string | null>).detail ?? front;
      const target = all.find((candidate) => candidate.path === path);
      if (target) closeRef.current(target);
    };
    window.addEventListener('plumbline:close-file', onClose);
    return () => window.removeEventListener('plumbline:close-file', onClose);
  }, [files]);
  const saveState = file?.saving ? 'saving' : file?.dirty ? 'unsaved' : 'saved';

  return (
    <section aria-label="Editor" className="flex h-full min-w-0 flex-col bg-surface">
      {open.length > 0 ? (
        <PanelBar
          of="editor"
          label="Open files"
          onDropLast={(path) => files.moveTab(path, null)}
          tabs={<FileTabs files={files} onClose={close} />}
        >
          {file?.model && !isOfLibrary(file.path) ? (
            <PanelButton
              label="Compare with the start or a snapshot"
              aria-pressed={comparing}
              data-testid="compare-toggle"
              onClick={() => onCompare(!comparing)}
            >
              <GitCompare />
            </PanelButton>
          ) : null}
          <PanelButton
            label="Split the editor"
            data-testid="editor-split"
            disabled={panes.length >= MOST_PANES}
            onClick={() => files.split()}
          >
            <Columns2 />
          </PanelButton>
        </PanelBar>
      ) : null}
      {file ? <FileBanner file={file} files={files} /> : null}
      <Panes
        of="editor"
        panes={panes.map((_, at) => ({
          key: at,
          content: (
            <>
              <PaneDrop of="editor" canSplit={panes.length < MOST_PANES} onDrop={(path, spot) => files.dropOnPane(path, at, spot)} />
              <InTurn turns={turns}>
                <EditorPane
                  monaco={monaco}
                  files={files}
                  at={at}
                  comparing={comparing && at === pane && !isOfLibrary(active ?? '')}
                  onCompareEnd={() => onCompare(false)}
                  onPosition={setPosition}
                />
              </InTurn>
            </>
          ),
        }))}
      />
      {file?.model ? (
        <div className="flex h-6 shrink-0 items-center gap-4 border-t border-border px-3 text-xs whitespace-nowrap text-muted">
          <span className="min-w-0 truncate">{file.path}</span>
          <span className="min-w-0 flex-1 truncate">
            <ProblemCount problems={help.problems} onShow={onProblems} />
          </span>
          <span className="tabular-nums">
            {position.line}:{position.column}
          </span>
          {file.model.getLanguageId() === 'python' ? <PythonMenu help={help} /> : null}
          <IndentationMenu key={file.path} monaco={monaco} model={file.model} readOnly={readOnlyReason(file) !== null} />
          <button
            type="button"
            aria-pressed={autoSave}
            data-testid="auto-save"
            className="rounded px-1 hover:bg-hover"
            onClick={() => choose({ autoSave: !autoSave })}
          >
            Auto-save {autoSave ? 'on' : 'off'}
          </button>
          <span data-testid="save-state" data-state={saveState}>
            {readOnlyReason(file) !== null
              ? 'Read-only'
              : connection.kind !== 'open' && file.dirty
                ? 'Unsaved, kept in this browser'
                : SAVE_WORDS[saveState]}
          </span>
        </div>
      ) : null}
      {file?.conflict === 'save_refused' ? <ConflictDialog file={file} files={files} /> : null}
      <ConfirmDialog
        open={closing !== null}
        onOpenChange={(next) => !next && setClosing(null)}
        title={`Close ${closing ? nameOf(closing.path) : ''} without saving?`}
        description={
          closing?.conflict === 'deleted'
            ? 'The file is no longer on disk: its text, which only the editor still has, is dropped.'
            : 'What you changed since the last save is dropped. The file on disk stays as it is.'
        }
        confirmLabel="Close without saving"
        busyLabel="Closing"
        tone="danger"
        onConfirm={async () => {
          if (closing) files.close(closing.path);
        }}
      />
    </section>
  );
}
