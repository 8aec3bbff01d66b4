import { expect, it } from 'vitest';
import { SHORTCUTS } from '../../help/model/help.ts';
import type { AttemptSession } from '../model/attemptSession.ts';
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
  startTour: none,
});

it('the page of keys has every key of the workspace, and no two commands have the same', () => {
  const listed = SHORTCUTS.map(({ keys }) => keys.join('-'));
  // The other panes stand with the first.
  const keys = commands.flatMap((one) => (one.keys && !/^pane-[23]$/.test(one.id) ? one.keys.join('-') : []));
  expect(keys.length).toBeGreaterThan(15);
  expect(keys.filter((key) => !listed.includes(key))).toEqual([]);
  expect(new Set(keys).size).toBe(keys.length);
});
