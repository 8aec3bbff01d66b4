import { expect, it } from 'vitest';
import { actedOn, all, only, stretchedTo, type TreeSelection, toggled } from './treeSelection.ts';

const ROWS = ['lib', 'lib/a.py', 'lib/b.py', 'notes', 'readme'].map((path) => ({ path }));
const acted = (selection: TreeSelection, rows = ROWS) => actedOn(selection, rows).map(({ path }) => path);

it('one row is chosen, more with Ctrl, and one of them no more', () => {
  let selection = only('notes');
  expect(acted(selection)).toEqual(['notes']);
  selection = toggled(selection, 'readme');
  expect(acted(selection)).toEqual(['notes', 'readme']);
  expect(acted(toggled(toggled(selection, 'lib/a.py'), 'notes'))).toEqual(['notes']);
  expect(acted(only(null))).toEqual([]);
});

it('Shift chooses all from where it began, up or down, and again fewer', () => {
  let selection = stretchedTo(only('lib/b.py'), 'readme', ROWS);
  expect(acted(selection)).toEqual(['lib/b.py', 'notes', 'readme']);
  selection = stretchedTo(selection, 'lib/a.py', ROWS);
  expect(acted(selection)).toEqual(['lib/a.py', 'lib/b.py']);
  expect(selection.at).toBe('lib/a.py');
  expect(acted(stretchedTo(only(null), 'notes', ROWS))).toEqual(['notes']);
  expect(acted(stretchedTo(only('gone'), 'notes', ROWS))).toEqual(['notes']);
});

it('what is in a folder that is chosen as well goes with it', () => {
  expect(acted(all(['lib/a.py', 'readme', 'lib']))).toEqual(['lib', 'readme']);
});

it('nothing is done with a row that is out of sight, nor with others than the one at which the keyboard stands unchosen', () => {
  const folded = ROWS.filter(({ path }) => !path.startsWith('lib/'));
  expect(acted(all(['lib/a.py', 'notes']), folded)).toEqual(['notes']);
  expect(acted(toggled(all(['notes', 'readme']), 'readme'))).toEqual(['readme']);
});
