import { describe, expect, it } from 'vitest';
import { filesOfDrop } from './droppedFiles.ts';

/** As Chromium does: a folder is read a hundred entries at a time, until there are none. */
const BATCH = 100;

type Tree = { [name: string]: string | Tree };

function entryOf(name: string, content: string | Tree): FileSystemEntry {
  if (typeof content === 'string') {
    const file = (resolve: (file: File) => void, reject: (error: Error) => void) =>
      content === 'unreadable' ? reject(new Error('NotReadableError')) : resolve(new File([content], name));
    return { name, isFile: true, isDirectory: false, file } as unknown as FileSystemEntry;
  }
  const createReader = () => {
    const left = Object.entries(content);
    const readEntries = (resolve: (entries: FileSystemEntry[]) => void) =>
      queueMicrotask(() => resolve(left.splice(0, BATCH).map(([child, inside]) => entryOf(child, inside))));
    return { readEntries };
  };
  return { name, isFile: false, isDirectory: true, createReader } as unknown as FileSystemEntry;
}

/** The items of a drop, which are gone when its event is over. */
function dropOf(tree: Tree): DataTransferItemList {
  const items = Object.entries(tree).map(([name, content]) => ({ kind: 'file', webkitGetAsEntry: () => entryOf(name, content) }));
  queueMicrotask(() => items.splice(0));
  return [...items, { kind: 'string' }] as unknown as DataTransferItemList;
}

describe('files that are dropped', () => {
  it('come with all that is in dropped folders, under the folder that they are dropped on', async () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`${n}.txt`, `${n}`]));
    const { files, unread } = await filesOfDrop(dropOf({ 'a.csv': 'a', data: { many, deep: { er: { 'b.csv': 'b' } } } }), 'in');
    expect(unread).toEqual([]);
    expect(files).toHaveLength(252);
    expect(files.slice(0, 2).map(({ path }) => path)).toEqual(['in/a.csv', 'in/data/many/0.txt']);
    expect(files.at(-1)?.path).toBe('in/data/deep/er/b.csv');
    expect(await files.at(-1)?.file.text()).toBe('b');
  });

  it('come with folders that are empty, and what those are in', async () => {
    const { files, folders } = await filesOfDrop(
      dropOf({ data: { a: '1', full: { b: '2' }, out: { runs: {}, logs: {} } }, bare: {} }),
      'in',
    );
    expect(files.map(({ path }) => path)).toEqual(['in/data/a', 'in/data/full/b']);
    expect(folders).toEqual(['in/data', 'in/data/out', 'in/data/out/runs', 'in/data/out/logs', 'in/bare']);
  });

  it('land beside each other in the workspace itself', async () => {
    expect((await filesOfDrop(dropOf({ a: '1', b: '2' }), '.')).files.map(({ path }) => path)).toEqual(['a', 'b']);
  });

  it('come without the one that cannot be read, which is named', async () => {
    const { files, unread } = await filesOfDrop(dropOf({ a: '1', data: { bad: 'unreadable', b: '2' } }), '.');
    expect(files.map(({ path }) => path)).toEqual(['a', 'data/b']);
    expect(unread).toEqual(['data/bad']);
  });
});
