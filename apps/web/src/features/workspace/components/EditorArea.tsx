'use client';
import { Button, ConfirmDialog, cn, EmptyState, Kbd, Spinner } from '@plumbline/ui';
import { FileCode, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { type CodeEditor, EDITOR_OPTIONS, type MonacoApi } from '../model/monaco.ts';
import type { OpenFile, OpenFiles } from '../model/openFiles.ts';
import { ConflictDialog } from './ConflictDialog.tsx';
import { useSession, useSessionState, useStore } from './useAttemptSession.ts';

const SAVE_WORDS = { saved: 'Saved', unsaved: 'Unsaved', saving: 'Saving' } as const;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function FileTabs({ files, onClose }: { files: OpenFiles; onClose: (file: OpenFile) => void }) {
  const { files: open, active } = useStore(files.store);
  return (
    <nav aria-label="Open files" className="flex h-8 shrink-0 overflow-x-auto border-b border-border bg-surface-sunken">
      {open.map((file) => (
        <div
          key={file.path}
          className={cn(
            'group flex shrink-0 items-center border-r border-border pr-1',
            file.path === active ? 'bg-surface' : 'text-muted hover:text-foreground',
          )}
        >
          <button
            type="button"
            aria-current={file.path === active}
            data-testid="editor-tab"
            data-path={file.path}
            data-dirty={file.dirty}
            title={file.path}
            onClick={() => files.activate(file.path)}
            onAuxClick={(event) => event.button === 1 && onClose(file)}
            className="h-full px-3 text-xs"
          >
            {nameOf(file.path)}
            {file.dirty ? (
              <>
                <span aria-hidden> ●</span>
                <span className="sr-only"> (unsaved)</span>
              </>
            ) : null}
          </button>
          <button
            type="button"
            tabIndex={-1}
            aria-label={`Close ${file.path}`}
            onClick={() => onClose(file)}
            className="rounded p-0.5 opacity-60 hover:bg-hover hover:opacity-100"
          >
            <X aria-hidden className="size-3" />
          </button>
        </div>
      ))}
    </nav>
  );
}

/** What is to be said about the file in front, above its text. */
function FileBanner({ file, files }: { file: OpenFile; files: OpenFiles }) {
  const line = 'flex shrink-0 items-center gap-2 border-b border-border px-3 py-1 text-xs';
  if (file.saveError) {
    return (
      <div role="alert" className={cn(line, 'bg-danger-soft')}>
        <span className="flex-1">Not saved: {file.saveError}</span>
        <Button size="sm" onClick={() => void files.save(file.path)}>
          Save again
        </Button>
      </div>
    );
  }
  if (file.conflict === 'changed') {
    return (
      <div role="status" className={cn(line, 'bg-warning-soft')} data-testid="changed-on-disk">
        <span className="flex-1">This file changed on disk since your edit began. Your text is kept here, unsaved.</span>
        <Button size="sm" onClick={() => void files.reload(file.path)}>
          Take the file on disk
        </Button>
        <Button size="sm" onClick={() => void files.keepBoth(file.path)}>
          Keep both
        </Button>
      </div>
    );
  }
  if (file.conflict === 'deleted') {
    return (
      <div role="status" className={cn(line, 'bg-warning-soft')}>
        <span className="flex-1">This file is no longer on disk. Saving writes it again.</span>
        <Button size="sm" onClick={() => void files.save(file.path, true)}>
          Write it again
        </Button>
      </div>
    );
  }
  if (file.recovered) {
    return (
      <div role="status" className={cn(line, 'bg-accent-soft')}>
        <span className="flex-1">Your unsaved text from before the reload is back.</span>
        <Button size="sm" onClick={() => void files.reload(file.path)}>
          Drop it
        </Button>
      </div>
    );
  }
  if (file.readOnlyReason && file.model) return <div className={cn(line, 'bg-surface-sunken text-muted')}>{file.readOnlyReason}</div>;
  return null;
}

/** The editor: one Monaco for all files; each file keeps its own undo history and place. */
export function EditorArea({ monaco, files }: { monaco: MonacoApi; files: OpenFiles }) {
  const session = useSession();
  const { connection } = useSessionState();
  const { files: open, active } = useStore(files.store);
  const [closing, setClosing] = useState<OpenFile | null>(null);
  const [position, setPosition] = useState({ line: 1, column: 1 });
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeEditor | null>(null);
  const shown = useRef<string | null>(null);
  const places = useRef(new Map<string, ReturnType<CodeEditor['saveViewState']>>());
  const file = open.find((candidate) => candidate.path === active);
  const model = file?.model ?? null;

  useEffect(() => {
    if (!host.current) return undefined;
    const made = monaco.editor.create(host.current, { ...EDITOR_OPTIONS, model: null });
    editor.current = made;
    made.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.KeyS, () => {
      if (shown.current) void files.save(shown.current);
    });
    // Quick open is the workspace's; Monaco's own would take the key.
    made.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.KeyP, () => window.dispatchEvent(new CustomEvent('plumbline:quick-open')));
    const listeners = [
      made.onDidChangeCursorSelection((event) => {
        const target = made.getModel();
        if (!target || !shown.current) return;
        const { selection } = event;
        const anchor = target.getOffsetAt({ lineNumber: selection.selectionStartLineNumber, column: selection.selectionStartColumn });
        const at = target.getOffsetAt({ lineNumber: selection.positionLineNumber, column: selection.positionColumn });
        files.selectionChanged(shown.current, anchor, at);
        setPosition({ line: selection.positionLineNumber, column: selection.positionColumn });
      }),
      made.onDidFocusEditorText(() => shown.current && session.panelFocused(`editor:${shown.current}`)),
    ];
    const dom = made.getDomNode();
    const onPaste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData('text/plain') ?? '';
      if (text !== '' && shown.current) session.pasted(`editor:${shown.current}`, text);
    };
    const onCopy = () => {
      const selection = made.getSelection();
      const text = selection && !selection.isEmpty() ? made.getModel()?.getValueInRange(selection) : undefined;
      if (text && shown.current) session.copied(`editor:${shown.current}`, text);
    };
    dom?.addEventListener('paste', onPaste, { capture: true });
    dom?.addEventListener('copy', onCopy, { capture: true });
    dom?.addEventListener('cut', onCopy, { capture: true });
    return () => {
      if (shown.current) places.current.set(shown.current, made.saveViewState());
      shown.current = null;
      for (const listener of listeners) listener.dispose();
      dom?.removeEventListener('paste', onPaste, { capture: true });
      dom?.removeEventListener('copy', onCopy, { capture: true });
      dom?.removeEventListener('cut', onCopy, { capture: true });
      editor.current = null;
      made.dispose();
    };
  }, [monaco, files, session]);

  useEffect(() => {
    const target = editor.current;
    if (!target) return;
    if (shown.current && shown.current !== active) places.current.set(shown.current, target.saveViewState());
    shown.current = model ? active : null;
    target.setModel(model);
    if (!model || !active) return;
    const place = places.current.get(active);
    if (place) target.restoreViewState(place);
    target.focus();
  }, [model, active]);

  useEffect(() => {
    editor.current?.updateOptions({ readOnly: file?.readOnlyReason !== null, readOnlyMessage: { value: file?.readOnlyReason ?? '' } });
  }, [file?.readOnlyReason]);

  const close = (target: OpenFile) => {
    if (target.dirty) setClosing(target);
    else files.close(target.path);
  };
  const saveState = file?.saving ? 'saving' : file?.dirty ? 'unsaved' : 'saved';

  return (
    <section aria-label="Editor" className="flex h-full min-w-0 flex-col bg-surface">
      {open.length > 0 ? <FileTabs files={files} onClose={close} /> : null}
      {file ? <FileBanner file={file} files={files} /> : null}
      <div className="relative min-h-0 flex-1">
        <div ref={host} data-testid="editor" className={cn('absolute inset-0', !model && 'invisible')} />
        {!file ? (
          <EmptyState icon={<FileCode aria-hidden />} title="No file is open">
            Open one on the left, or press <Kbd>Ctrl</Kbd> <Kbd>P</Kbd> and type a name.
          </EmptyState>
        ) : null}
        {file?.state === 'loading' ? <Spinner label={`Reading ${file.path}`} className="p-4" /> : null}
        {file?.state === 'failed' ? (
          <EmptyState
            icon={<FileCode aria-hidden />}
            title={`${nameOf(file.path)} could not be opened`}
            action={<Button onClick={() => void files.load(file.path)}>Try again</Button>}
          >
            {file.error}
          </EmptyState>
        ) : null}
        {file?.state === 'ready' && !model ? (
          <EmptyState icon={<FileCode aria-hidden />} title={nameOf(file.path)}>
            {file.readOnlyReason}
          </EmptyState>
        ) : null}
      </div>
      {file?.model ? (
        <div className="flex h-6 shrink-0 items-center gap-4 border-t border-border px-3 text-xs text-muted">
          <span className="min-w-0 flex-1 truncate">{file.path}</span>
          <span className="tabular-nums">
            {position.line}:{position.column}
          </span>
          <span data-testid="save-state" data-state={saveState}>
            {file.readOnlyReason
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
        description="What you changed since the last save is dropped. The file on disk stays as it is."
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
