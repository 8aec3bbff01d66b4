import { expect, it } from 'vitest';
import { SHORTCUTS } from '../../help/model/help.ts';
import type { AttemptSession } from '../model/attemptSession.ts';
import type { Command } from '../model/commands.ts';
import { preferences } from '../model/preferences.ts';
import type { Transfers } from '../model/transfers.ts';
import { deskCommands } from './deskCommands.ts';

const none = () => {};
const commands = deskCommands({
  session: {} as AttemptSession,
  transfers: {} as Transfers,
  editing: null,
  chosen: preferences.get(),
  docks: () => null,
  openDialog: none,
  focusSearch: none,
  newTerminal: none,
  toggleCompare: none,
  showUses: none,
  startTour: none,
});

it('the page of keys has every key of the workspace, and no two commands have the same in one place', () => {
  const listed = SHORTCUTS.map(({ keys }) => keys.join('-'));
  // The other panes stand with the first.
  const withKeys = commands.flatMap((one) => (one.keys && !/^pane-[23]$/.test(one.id) ? { ...one, key: one.keys.join('-') } : []));
  expect(withKeys.length).toBeGreaterThan(15);
  expect(withKeys.filter(({ key }) => !listed.includes(key))).toEqual([]);
  const keysIn = (place?: Command['onlyIn']) => withKeys.filter(({ onlyIn }) => onlyIn === place).map(({ key }) => key);
  for (const keys of [keysIn(), keysIn('files'), keysIn('terminal')]) expect(new Set(keys).size).toBe(keys.length);
  // The first that has a key is the one that is run: in the files and in a terminal it is theirs.
  for (const place of ['files', 'terminal'] as const) {
    for (const key of keysIn(place)) expect(withKeys.find((one) => one.key === key)?.onlyIn).toBe(place);
  }
});
