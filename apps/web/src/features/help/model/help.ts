import { SEAL_MINUTES_MAX, SEAL_TOTAL_MINUTES_MAX } from '@plumbline/protocol';

/** What people ask before and during an attempt. */
export const QUESTIONS = [
  {
    question: 'What happens when I press Start the clock?',
    answer:
      'The task and its files open, and from then on every minute counts, reading included, until you pause, submit or the time is up.',
  },
  {
    question: 'Does closing the browser stop the clock?',
    answer:
      'No. A long computation with nobody at the keys is work. Come back from any computer: the same terminals are there with the same screens. Only after 30 minutes with no page open and nothing running in the sandbox does the platform pause for you, and that uses one of your pauses.',
  },
  {
    question: 'What does a pause do?',
    answer:
      'It stops every process in your sandbox and the clock, and hides your files and terminals. Only a click on Resume ends it, or the platform when the allowance is used up.',
  },
  {
    question: 'What if the platform fails?',
    answer:
      'Time during which the platform did not hold your sandbox is given back by itself and shown in the list of clock events. Nothing that you saw on the screen is lost.',
  },
  {
    question: 'What is recorded?',
    answer:
      'What terminals show and what you type into them, edits, saves, pastes, scores, notes, and whether the page has the focus. What a prompt asks for without showing it, such as a password, is recorded as a length only; in full-screen programs and inside tmux, screen or ssh it is recorded whole.',
  },
  {
    question: 'What do I agree to, and can I change my mind?',
    answer:
      'Where a study has an agreement you answer it before each attempt, a consent at a time. Recording and review by the staff are needed; what may be released, published, quoted or used to train AI is yours to say. When the attempt has ended you see your answers on its page, and confirm or change them until the day that the agreement names. What was released by then stays released.',
  },
  {
    question: 'Can I bring my dotfiles, or use Vim’s keys?',
    answer:
      'Yes, before the clock: on the attempt’s page, where you prepare the sandbox. They are kept in your account for your later attempts. What you change once the clock has started is for the next one.',
  },
  {
    question: 'Can I work in two tabs, or on two computers?',
    answer:
      'Yes: terminals are the same in both. A file is edited in one tab at a time; the other shows it as it is typed, and takes it over when you press Edit here. What you have not saved goes along.',
  },
  {
    question: 'Can I use TensorBoard or a notebook?',
    answer:
      'Yes: start it in a terminal, for example tensorboard --logdir runs, and open it from Ports beside the work, or by its link in the terminal. It opens in a tab of its own and closes with a pause.',
  },
  {
    question: 'What can I do from a terminal in the sandbox?',
    answer: 'The command task knows: task instructions, task status, task score, task scores, task note, task submit.',
  },
] as const;

/**
 * What the recording of an attempt holds, and what it does not. `of` are the channels of the recording's events that a row tells of: each
 * of them is told of in some row.
 */
export const RECORDED: readonly { what: string; how: string; of: readonly string[] }[] = [
  {
    what: 'Terminals',
    how: 'Everything they show, every key and paste that reaches them, and each command that a shell runs, with the time.',
    of: ['terminal', 'command'],
  },
  {
    what: 'Passwords',
    how: 'What a prompt asks for without showing it, typed or pasted, is kept as a length only. In full-screen programs and dialogs, and inside tmux, screen or ssh, the platform cannot tell, and keeps it whole: seal the last minutes if you typed one there. Type no secret that you use elsewhere.',
    of: ['terminal'],
  },
  {
    what: 'Files',
    how: 'What you open in the editor, of libraries too, each edit and save, uploads and downloads by name, size and hash, and snapshots of the workspace every few minutes.',
    of: ['editor', 'file', 'snapshot', 'blob'],
  },
  { what: 'Dotfiles', how: 'The dotfiles that you bring along, whole, and the keymap that you chose.', of: ['setup'] },
  {
    what: 'Clipboard',
    how: 'What is pasted into the workspace, and a hash of what is copied from it. Not what you copy elsewhere.',
    of: ['clipboard'],
  },
  { what: 'Scores', how: 'When you asked, what the scorer said, and the submission that it scored.', of: ['score', 'submission'] },
  {
    what: 'AI models',
    how: 'Where the environment lets you call a model through the platform: each call whole, with its answer and its cost. Where an AI agent does the attempt: each call of its model and its tools as well.',
    of: ['model', 'agent'],
  },
  { what: 'The clock', how: 'Its start, pauses and end, and every correction, with the reason.', of: ['clock'] },
  {
    what: 'Notes and messages',
    how: 'What you write in Notes and Help, and each use of an AI tool that you declare, with the time on the clock.',
    of: ['note', 'ai_use', 'issue', 'message'],
  },
  {
    what: 'The page',
    how: 'Whether it has the focus, which panel you use, when it is connected, and how fast the connection is.',
    of: ['focus', 'connection'],
  },
  {
    what: 'The sandbox',
    how: 'Its use of processors, memory, disk, GPUs and network, with the addresses that it is connected to.',
    of: ['resource', 'network'],
  },
  {
    what: 'Pages of the sandbox',
    how: 'Which port you open, and when; not what you do in TensorBoard or a notebook there.',
    of: ['port'],
  },
  {
    what: 'What you seal',
    how: `By the command “Seal the last minutes of the recording” you have up to ${SEAL_TOTAL_MINUTES_MAX} minutes withheld, ${SEAL_MINUTES_MAX} at once. That you did, and why, stays.`,
    of: ['recording'],
  },
  {
    what: 'Not recorded',
    how: 'Your screen, camera, microphone, other tabs and programs, and anything while the attempt is paused.',
    of: [],
  },
];

