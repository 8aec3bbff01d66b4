import { preferences } from './preferences.ts';
import { terminalPreferences } from './terminalPreferences.ts';
import { TerminalView } from './terminalView.ts';

/** The screen of a terminal that a participant types into, as the person chose it. */
export function newSessionView(): TerminalView {
  return new TerminalView({ ...terminalPreferences(), readOnly: false, copiesOnSelection: () => preferences.get().copyOnSelection });
}
