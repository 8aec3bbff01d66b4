/** Something that the workspace can do: in the palette by its title, and by its keys wherever the focus is. */
export interface Command {
  id: string;
  title: string;
  /** As they are written on the page of keys: modifiers first, `Ctrl/Cmd` for the one that the machine's people use. */
  keys?: readonly string[];
  /** Instead of them on a Mac, where they are a text's. */
  macKeys?: readonly string[];
  /** Another way to what the palette has already. */
  isUnlisted?: boolean;
  /** Where a terminal has the focus the keys are the program's, unless Cmd is among them, which no program has. */
  notInTerminal?: boolean;
  /** The keys do this where the tree of files, or a terminal, has the focus, and something else elsewhere. */
  onlyIn?: KeyPlace;
  run: () => void;
}

/** What has the focus, where that makes a difference. */
export type KeyPlace = 'files' | 'terminal';

export function isApple(platform: string): boolean {
  return /^(Mac|iP)/.test(platform);
}

/** A key as the machine's people call it: `Ctrl/Cmd` is the one that it has. */
export function keyLabel(name: string, platform: string): string {
  if (name === 'Ctrl/Cmd') return isApple(platform) ? '⌘' : 'Ctrl';
  return name === 'Alt' && isApple(platform) ? '⌥' : name;
}

type Keys = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'getModifierState'>;

/** The key's own name: with Shift or Alt a browser gives the character that it types instead. */
function nameOf({ key, code }: Keys): string {
  if (code.startsWith('Key')) return code.slice(3);
  if (code.startsWith('Digit')) return code.slice(5);
  if (code === 'Backquote') return '`';
  if (code === 'Backslash') return '\\';
  if (code === 'Minus') return '-';
  if (key === 'ArrowLeft') return '←';
  if (key === 'ArrowRight') return '→';
  return key;
}

/** A command's keys on this machine. */
export function keysOf({ keys, macKeys }: Pick<Command, 'keys' | 'macKeys'>, platform: string): readonly string[] | undefined {
  return isApple(platform) ? (macKeys ?? keys) : keys;
}

/** Whether a key press is the command's. On a Mac Ctrl is not Cmd: with a letter it moves the cursor in every text. */
export function matches(command: Pick<Command, 'keys' | 'macKeys'>, event: Keys, platform: string): boolean {
  const keys = keysOf(command, platform);
  // AltGr, which types a letter in many countries, says that Ctrl and Alt are held.
  if (!keys || event.getModifierState('AltGraph')) return false;
  const wants = (name: string) => keys.includes(name);
  const wantsMeta = wants('Ctrl/Cmd') && isApple(platform);
  return (
    event.metaKey === wantsMeta &&
    event.ctrlKey === (wants('Ctrl') || (wants('Ctrl/Cmd') && !wantsMeta)) &&
    event.altKey === wants('Alt') &&
    event.shiftKey === wants('Shift') &&
    nameOf(event) === keys.at(-1)
  );
}

/** The command of a key press in this place; undefined where it is nobody's, or a program's in a terminal. */
export function commandOf(commands: readonly Command[], event: Keys, place: KeyPlace | null, platform: string): Command | undefined {
  const isPrograms = place === 'terminal' && !event.metaKey;
  return commands.find(
    (one) => matches(one, event, platform) && !(isPrograms && one.notInTerminal) && (one.onlyIn === undefined || one.onlyIn === place),
  );
}
