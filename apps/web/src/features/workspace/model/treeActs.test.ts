import { AppError } from '@plumbline/core';
import { expect, it } from 'vitest';
import { PATH, tabOn } from './openFiles.fixture.ts';
import { deleteKept, moveInto, undeleteAll } from './treeActs.ts';

/** A tree that keeps what it deletes, but for what is too large, and refuses what is busy. */
function treeOf() {
  const done: string[] = [];
  const refuse = (path: string) => {
    if (path === 'busy') throw new AppError('sandbox_unavailable', 'The sandbox does not answer.');
  };
  return {
    done,
    delete: async (path: string) => {
      refuse(path);
      if (path === 'large') throw new AppError('too_large', 'There is too much of it.');
      done.push(`delete ${path}`);
      return `undo of ${path}`;
    },
    undelete: async (undo: string, path: string) => {
      refuse(path);
      done.push(undo);
    },
    rename: async (path: string, to: string) => {
      refuse(path);
      done.push(`${path} to ${to}`);
    },
    reveal: async () => {},
  };
}

it('each of several is deleted that can be brought back, and the others are left to be asked about', async () => {
  const tree = treeOf();
  const { opened, type } = await tabOn('text');
  type(' unsaved');
  const deletion = await deleteKept(tree, opened, ['a', 'busy', 'large', 'solution', 'b']);
  expect(tree.done).toEqual(['delete a', 'delete b']);
  expect(deletion).toEqual({
    kept: ['a', 'b'].map((path) => ({ path, undo: `undo of ${path}` })),
    onlyForGood: ['large', 'solution'],
    refusals: ['busy was not deleted: The sandbox does not answer.'],
  });
  expect(opened.store.get().files.map(({ path }) => path)).toEqual([PATH]);
});

it('each comes back that can, and closes in the editor when it goes', async () => {
  const tree = treeOf();
  const { opened } = await tabOn('text');
  const { kept } = await deleteKept(tree, opened, ['solution']);
  expect(opened.store.get().files).toEqual([]);
  expect(await undeleteAll(tree, [{ path: 'busy', undo: 'none' }, ...kept])).toEqual({
    back: ['solution'],
    refusals: ['busy did not come back: The sandbox does not answer.'],
  });
});

it('several are moved into a folder, but for what is in it already, and for the folder into itself', async () => {
  const tree = treeOf();
  const { opened } = await tabOn('text');
  const { moved, refusals } = await moveInto(tree, opened, ['solution', 'busy', 'lib/a', 'lib', 'b'], 'lib');
  expect(tree.done).toEqual(['solution to lib/solution', 'b to lib/b']);
  expect(moved).toEqual(['lib/solution', 'lib/b']);
  expect(refusals).toEqual(['busy was not moved: The sandbox does not answer.']);
  expect(opened.store.get().files.map(({ path }) => path)).toEqual([`lib/${PATH}`]);
});
