/** What a search is told besides its text: in all files, or in a terminal. */
export type SearchSwitch = 'case' | 'word' | 'regex';

/** By their place on the keyboard: with Alt some type another letter. Alt-W closes a file, wherever one is. */
const CODES: Partial<Record<string, SearchSwitch>> = { KeyC: 'case', KeyR: 'regex' };

type Key = Pick<KeyboardEvent, 'altKey' | 'ctrlKey' | 'metaKey' | 'code' | 'getModifierState' | 'preventDefault'>;

/** Which switch a key in a search's field is for, which then types nothing; null where it is for none. AltGr types letters. */
export function switchOfKey(event: Key): SearchSwitch | null {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.getModifierState('AltGraph')) return null;
  const which = CODES[event.code] ?? null;
  if (which !== null) event.preventDefault();
  return which;
}
