'use client';
import { useEffect, useRef, useState } from 'react';
import { type CodeEditor, EDITOR_OPTIONS, languageOf, loadMonaco, type MonacoApi, type TextModel } from '../model/monaco.ts';

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

/** Long enough for what was drawn to be on the screen, and for a first click to be answered. */
const LOADED_AFTER_MS = 300;
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

function markSelection(monaco: MonacoApi, editor: CodeEditor, model: TextModel, selection: { anchor: number; active: number }) {
  const anchor = model.getPositionAt(selection.anchor);
  const active = model.getPositionAt(selection.active);
  const [start, end] = selection.anchor <= selection.active ? [anchor, active] : [active, anchor];
  const marks = editor.createDecorationsCollection([
    { range: monaco.Range.fromPositions(start, end), options: { className: 'bg-accent-soft' } },
    { range: monaco.Range.fromPositions(active, active), options: { className: 'border-l-2 border-accent', isWholeLine: false } },
    {
      range: monaco.Range.fromPositions(active, active),
      options: { isWholeLine: true, linesDecorationsClassName: 'border-l-2 border-accent' },
    },
  ]);
  editor.revealPositionInCenterIfOutsideViewport(active);
  return marks;
}

/**
 * A text that somebody else edits or edited, with the place of their cursor; without colours until the editor is loaded, which begins
 * once the page is `ready` for so much code.
 */
export function ReadOnlyEditor({ shown, ready }: { shown: ShownText; ready: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  const [monaco, setMonaco] = useState<MonacoApi | null>(null);
  const editor = useRef<CodeEditor | null>(null);
  const marks = useRef<{ clear(): void } | null>(null);
  /** The model's text as it was last set, which the model would put together anew; null where it may have other line endings. */
  const applied = useRef<string | null>(null);

  useEffect(() => {
    if (!ready) return undefined;
    let gone = false;
    let stop = () => {};
    // The editor is megabytes of code: whatever else the page begins with, terminals above all, is drawn before it.
    const timer = setTimeout(() => {
      stop = whenIdle(() => void loadMonaco().then((loaded) => !gone && setMonaco(loaded)));
    }, LOADED_AFTER_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
      stop();
    };
  }, [ready]);

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
    applied.current = null;
    previous?.dispose();
    return undefined;
  }, [monaco, shown.path]);

  useEffect(() => {
    if (!monaco) return undefined;
    // With the next frame, and of several texts before it the last one.
    const frame = requestAnimationFrame(() => {
      const model = editor.current?.getModel();
      if (!editor.current || !model) return;
      // Offsets count the text as recorded, so the line endings must stay what they were.
      model.setEOL(shown.text.includes('\r\n') ? monaco.editor.EndOfLineSequence.CRLF : monaco.editor.EndOfLineSequence.LF);
      const hasReturns = shown.text.includes('\r');
      const before = (hasReturns ? null : applied.current) ?? model.getValue();
      if (before !== shown.text) {
        const { from, to, text } = difference(before, shown.text);
        model.applyEdits([{ range: monaco.Range.fromPositions(model.getPositionAt(from), model.getPositionAt(to)), text }]);
      }
      applied.current = hasReturns ? null : shown.text;
      marks.current?.clear();
      marks.current = shown.selection === null ? null : markSelection(monaco, editor.current, model, shown.selection);
    });
    return () => cancelAnimationFrame(frame);
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
