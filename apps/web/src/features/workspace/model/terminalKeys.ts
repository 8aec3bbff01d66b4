/** Whether a key goes to the terminal's program; the others are the workspace's or the browser's. Ctrl-Shift-C copies here. */
export function isForProgram(event: KeyboardEvent, terminal: { hasSelection(): boolean }): boolean {
  if (event.ctrlKey && event.key === '`') return false;
  if (event.ctrlKey && event.shiftKey && ['KeyV', 'KeyF', 'KeyP', 'KeyE', 'Digit5'].includes(event.code)) return false;
  // Where Ctrl-V means paste everywhere else, it does here too; programs still get it with Alt or by Ctrl-Q.
  if (event.ctrlKey && !event.altKey && event.code === 'KeyV' && navigator.platform.startsWith('Win')) return false;
  if (event.ctrlKey && event.shiftKey && event.code === 'KeyC') {
    event.preventDefault();
    if (event.type === 'keydown' && terminal.hasSelection()) document.execCommand('copy');
    return false;
  }
  return true;
}
