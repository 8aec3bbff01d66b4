import type { WorkspacePreferences } from '@plumbline/protocol';
import { flushSync } from 'react-dom';
import type { AttemptSession } from '../model/attemptSession.ts';
import type { Command } from '../model/commands.ts';
import { type Docks, moveUsed, type PanelId, putAtEdge, putBeside, resetLayout, showPanel, togglePanel } from '../model/layout.ts';
import type { CodeEditor } from '../model/monaco.ts';
import { choose } from '../model/preferences.ts';
import type { Transfers } from '../model/transfers.ts';
import type { Editing } from './Desk.tsx';
import type { NameAsked } from './NameUses.tsx';
import type { TerminalAct } from './TerminalPane.tsx';

export interface DeskActs {
  session: AttemptSession;
  transfers: Transfers;
  editing: Editing | null;
  /** Titles tell what a choice would be changed to. */
  chosen: WorkspacePreferences;
  docks: () => Docks | null;
  openDialog: (dialog: 'pause' | 'submit' | 'open' | 'commands' | 'seal') => void;
  focusSearch: () => void;
  newTerminal: (beside: boolean) => void;
  toggleCompare: () => void;
  showUses: (asked: NameAsked) => void;
  startTour: () => void;
}

/** The terminal that was used last, or the first where none was, or it is out of sight. */
function focusTerminal(session: AttemptSession): void {
  const screens = '.xterm-helper-textarea';
  const used = document.querySelector<HTMLElement>(`[data-testid="terminal-${session.lastTerminal}"] ${screens}`);
  (used ?? document.querySelector<HTMLElement>(screens))?.focus();
}

/** The first thing in a panel that takes keys; its tab where it only shows something. */
function focusPanel(panel: PanelId): void {
  const tab = document.querySelector<HTMLElement>(`[data-testid="tab-${panel}"]`);
  const content = document.getElementById(tab?.getAttribute('aria-controls') ?? '');
  const fields = content?.querySelectorAll<HTMLElement>('textarea, input, select, button, a[href]') ?? [];
  const first = [...fields].find((field) => field.tabIndex >= 0 && !field.matches(':disabled') && field.checkVisibility());
  (first ?? tab)?.focus();
}

function focusEditor(): void {
  document.querySelector<HTMLElement>('[data-testid="editor"] textarea, [data-testid="editor"] .native-edit-context')?.focus();
}

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

const TERMINAL_ACTS = {
  copy: 'Copy what is selected in the terminal',
  paste: 'Paste into the terminal',
  'select-all': 'Select all of the terminal',
  clear: 'Clear the terminal on this page',
  rename: 'Rename the terminal…',
} satisfies Partial<Record<TerminalAct, string>>;

function tellDesk(what: string, detail?: string | number): void {
  window.dispatchEvent(new CustomEvent(`plumbline:${what}`, { detail }));
}
/** What a part of the desk does with what is chosen or in front there. */
const tell = (part: 'files' | 'terminal') => (act: string) => () => tellDesk(part, act);
const tellFiles = tell('files');
const tellTerminal = tell('terminal');

