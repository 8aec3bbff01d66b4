'use client';
import { useEffect, useRef, useState } from 'react';
import { type CodeEditor, EDITOR_OPTIONS, languageOf, loadMonaco, type MonacoApi } from '../model/monaco.ts';

export interface ShownText {
  path: string;
  text: string;
  selection: { anchor: number; active: number } | null;
}

/** The smallest single replacement that makes one text the other: keeps the scroll and the colours of what stays. */
function difference(before: string, after: string): { from: number; to: number; text: string } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  let end = 0;
  while (end < shorter - start && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end += 1;
  return { from: start, to: before.length - end, text: after.slice(start, after.length - end) };
}

const IDLE_WITHIN_MS = 1_500;

/** Calls once the page has nothing else to do, or after a while all the same. Answers how to stop. */
function whenIdle(call: () => void): () => void {
  // Safari cannot say when it is idle.
  if (typeof requestIdleCallback === 'undefined') {
    const timer = setTimeout(call, IDLE_WITHIN_MS);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(call, { timeout: IDLE_WITHIN_MS });
  return () => cancelIdleCallback(handle);
}

/** A text that somebody else edits or edited, with the place of their cursor; without colours until the editor is loaded. */
export function ReadOnlyEditor({ shown }: { shown: ShownText }) {
  const host = useRef<HTMLDivElement>(null);
  const [monaco, setMonaco] = useState<MonacoApi | null>(null);
  const editor = useRef<CodeEditor | null>(null);
  const marks = useRef<{ clear(): void } | null>(null);

  useEffect(() => {
    let gone = false;
    // The editor is megabytes of code: whatever else the page begins with, terminals above all, is drawn before it.
    const stop = whenIdle(() => void loadMonaco().then((loaded) => !gone && setMonaco(loaded)));
    return () => {
      gone = true;
      stop();
    };
  }, []);

  useEffect(() => {
    if (!monaco || !host.current) return undefined;
    const made = monaco.editor.create(host.current, {
      ...EDITOR_OPTIONS,
      model: null,
      readOnly: true,
      domReadOnly: true,
      renderLineHighlight: 'none',
    });
    editor.current = made;
    return () => {
      editor.current = null;
      const model = made.getModel();
      made.dispose();
      model?.dispose();
    };
  }, [monaco]);

  useEffect(() => {
    const target = editor.current;
    if (!monaco || !target) return undefined;
    const model = monaco.editor.createModel('', languageOf(monaco, shown.path));
    const previous = target.getModel();
    target.setModel(model);
    previous?.dispose();
    return undefined;
  }, [monaco, shown.path]);

  useEffect(() => {
    const target = editor.current;
    const model = target?.getModel();
    if (!monaco || !target || !model) return;
    // Offsets count the text as recorded, so the line endings must stay what they were.
    model.setEOL(shown.text.includes('\r\n') ? monaco.editor.EndOfLineSequence.CRLF : monaco.editor.EndOfLineSequence.LF);
    const before = model.getValue();
    if (before !== shown.text) {
      const { from, to, text } = difference(before, shown.text);
      model.applyEdits([{ range: monaco.Range.fromPositions(model.getPositionAt(from), model.getPositionAt(to)), text }]);
    }
    marks.current?.clear();
    if (!shown.selection) return;
    const anchor = model.getPositionAt(shown.selection.anchor);
    const active = model.getPositionAt(shown.selection.active);
    const [start, end] = shown.selection.anchor <= shown.selection.active ? [anchor, active] : [active, anchor];
    marks.current = target.createDecorationsCollection([
      { range: monaco.Range.fromPositions(start, end), options: { className: 'bg-accent-soft' } },
      { range: monaco.Range.fromPositions(active, active), options: { className: 'border-l-2 border-accent', isWholeLine: false } },
      {
        range: monaco.Range.fromPositions(active, active),
        options: { isWholeLine: true, linesDecorationsClassName: 'border-l-2 border-accent' },
      },
    ]);
    target.revealPositionInCenterIfOutsideViewport(active);
  }, [monaco, shown]);

  return (
    <div className="relative h-full">
      <div ref={host} className="absolute inset-0" data-testid="read-only-editor" />
      {monaco ? null : (
        <pre className="absolute inset-0 overflow-hidden p-4 font-mono text-[13px] leading-5" data-testid="read-only-text">
          {shown.text}
        </pre>
      )}
    </div>
  );
}
