/** Something that the workspace can do: in the palette by its title, and by its keys wherever the focus is. */
export interface Command {
  id: string;
  title: string;
  /** As they are written on the page of keys: modifiers first, `Ctrl/Cmd` for the one that the machine's people use. */
  keys?: readonly string[];
  /** Where a terminal has the focus the keys are the program's. */
  notInTerminal?: boolean;
  /** The keys do this where the tree of files has the focus, and something else elsewhere. */
  inFilesOnly?: boolean;
  run: () => void;
}

/** A key as the machine's people call it: `Ctrl/Cmd` is the one that it has. */
export function keyLabel(name: string, platform: string): string {
  const isApple = /^(Mac|iP)/.test(platform);
  if (name === 'Ctrl/Cmd') return isApple ? '⌘' : 'Ctrl';
  return name === 'Alt' && isApple ? '⌥' : name;
}

type Keys = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'getModifierState'>;

/** The key's own name: with Shift or Alt a browser gives the character that it types instead. */
function nameOf({ key, code }: Keys): string {
  if (code.startsWith('Key')) return code.slice(3);
  if (code.startsWith('Digit')) return code.slice(5);
  if (code === 'Backquote') return '`';
  if (code === 'Backslash') return '\\';
  if (key === 'ArrowLeft') return '←';
  return key;
}

/** Whether a key press is the command's. */
export function matches({ keys }: Pick<Command, 'keys'>, event: Keys): boolean {
  // AltGr, which types a letter in many countries, says that Ctrl and Alt are held.
  if (!keys || event.getModifierState('AltGraph')) return false;
  const wants = (name: string) => keys.includes(name);
  const command = event.ctrlKey || event.metaKey;
  return (
    (wants('Ctrl/Cmd') ? command : wants('Ctrl') ? event.ctrlKey && !event.metaKey : !command) &&
    event.altKey === wants('Alt') &&
    event.shiftKey === wants('Shift') &&
    nameOf(event) === keys.at(-1)
  );
}