/** Everything that the desk can do. */
export function deskCommands(acts: DeskActs): Command[] {
  const { session, transfers, editing, docks, openDialog } = acts;
  const { autoSave, formatOnSave, wordWrap, copyOnSelection } = acts.chosen;
  const files = editing?.files ?? null;
  const active = () => files?.store.get().active ?? null;
  // The next key is already meant for what is shown now.
  const show = (panel: PanelId) => () => flushSync(() => showPanel(docks(), panel));
  const goTo = (panel: PanelId) => () => {
    show(panel)();
    focusPanel(panel);
  };
  const move = (to: Parameters<typeof moveUsed>[1]) => () => {
    if (!moveUsed(docks(), to)) session.notice.emit({ tone: 'info', text: 'Go into a panel first: the one that was used last is moved.' });
  };
  return [
    { id: 'palette', title: 'Show all commands', keys: ['Ctrl/Cmd', 'Shift', 'P'], isUnlisted: true, run: () => openDialog('commands') },
    // In a terminal it is a key of programs.
    {
      id: 'palette-f1',
      title: 'Show all commands',
      keys: ['F1'],
      isUnlisted: true,
      notInTerminal: true,
      run: () => openDialog('commands'),
    },
    { id: 'open', title: 'Open a file by name', keys: ['Ctrl/Cmd', 'P'], notInTerminal: true, run: () => openDialog('open') },
    {
      id: 'find-in-folder',
      title: 'Find in the folder that is chosen in Files',
      keys: ['Shift', 'Alt', 'F'],
      onlyIn: 'files',
      run: tellFiles('find'),
    },
    {
      id: 'collapse-all',
      title: 'Collapse all folders in Files',
      keys: ['Ctrl/Cmd', '←'],
      onlyIn: 'files',
      run: tellFiles('collapse'),
    },
    {
      id: 'terminal-find',
      title: 'Find in the terminal',
      keys: ['Ctrl/Cmd', 'Shift', 'F'],
      onlyIn: 'terminal',
      run: tellTerminal('find'),
    },
    { id: 'search', title: 'Search in all files', keys: ['Ctrl/Cmd', 'Shift', 'F'], notInTerminal: true, run: acts.focusSearch },
    {
      id: 'explorer',
      title: 'Show the files',
      keys: ['Ctrl/Cmd', 'Shift', 'E'],
      run: () => {
        show('files')();
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
        acts.showUses({ word, find: () => editing.help.uses(model, position) });
      },
    },
    {
      id: 'edit-here',
      title: 'Edit the file here that another tab edits',
      run: () => {
        const path = active();
        if (path && files?.store.get().files.some((file) => file.path === path && file.edited === 'elsewhere')) void files.editHere(path);
      },
    },
    { id: 'compare', title: 'Compare the file with the start or a snapshot', run: () => acts.toggleCompare() },
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
    { id: 'new-terminal', title: 'New terminal', keys: ['Ctrl', 'Shift', '`'], run: () => acts.newTerminal(false) },
    { id: 'split-terminal', title: 'New terminal beside this one', keys: ['Ctrl', 'Shift', '5'], run: () => acts.newTerminal(true) },
    {
      id: 'terminal-editor',
      title: 'Go between the terminal and the editor',
      keys: ['Ctrl', '`'],
      run: () => {
        if (document.activeElement?.closest('.xterm')) focusEditor();
        else {
          show('terminals')();
          focusTerminal(session);
        }
      },
    },
    ...Object.entries(TERMINAL_ACTS).map(([act, title]) => ({ id: `terminal-${act}`, title, run: tellTerminal(act) })),
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
      run: () => togglePanel(docks(), 'files'),
    },
    {
      id: 'toggle-terminals',
      title: 'Show or hide the terminals',
      keys: ['Ctrl/Cmd', 'J'],
      notInTerminal: true,
      run: () => togglePanel(docks(), 'terminals'),
    },
    {
      id: 'toggle-side',
      title: 'Show or hide instructions and score',
      keys: ['Ctrl/Cmd', 'Alt', 'B'],
      run: () => togglePanel(docks(), 'instructions'),
    },
    { id: 'terminals-below', title: 'Put the terminals below the editor', run: () => putBeside(docks(), 'terminals', 'editor', 'bottom') },
    { id: 'terminals-beside', title: 'Put the terminals beside the editor', run: () => putBeside(docks(), 'terminals', 'editor', 'right') },
    { id: 'side-left', title: 'Put instructions and score on the left', run: () => putAtEdge(docks(), 'instructions', 'left') },
    { id: 'side-right', title: 'Put instructions and score on the right', run: () => putAtEdge(docks(), 'instructions', 'right') },
    ...(['left', 'right', 'bottom'] as const).map((edge) => ({
      id: `move-${edge}`,
      title: `Move the panel in use to the ${edge} edge`,
      run: move(edge),
    })),
    { id: 'move-next', title: 'Move the panel in use to the next group of panels', run: move('next group') },
    { id: 'reset-layout', title: 'Put all panels back where they were at first', run: () => resetLayout(docks()) },
    { id: 'instructions', title: 'Show the instructions', run: goTo('instructions') },
    { id: 'score-panel', title: 'Show the scores', run: goTo('score') },
    { id: 'notes', title: 'Show the notes', run: goTo('notes') },
    { id: 'clock', title: 'Show what happened to the clock', run: goTo('clock') },
    { id: 'ports', title: 'Open a page that the sandbox serves', run: goTo('ports') },
    { id: 'resources', title: 'Show what the sandbox uses', run: goTo('resources') },
    { id: 'tour', title: 'Show me around', run: () => acts.startTour() },
    { id: 'report', title: 'Report a problem to the staff', run: goTo('help') },
    {
      id: 'score',
      title: 'Score now',
      run: () => {
        show('score')();
        void session.ask('score', {}).catch(() => {});
      },
    },
    { id: 'seal', title: 'Seal the last minutes of the recording…', run: () => openDialog('seal') },
    { id: 'download', title: 'Download the workspace as tar', run: () => void transfers.download('.') },
    { id: 'pause', title: 'Pause the attempt…', run: () => openDialog('pause') },
    { id: 'submit', title: 'Submit the attempt…', run: () => openDialog('submit') },
    {
      id: 'app',
      title: 'How to install the workspace as an app',
      run: () => window.open('/help#app', '_blank', 'noopener'),
    },
    { id: 'keys', title: 'All keys of the workspace', run: () => window.open('/help#keys', '_blank', 'noopener') },
  ];
}
