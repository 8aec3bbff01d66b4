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
      'No. A long computation with nobody at the keys is work. Come back from any computer: the same terminals are there with the same screens.',
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
      'What terminals show and what you type into them, edits, saves, pastes, scores, notes, and whether the page has the focus. Keys that a terminal does not echo, such as a password, are recorded as a length only.',
  },
  {
    question: 'What can I do from a terminal in the sandbox?',
    answer: 'The command task knows: task instructions, task status, task score, task scores, task note, task submit.',
  },
] as const;

/** The keys of the workspace: those that people who use VS Code have in their fingers. */
export const SHORTCUTS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['Ctrl/Cmd', 'S'], does: 'Save the file' },
  { keys: ['Ctrl/Cmd', 'P'], does: 'Open a file by name' },
  { keys: ['Ctrl/Cmd', 'F'], does: 'Search in the file' },
  { keys: ['F1'], does: 'Commands of the editor' },
  { keys: ['Ctrl', '`'], does: 'Go between the terminal and the editor' },
  { keys: ['Ctrl', 'Shift', '`'], does: 'New terminal' },
  { keys: ['Ctrl', 'Shift', 'F'], does: 'Search in the terminal' },
  { keys: ['Ctrl', 'Shift', 'C'], does: 'Copy from the terminal' },
  { keys: ['Ctrl', 'Shift', 'V'], does: 'Paste into the terminal' },
  { keys: ['Ctrl/Cmd', 'Enter'], does: 'Write the note' },
];
