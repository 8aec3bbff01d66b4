import type { AttemptSession } from '../model/attemptSession.ts';
import type { Command } from '../model/commands.ts';
import { moveUsed, type PanelId, putAtEdge, putBeside, resetLayout, togglePanel } from '../model/layout.ts';
import { choose } from '../model/preferences.ts';
import { type DeskActs, focusEditor, goToPanel, show, tellDesk } from './deskActs.ts';
import { fileCommands, textCommands } from './fileCommands.ts';
import type { TerminalAct } from './TerminalPane.tsx';

/** Everything that the desk can do. */
export function deskCommands(acts: DeskActs): Command[] {
  const parts = [goingCommands, fileCommands, textCommands, terminalCommands, panelCommands, attemptCommands];
  return parts.flatMap((commandsOf) => commandsOf(acts));
}

/** The ways to a command, a file or a text by its name. */
function goingCommands(acts: DeskActs): Command[] {
  return [
    {
      id: 'palette',
      title: 'Show all commands',
      keys: ['Ctrl/Cmd', 'Shift', 'P'],
      isUnlisted: true,
      run: () => acts.openDialog('commands'),
    },
    // In a terminal it is a key of programs.
    {
      id: 'palette-f1',
      title: 'Show all commands',
      keys: ['F1'],
      isUnlisted: true,
      notInTerminal: true,
      run: () => acts.openDialog('commands'),
    },
    { id: 'open', title: 'Open a file by name', keys: ['Ctrl/Cmd', 'P'], notInTerminal: true, run: () => acts.openDialog('open') },
    {
      id: 'find-in-folder',
      title: 'Find in the folder that is chosen in Files',
      keys: ['Shift', 'Alt', 'F'],
      onlyIn: 'files',
      run: () => tellDesk('files', 'find'),
    },
    {
      id: 'collapse-all',
      title: 'Collapse all folders in Files',
      keys: ['Ctrl/Cmd', '←'],
      onlyIn: 'files',
      run: () => tellDesk('files', 'collapse'),
    },
    {
      id: 'terminal-find',
      title: 'Find in the terminal',
      keys: ['Ctrl/Cmd', 'Shift', 'F'],
      onlyIn: 'terminal',
      run: () => tellDesk('terminal', 'find'),
    },
    { id: 'search', title: 'Search in all files', keys: ['Ctrl/Cmd', 'Shift', 'F'], notInTerminal: true, run: acts.focusSearch },
    {
      id: 'explorer',
      title: 'Show the files',
      keys: ['Ctrl/Cmd', 'Shift', 'E'],
      run: () => {
        show(acts, 'files');
        document.querySelector<HTMLElement>('[data-testid="explorer-tree"]')?.focus();
      },
    },
  ];
}

/** The terminal that was used last, or the first where none was, or it is out of sight. */
function focusTerminal(session: AttemptSession): void {
  const screens = '.xterm-helper-textarea';
  const used = document.querySelector<HTMLElement>(`[data-testid="terminal-${session.lastTerminal}"] ${screens}`);
  (used ?? document.querySelector<HTMLElement>(screens))?.focus();
}

const TERMINAL_ACTS = {
  copy: 'Copy what is selected in the terminal',
  paste: 'Paste into the terminal',
  'select-all': 'Select all of the terminal',
  clear: 'Clear the terminal on this page',
  rename: 'Rename the terminal…',
} satisfies Partial<Record<TerminalAct, string>>;

function terminalCommands({ session, docks, newTerminal, chosen: { copyOnSelection } }: DeskActs): Command[] {
  return [
    { id: 'new-terminal', title: 'New terminal', keys: ['Ctrl', 'Shift', '`'], run: () => newTerminal(false) },
    { id: 'split-terminal', title: 'New terminal beside this one', keys: ['Ctrl', 'Shift', '5'], run: () => newTerminal(true) },
    {
      id: 'terminal-editor',
      title: 'Go between the terminal and the editor',
      keys: ['Ctrl', '`'],
      run: () => {
        if (document.activeElement?.closest('.xterm')) focusEditor();
        else {
          show({ docks }, 'terminals');
          focusTerminal(session);
        }
      },
    },
    ...Object.entries(TERMINAL_ACTS).map(([act, title]) => ({ id: `terminal-${act}`, title, run: () => tellDesk('terminal', act) })),
    {
      id: 'copy-on-selection',
      title: `Turn copying on selection in terminals ${copyOnSelection ? 'off' : 'on'}`,
      run: () => choose({ copyOnSelection: !copyOnSelection }),
    },
  ];
}

function panelCommands({ session, docks, startTour }: DeskActs): Command[] {
  const goTo = (panel: PanelId) => () => goToPanel({ docks }, panel);
  const move = (to: Parameters<typeof moveUsed>[1]) => () => {
    if (!moveUsed(docks(), to)) session.notice.emit({ tone: 'info', text: 'Go into a panel first: the one that was used last is moved.' });
  };
  return [
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
    { id: 'problems', title: 'Show the problems of the open files', keys: ['Ctrl/Cmd', 'Shift', 'M'], run: goTo('problems') },
    { id: 'resources', title: 'Show what the sandbox uses', run: goTo('resources') },
    { id: 'tour', title: 'Show me around', run: () => startTour() },
    { id: 'report', title: 'Report a problem to the staff', run: goTo('help') },
  ];
}

function attemptCommands({ session, transfers, docks, openDialog }: DeskActs): Command[] {
  return [
    {
      id: 'score',
      title: 'Score now',
      run: () => {
        show({ docks }, 'score');
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
