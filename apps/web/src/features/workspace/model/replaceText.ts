import type { TextModel } from './monaco.ts';

/** Gives a model another text as one step of its undo. Only what differs is replaced, so that the cursor stays where it can. */
export function replaceText(model: TextModel, text: string): void {
  const before = model.getValue();
  if (before === text) return;
  const shorter = Math.min(before.length, text.length);
  let start = 0;
  while (start < shorter && before[start] === text[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  const [from, to] = [model.getPositionAt(start), model.getPositionAt(before.length - end)];
  const range = { startLineNumber: from.lineNumber, startColumn: from.column, endLineNumber: to.lineNumber, endColumn: to.column };
  model.pushStackElement();
  model.pushEditOperations([], [{ range, text: text.slice(start, text.length - end) }], () => null);
  // A border that fell into a character or a line ending was moved by the model.
  if (model.getValue() !== text) model.pushEditOperations([], [{ range: model.getFullModelRange(), text }], () => null);
  model.pushStackElement();
}