/** How each browser makes an app of the workspace: few show a button for it. */
export const INSTALLING: readonly { browser: string; how: string }[] = [
  { browser: 'Chrome', how: 'The menu ⋮ at the top right, then “Cast, save and share”, then “Install page as app…”.' },
  { browser: 'Edge', how: 'The menu … at the top right, then “More tools” or “Apps”, then “Install this site as an app”.' },
  { browser: 'Safari', how: 'On a Mac: “File”, then “Add to Dock…”.' },
  { browser: 'Firefox', how: 'It makes no apps on most machines. There Alt-W closes a file, and its other keys are among the commands.' },
  {
    browser: 'No such entry',
    how: 'A private window has none, nor has an address without https. Where a company manages the browser it may have taken it away.',
  },
];

/** The keys of the workspace: those that people who use VS Code have in their fingers. */
export const SHORTCUTS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['Ctrl/Cmd', 'Shift', 'P'], does: 'All commands' },
  { keys: ['Ctrl/Cmd', 'P'], does: 'Open a file by name' },
  { keys: ['Ctrl/Cmd', 'Shift', 'F'], does: 'Search in all files; in a terminal, search in the terminal' },
  { keys: ['Ctrl/Cmd', 'Shift', 'E'], does: 'Go to the files' },
  { keys: ['Shift', 'Alt', 'F'], does: 'In the files: find in the folder that is chosen; in the editor: format the file (Python)' },
  { keys: ['Ctrl/Cmd', '←'], does: 'In the files: collapse all folders' },
  { keys: ['Ctrl/Cmd', 'B'], does: 'Show or hide files and search' },
  { keys: ['Ctrl/Cmd', 'J'], does: 'Show or hide the terminals' },
  { keys: ['Ctrl/Cmd', 'Alt', 'B'], does: 'Show or hide instructions and score' },
  { keys: ['Ctrl/Cmd', 'S'], does: 'Save the file' },
  { keys: ['Ctrl/Cmd', 'Alt', 'S'], does: 'Save all files' },
  { keys: ['Alt', 'W'], does: 'Close the file' },
  { keys: ['Ctrl/Cmd', 'W'], does: 'Close the file, where the workspace is installed as an app; in a tab the browser has that key' },
  {
    keys: ['Ctrl/Cmd', 'Shift', 'T'],
    does: 'Open the file again that was closed last, where the workspace is an app; in a tab it is one of the commands',
  },
  { keys: ['Alt', '←'], does: 'Go back to where the cursor was, in this file or another; on a Mac Ctrl and -' },
  { keys: ['Alt', '→'], does: 'Go forward again; on a Mac Ctrl, Shift and -' },
  { keys: ['Ctrl/Cmd', '\\'], does: 'Split the editor' },
  { keys: ['Ctrl/Cmd', '1'], does: 'Go to the first pane of the editor; 2 and 3 for the others' },
  { keys: ['Alt', 'PageDown'], does: 'Go to the next file; in a terminal, to the next terminal, beside it or behind' },
  { keys: ['Alt', 'PageUp'], does: 'Go to the previous file or terminal' },
  { keys: ['Alt', 'Z'], does: 'Word wrap' },
  { keys: ['Ctrl/Cmd', 'F'], does: 'Search in the file' },
  { keys: ['Ctrl/Cmd', 'D'], does: 'Select the next occurrence too' },
  { keys: ['Ctrl/Cmd', '/'], does: 'Comment or uncomment the lines' },
  { keys: ['Alt', '↑'], does: 'Move the line up; with ↓ down' },
  { keys: ['Ctrl/Cmd', 'G'], does: 'Go to a line' },
  { keys: ['Ctrl/Cmd', 'Shift', 'O'], does: 'Go to a class or function of the file (Python)' },
  { keys: ['F12'], does: 'Go to where the name is defined' },
  { keys: ['Shift', 'F12'], does: 'Show where the name is used (Python)' },
  { keys: ['Ctrl/Cmd', 'Shift', 'M'], does: 'Go to the list of problems (Python)' },
  { keys: ['F8'], does: 'Go to the next problem of the open files; with Shift to the one before' },
  { keys: ['F1'], does: 'All commands, outside a terminal' },
  { keys: ['Ctrl', '`'], does: 'Go between the terminal and the editor' },
  { keys: ['Ctrl', 'Shift', '`'], does: 'New terminal' },
  { keys: ['Ctrl', 'Shift', '5'], does: 'New terminal beside this one' },
  { keys: ['Ctrl', 'Shift', 'C'], does: 'Copy from the terminal; on a Mac Cmd-C' },
  { keys: ['Ctrl', 'Shift', 'V'], does: 'Paste into the terminal; on a Mac Cmd-V' },
  {
    keys: ['Ctrl/Cmd', 'Click'],
    does: 'In the files: choose the file as well, or no more; in a terminal, on a place in a file, as train.py:12: open the file there',
  },
  { keys: ['Shift', '↓'], does: 'In the files: choose the next one as well; with ↑ the one before, with a click all up to there' },
  {
    keys: ['Menu'],
    does: 'What can be done with the file or the terminal, as a click with the right button does; in a terminal whose program takes clicks, with Shift',
  },
  { keys: ['F2'], does: 'Rename the file, or the terminal; in the editor, the name at the cursor in all files (Python)' },
  { keys: ['Delete'], does: 'Delete the files that are chosen, on a Mac by Cmd-Backspace as well; the message that follows has Undo' },
  { keys: ['Ctrl/Cmd', 'Enter'], does: 'Write the note' },
];
