import { flushSync } from 'react-dom';
import type { Command } from '../model/commands.ts';
import type { CodeEditor } from '../model/monaco.ts';
import { choose } from '../model/preferences.ts';
import type { Editing } from './Desk.tsx';
import { type DeskActs, focusEditor, tellDesk } from './deskActs.ts';

/** The editor that shows the file in use: the one with the cursor where two panes show it. */
function usedEditor({ monaco, files }: Editing): CodeEditor | null {
  const { active, files: open } = files.store.get();
  const model = open.find(({ path }) => path === active)?.model;
  if (!model) return null;
  // Those of a comparison are of another kind, and have commands of their own.
  const shown = monaco.editor.getEditors().filter((one): one is CodeEditor => one.getModel() === model && 'addAction' in one);
  return shown.find((one) => one.hasTextFocus()) ?? shown[0] ?? null;
}

/** Formats what an editor shows; undefined where nothing can. */
function formatOf(editor: CodeEditor | null): (() => Promise<void>) | undefined {
  if (editor?.getModel()?.getLanguageId() !== 'python') return undefined;
  return async () => editor.getAction('editor.action.formatDocument')?.run();
}

/** What the editor itself can do with the file in use now, by the editor's own names. */
export function editorCommands(editing: Editing | null): Command[] {
  const editor = editing ? usedEditor(editing) : null;
  if (!editor) return [];
  return editor
    .getSupportedActions()
    .filter(({ id, label }) => label !== '' && id !== 'editor.action.quickCommand')
    .map((action) => ({
      id: action.id,
      title: action.label,
      run: () => {
        editor.focus();
        void action.run();
      },
    }))
    .sort((a, b) => a.title.localeCompare(b.title));
}

/** What is done with open files, their tabs and the panes that show them. */
export function fileCommands({ editing, chosen: { formatOnSave } }: DeskActs): Command[] {
  const files = editing?.files ?? null;
  return [
    {
      id: 'save',
      title: 'Save the file',
      keys: ['Ctrl/Cmd', 'S'],
      notInTerminal: true,
      run: () => {
        const path = files?.store.get().active;
        const format = formatOnSave && editing ? formatOf(usedEditor(editing)) : undefined;
        // One that cannot be formatted is saved as it is.
        if (path) void Promise.resolve(format?.()).finally(() => files?.save(path));
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
      run: () => tellDesk('close-file'),
    },
    {
      // Only in a window of its own: a browser's tab closes without asking the page.
      id: 'close-in-app',
      title: 'Close the file',
      keys: ['Ctrl/Cmd', 'W'],
      isUnlisted: true,
      notInTerminal: true,
      run: () => tellDesk('close-file'),
    },
    {
      id: 'reopen',
      title: 'Open the file again that was closed last',
      keys: ['Ctrl/Cmd', 'Shift', 'T'],
      run: () => void files?.reopen(),
    },
    {
      id: 'go-back',
      title: 'Go back to where the cursor was',
      keys: ['Alt', '←'],
      macKeys: ['Ctrl', '-'],
      notInTerminal: true,
      run: () => void files?.travel('back'),
    },
    {
      id: 'go-forward',
      title: 'Go forward to where the cursor went',
      keys: ['Alt', '→'],
      macKeys: ['Ctrl', 'Shift', '-'],
      notInTerminal: true,
      run: () => void files?.travel('forward'),
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
    ...([-1, 1] as const).map((by) => ({
      id: by < 0 ? 'previous-tab' : 'next-tab',
      title: by < 0 ? 'Previous file; in a terminal, the previous terminal' : 'Next file; in a terminal, the next terminal',
      keys: ['Alt', by < 0 ? 'PageUp' : 'PageDown'],
      run: () => {
        if (document.activeElement?.closest('.xterm')) return void tellDesk('next-terminal', by);
        flushSync(() => files?.activateNext(by));
        focusEditor();
      },
    })),
    ...([-1, 1] as const).flatMap((by) => {
      const side = by < 0 ? 'left' : 'right';
      const moveTerminal = () => tellDesk('move-terminal', by);
      return [
        { id: `tab-${side}`, title: `Move the file’s tab to the ${side}`, run: () => files?.moveActiveTab(by) },
        { id: `terminal-tab-${side}`, title: `Move the terminal’s tab to the ${side}`, run: moveTerminal },
      ];
    }),
  ];
}

/** What is done with the text of the file in front. */
export function textCommands({ session, editing, chosen, toggleCompare, showUses }: DeskActs): Command[] {
  const { autoSave, formatOnSave, wordWrap } = chosen;
  const files = editing?.files ?? null;
  return [
    {
      id: 'format',
      title: 'Format the file',
      keys: ['Shift', 'Alt', 'F'],
      notInTerminal: true,
      run: () => {
        const format = editing ? formatOf(usedEditor(editing)) : undefined;
        if (format) void format();
        else session.notice.emit({ tone: 'info', text: 'There is a formatter for Python files only.' });
      },
    },
    {
      id: 'names',
      title: 'Go to a class or function of the file',
      keys: ['Ctrl/Cmd', 'Shift', 'O'],
      notInTerminal: true,
      run: () => {
        const editor = editing ? usedEditor(editing) : null;
        editor?.focus();
        void editor?.getAction('editor.action.quickOutline')?.run();
      },
    },
    {
      id: 'uses',
      title: 'Show where the name at the cursor is used',
      keys: ['Shift', 'F12'],
      notInTerminal: true,
      run: () => {
        const editor = editing ? usedEditor(editing) : null;
        const [model, position] = [editor?.getModel(), editor?.getPosition()];
        const word = model && position ? model.getWordAtPosition(position)?.word : undefined;
        if (!editing || !model || !position || word === undefined || model.getLanguageId() !== 'python')
          return session.notice.emit({ tone: 'info', text: 'Put the cursor into a name of a Python file first.' });
        showUses({ word, find: () => editing.help.uses(model, position) });
      },
    },
    {
      id: 'edit-here',
      title: 'Edit the file here that another tab edits',
      run: () => {
        const path = files?.store.get().active;
        if (path && files?.store.get().files.some((file) => file.path === path && file.edited === 'elsewhere')) void files.editHere(path);
      },
    },
    { id: 'compare', title: 'Compare the file with the start or a snapshot', run: () => toggleCompare() },
    {
      id: 'indentation',
      title: 'Change what the file is indented with…',
      run: () => tellDesk('indentation'),
    },
    {
      id: 'python',
      title: 'Choose the Python whose packages the editor knows…',
      run: () => {
        const isPython = editing ? usedEditor(editing)?.getModel()?.getLanguageId() === 'python' : false;
        if (isPython) tellDesk('python');
        else session.notice.emit({ tone: 'info', text: 'Open a Python file first.' });
      },
    },
    { id: 'auto-save', title: `Turn auto-save ${autoSave ? 'off' : 'on'}`, run: () => choose({ autoSave: !autoSave }) },
    {
      id: 'format-on-save',
      title: `Turn formatting of Python files that you save ${formatOnSave ? 'off' : 'on'}`,
      run: () => choose({ formatOnSave: !formatOnSave }),
    },
    {
      id: 'word-wrap',
      title: `Turn word wrap ${wordWrap ? 'off' : 'on'}`,
      keys: ['Alt', 'Z'],
      notInTerminal: true,
      run: () => choose({ wordWrap: !wordWrap }),
    },
  ];
}
