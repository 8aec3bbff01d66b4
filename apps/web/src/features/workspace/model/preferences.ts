import { Store } from './store.ts';

/** What a person chose for their workspace: kept in this browser, the same for every attempt. */
export interface Preferences {
  /** Files are saved by themselves a second after the last key. */
  autoSave: boolean;
  /** What is selected in a terminal is copied at once. */
  copyOnSelection: boolean;
  terminalsAt: 'bottom' | 'right';
  sideAt: 'right' | 'left';
  wordWrap: boolean;
  /** The tour of the practice environment was seen, or left. */
  tourSeen: boolean;
}

const KEY = 'plumbline.workspace.preferences';
const DEFAULTS: Preferences = {
  autoSave: false,
  copyOnSelection: false,
  terminalsAt: 'bottom',
  sideAt: 'right',
  wordWrap: false,
  tourSeen: false,
};

/** What was stored, with the defaults for what was not, or is not of its kind. */
export function readPreferences(stored: string | null): Preferences {
  const preferences = { ...DEFAULTS };
  try {
    const found: unknown = JSON.parse(stored ?? '{}');
    if (typeof found !== 'object' || found === null) return preferences;
    const given = found as Record<string, unknown>;
    for (const name of ['autoSave', 'copyOnSelection', 'wordWrap', 'tourSeen'] as const)
      if (typeof given[name] === 'boolean') preferences[name] = given[name];
    if (given['terminalsAt'] === 'right') preferences.terminalsAt = 'right';
    if (given['sideAt'] === 'left') preferences.sideAt = 'left';
  } catch {
    // Whatever wrote that was not this page.
  }
  return preferences;
}

export const preferences = new Store<Preferences>(
  typeof localStorage === 'undefined' ? DEFAULTS : readPreferences(localStorage.getItem(KEY)),
);

export function choose(part: Partial<Preferences>): void {
  preferences.patch(part);
  localStorage.setItem(KEY, JSON.stringify(preferences.get()));
}
