'use client';
import { Button, Chord, cn, EmptyState, Spinner } from '@plumbline/ui';
import { FileCode, X } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { keyLabel } from '../model/commands.ts';
import { mayTakeFocus } from '../model/keptFocus.ts';
import { attachVim, keymap } from '../model/keymap.ts';
import { type CodeEditor, EDITOR_OPTIONS, type MonacoApi } from '../model/monaco.ts';
import { readOnlyReason } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { preferences } from '../model/preferences.ts';
import { CompareView } from './CompareView.tsx';
import { ImageView } from './ImageView.tsx';
import { useSession } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

export interface Position {
  line: number;
  column: number;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** One pane of the editor: a Monaco of its own that shows one of the open files, whose text all panes share. */
export function EditorPane({
  monaco,
  files,
  at,
  comparing,
  onCompareEnd,
  onPosition,
}: {
  monaco: MonacoApi;
  files: OpenFiles;
  at: number;
  comparing: boolean;
  onCompareEnd: () => void;
  onPosition: (position: Position) => void;
}) {
  const session = useSession();
  const { files: open, panes, pane } = useStore(files.store);
  const wanted = useStore(files.wanted);
  const { wordWrap } = useStore(preferences);
  const keys = useStore(keymap);
  const status = useRef<HTMLDivElement>(null);
  const takeKeys = useRef<(() => void) | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeEditor | null>(null);
  const shown = useRef<string | null>(null);
  const place = useRef(at);
  place.current = at;
  const report = useRef(onPosition);
  report.current = onPosition;
  const isInUse = useCallback(() => files.store.get().pane === place.current, [files]);
  const tellPlace = useCallback(
    (of: CodeEditor) => {
      const position = of.getPosition();
      if (!position || !shown.current || !isInUse()) return;
      const { lineNumber: line, column } = position;
      report.current({ line, column });
      files.cursorStands({ path: shown.current, line, column });
    },
    [files, isInUse],
  );
  const [places] = useState(() => new Map<string, ReturnType<CodeEditor['saveViewState']>>());
  const path = panes[at] ?? null;
  const file = open.find((candidate) => candidate.path === path);
  const model = file?.model ?? null;
  const focused = pane === at;
  const reason = file ? readOnlyReason(file) : null;

  useEffect(() => {
    if (!host.current) return undefined;
    const made = monaco.editor.create(host.current, { ...EDITOR_OPTIONS, model: null });
    editor.current = made;
    const listeners = [
      made.onDidChangeCursorSelection((event) => {
        const target = made.getModel();
        if (!target || !shown.current) return;
        const { selection } = event;
        const anchor = target.getOffsetAt({ lineNumber: selection.selectionStartLineNumber, column: selection.selectionStartColumn });
        const active = target.getOffsetAt({ lineNumber: selection.positionLineNumber, column: selection.positionColumn });
        // Of two panes on one file only the one that is used speaks.
        if (made.hasTextFocus() || isInUse()) files.selectionChanged(shown.current, anchor, active);
        tellPlace(made);
      }),
      // Also by the editor's menu, which reads the clipboard without an event of the page.
      made.onDidPaste(({ range }) => {
        const text = made.getModel()?.getValueInRange(range) ?? '';
        if (text !== '' && shown.current) session.pasted(`editor:${shown.current}`, text);
      }),
      made.onDidFocusEditorText(() => {
        files.focusPane(place.current);
        if (shown.current) session.panelFocused(`editor:${shown.current}`);
        tellPlace(made);
      }),
    ];
    // The editor's own element is there only once it shows a text.
    const dom = made.getContainerDomNode();
    const onCopy = () => {
      const selection = made.getSelection();
      const text = selection && !selection.isEmpty() ? made.getModel()?.getValueInRange(selection) : undefined;
      if (text && shown.current) session.copied(`editor:${shown.current}`, text);
    };
    dom.addEventListener('copy', onCopy, { capture: true });
    dom.addEventListener('cut', onCopy, { capture: true });
    return () => {
      if (shown.current) places.set(shown.current, made.saveViewState());
      shown.current = null;
      for (const listener of listeners) listener.dispose();
      dom.removeEventListener('copy', onCopy, { capture: true });
      dom.removeEventListener('cut', onCopy, { capture: true });
      takeKeys.current?.();
      takeKeys.current = null;
      editor.current = null;
      made.dispose();
    };
  }, [monaco, files, session, places, isInUse, tellPlace]);

  // Behind the effect that makes the editor, which takes the keys away before the editor goes.
  useEffect(() => {
    const target = editor.current;
    if (keys !== 'vim' || !target || !status.current) return undefined;
    const inFront = () => files.store.get().files.find((one) => one.path === shown.current);
    const detach = attachVim(target, status.current, {
      files: (all) => (all ? files.store.get().files : [inFront()].flatMap((one) => one ?? [])),
      save: (saved, overwrite) => files.save(saved.path, overwrite),
      close: ({ path: closed, dirty }, discard) => {
        if (dirty && !discard) window.dispatchEvent(new CustomEvent('plumbline:close-file', { detail: closed }));
        else files.close(closed);
      },
      say: (text) => session.notice.emit({ tone: 'warning', text }),
    });
    takeKeys.current = detach;
    return detach;
  }, [keys, monaco, files, session, places]);

  useEffect(() => {
    const target = editor.current;
    if (!target) return;
    if (shown.current && shown.current !== path) places.set(shown.current, target.saveViewState());
    shown.current = model ? path : null;
    target.setModel(model);
    if (!model || !path) return;
    const kept = places.get(path);
    const stood = files.stoodAt(path);
    if (kept) target.restoreViewState(kept);
    else if (stood) {
      target.setPosition({ lineNumber: stood.line, column: stood.column });
      target.revealLineInCenterIfOutsideViewport(stood.line);
    }
    tellPlace(target);
  }, [model, path, files, places, tellPlace]);

  useEffect(() => {
    if (!focused || !model || !mayTakeFocus()) return;
    // What comes back after a reload takes the keyboard from nobody who types by then; nor does a file that is given another path.
    if (files.isRestoring && document.activeElement?.closest('.xterm, input, textarea')) return;
    editor.current?.focus();
  }, [focused, model, files]);

  useEffect(() => {
    const target = editor.current;
    if (!target || !model || !focused || wanted === null || wanted.path !== path) return;
    files.wanted.set(null);
    const { line, column, length } = wanted.place;
    const end = model.getPositionAt(model.getOffsetAt({ lineNumber: line, column }) + length);
    target.setSelection({ startLineNumber: line, startColumn: column, endLineNumber: end.lineNumber, endColumn: end.column });
    target.revealLineInCenterIfOutsideViewport(line);
    tellPlace(target);
    target.focus();
  }, [wanted, model, path, focused, files, tellPlace]);

  useEffect(() => {
    editor.current?.updateOptions({
      readOnly: reason !== null,
      readOnlyMessage: { value: reason ?? '' },
      wordWrap: wordWrap ? 'on' : 'off',
    });
  }, [reason, wordWrap]);

  const modifier = keyLabel('Ctrl/Cmd', navigator.platform);
  return (
    <div className="flex h-full min-w-0 flex-col" data-testid={`editor-pane-${at}`} data-focused={focused}>
      {panes.length > 1 ? (
        <div
          className={cn(
            'flex h-6 shrink-0 items-center gap-1 border-b border-border px-2 text-xs',
            focused ? 'text-foreground' : 'text-muted',
          )}
        >
          <button type="button" className="min-w-0 flex-1 truncate text-left" onClick={() => files.focusPane(at)}>
            {path ?? 'Empty'}
          </button>
          <Button
            variant="ghost"
            size="icon-sm"
            className="size-5"
            aria-label={`Close the pane of ${path ?? 'no file'}`}
            onClick={() => files.closePane(at)}
          >
            <X />
          </Button>
        </div>
      ) : null}
      <div className="relative min-h-0 flex-1">
        <div
          ref={host}
          data-testid={focused ? 'editor' : `editor-${at}`}
          className={cn('absolute inset-0', (!model || comparing) && 'invisible')}
        />
        {comparing && model && path ? (
          <div className="absolute inset-0">
            <CompareView key={path} monaco={monaco} path={path} model={model} onClose={onCompareEnd} />
          </div>
        ) : null}
        {!file ? (
          <EmptyState icon={<FileCode aria-hidden />} title="No file is open">
            Open one on the left, or press <Chord keys={[modifier, 'P']} /> outside a terminal and type a name.{' '}
            <Chord keys={[modifier, 'Shift', 'P']} /> lists all commands everywhere.
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
        {file?.isImage ? <ImageView key={file.path} file={file} /> : null}
        {file?.state === 'ready' && !model && !file.isImage ? (
          <EmptyState icon={<FileCode aria-hidden />} title={nameOf(file.path)}>
            {file.readOnlyReason}
          </EmptyState>
        ) : null}
      </div>
      {keys === 'vim' ? (
        <div
          ref={status}
          data-testid={`vim-${at}`}
          aria-label="Vim"
          role="status"
          className={cn(
            'h-6 shrink-0 border-t border-border px-3 font-mono text-xs leading-6 [&_input]:ml-1 [&_input]:w-2/3 [&_input]:outline-none',
            !model && 'invisible',
          )}
        />
      ) : null}
    </div>
  );
}
