import { AppError } from '@plumbline/core';
import { LISTED_AT_ONCE } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import type { Ask } from './ask.ts';
import { FileTree, ROOT } from './fileTree.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

type Disk = Record<string, string[]>;

/** A tree over folders whose entries end in `/` where they are folders; a listing is of the moment in which it was asked for. */
function treeOf(disk: Disk) {
  const asked: { act: string; path: string; stamp?: string }[] = [];
  const time = new SteppedTime();
  let error: AppError | null = null;
  const answers: Record<string, (args: { path: string; to: string; stamp?: string; rest?: string; kind: string }) => object> = {
    'file.list': ({ path, stamp, rest }) => {
      const names = disk[path];
      if (!names) throw new AppError('not_found', 'There is no such file or folder.');
      const now = names.join();
      if (stamp === now) return { entries: [], truncated: false, stamp: now, unchanged: true };
      const entries = names.map((name) => ({
        name: name.replace('/', ''),
        kind: name.endsWith('/') ? 'directory' : 'file',
        size: 1,
        modifiedMs: 0,
      }));
      if (entries.length <= LISTED_AT_ONCE) return { entries, truncated: false, stamp: now, unchanged: false };
      const from = Number(rest ?? 0);
      const next = from + LISTED_AT_ONCE;
      const more = next < entries.length ? { rest: String(next) } : {};
      return { entries: entries.slice(from, next), truncated: false, stamp: now, unchanged: false, ...more };
    },
    'file.create': ({ path, kind }) => {
      const slash = path.lastIndexOf('/');
      const entry = path.slice(slash + 1) + (kind === 'directory' ? '/' : '');
      const folder = disk[slash < 0 ? ROOT : path.slice(0, slash)];
      if (folder?.includes(entry)) throw new AppError('conflict', 'Something of that name exists already.');
      folder?.push(entry);
      return {};
    },
    'file.rename': () => ({}),
  };
  const ask = (async (act: string, args: { path: string; to: string; stamp?: string; kind: string }) => {
    asked.push({ act, path: args.path, ...(args.stamp === undefined ? {} : { stamp: args.stamp }) });
    if (error) throw error;
    const answer = answers[act]?.(args);
    if (act === 'file.list') await new Promise<void>((resolve) => void time.after(100, resolve));
    return answer;
  }) as unknown as Ask;
  const tree = new FileTree(ask, time);
  const done = async (act: Promise<unknown>) => {
    await time.step(5_000);
    await act;
  };
  return {
    tree,
    disk,
    time,
    asked,
    done,
    fail: (one: AppError | null) => {
      error = one;
    },
    rows: () => FileTree.rows(tree.store.get()).map(({ path, depth }) => `${'  '.repeat(depth)}${path}`),
  };
}

describe('the tree of files', () => {
  it('shows folders first and what is in those that are open, without files on their way up', async () => {
    const { tree, done, rows } = treeOf({
      [ROOT]: ['b10', 'b9', 'src/', '.plumbline-upload-1'],
      src: ['deep/', 'a.py'],
      'src/deep': ['x'],
    });
    await done(tree.list(ROOT));
    expect(rows()).toEqual(['src', 'b9', 'b10']);
    await done(tree.reveal('src/deep/x'));
    expect(rows()).toEqual(['src', '  src/deep', '    src/deep/x', '  src/a.py', 'b9', 'b10']);
    tree.collapseAll();
    expect(rows()).toEqual(['src', 'b9', 'b10']);
    tree.toggle('src');
    expect(rows()).toEqual(['src', '  src/deep', '  src/a.py', 'b9', 'b10']);
    tree.toggle('src');
    expect(rows()).toEqual(['src', 'b9', 'b10']);
  });

  it('puts together a folder that comes in parts', async () => {
    const names = Array.from({ length: 2 * LISTED_AT_ONCE + 5 }, (_, n) => `file${n}`);
    const { tree, time, asked, rows } = treeOf({ [ROOT]: [...names].reverse() });
    const listing = tree.list(ROOT);
    // A listing of three parts that is sorted in several goes.
    for (let n = 0; n < 20; n += 1) await time.step(100);
    await listing;
    expect(rows()).toEqual(names);
    expect(asked).toHaveLength(3);
  });

  it('lists a folder that a program fills twice, however often it is told of', async () => {
    const { tree, disk, time, asked, done, rows } = treeOf({ [ROOT]: [] });
    const told: Promise<void>[] = [];
    for (let n = 0; n < 200; n += 1) {
      disk[ROOT]?.push(`made${n}`);
      told.push(tree.list(ROOT));
    }
    await done(Promise.all(told));
    expect(rows()).toHaveLength(200);
    expect(asked).toHaveLength(2);
    disk[ROOT]?.push('later');
    await done(tree.list(ROOT));
    expect(rows()).toHaveLength(201);
    await time.step(0);
  });

  it('lists a folder of which much is told no oftener than what it cost to list allows, and shows in the end what is there', async () => {
    const entries = Array.from({ length: 30_000 }, (_, n) => `a-file-with-a-name-${n}`);
    const { tree, disk, time, asked, rows } = treeOf({ [ROOT]: entries });
    for (let tenths = 0; tenths < 600; tenths += 1) {
      if (tenths % 2 === 0) disk[ROOT]?.push(`made${tenths}`);
      tree.changed(ROOT);
      await time.step(100);
    }
    const bytes = asked.length * LISTED_AT_ONCE * 100;
    expect(bytes / 60).toBeLessThan(1024 * 1024);
    expect(asked.length).toBeGreaterThan(30_000 / LISTED_AT_ONCE);
    // A listing of many parts that is sorted in several goes.
    for (let tenths = 0; tenths < 200; tenths += 1) await time.step(100);
    expect(rows()).toHaveLength(30_300);
  });

  it('lists no folder that is out of sight, and lists it again when it comes back into sight', async () => {
    const { tree, disk, time, asked, done, rows } = treeOf({ [ROOT]: ['src/'], src: ['deep/'], 'src/deep': ['x'] });
    await done(tree.list(ROOT));
    await done(tree.reveal('src/deep/x'));
    tree.toggle('src');
    asked.length = 0;
    disk['src/deep']?.push('y');
    tree.changed('src/deep');
    tree.changed('src');
    tree.look();
    await time.step(5_000);
    expect(asked.map(({ path }) => path)).toEqual([ROOT]);
    tree.toggle('src');
    await time.step(5_000);
    expect(rows()).toEqual(['src', '  src/deep', '    src/deep/x', '    src/deep/y']);
    tree.toggle('src');
    disk['src/deep']?.push('z');
    await done(tree.reveal('src/deep/z'));
    expect(rows()).toContain('    src/deep/z');
  });

  it('makes folders in their order, and leaves those that are there', async () => {
    const { tree, disk, done } = treeOf({ [ROOT]: ['in/'], in: [] });
    await done(tree.createFolders(['in', 'in/a']));
    expect(disk).toMatchObject({ [ROOT]: ['in/'], in: ['a/'] });
  });

  it('has a row for what was made while its folder was being listed', async () => {
    const { tree, done, rows } = treeOf({ [ROOT]: ['a'] });
    const listing = tree.list(ROOT);
    await done(Promise.all([listing, tree.create('b', 'file')]));
    expect(rows()).toEqual(['a', 'b']);
  });

  it('asks with the stamp of the last listing, and keeps its rows where that still holds', async () => {
    const { tree, asked, done, rows } = treeOf({ [ROOT]: ['a'] });
    await done(tree.list(ROOT));
    await done(tree.refresh());
    expect(asked.at(-1)).toEqual({ act: 'file.list', path: ROOT, stamp: 'a' });
    expect(rows()).toEqual(['a']);
  });

  it('says why a folder could not be listed, and keeps what it showed before', async () => {
    const { tree, done, fail, rows } = treeOf({ [ROOT]: ['a', 'src/'], src: ['b'] });
    await done(tree.list(ROOT));
    fail(new AppError('forbidden', 'The file’s permissions do not allow that.'));
    tree.toggle('src');
    await done(tree.list(ROOT));
    expect(rows()).toEqual(['src', 'a']);
    expect(FileTree.rows(tree.store.get())[0]).toMatchObject({ expanded: true, error: 'The file’s permissions do not allow that.' });
    fail(null);
    await done(tree.refresh());
    expect(rows()).toEqual(['src', '  src/b', 'a']);
  });
});
