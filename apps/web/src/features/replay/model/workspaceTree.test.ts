import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { describe, expect, it } from 'vitest';
import { filesAt, omittedChanges, treeRows } from './workspaceTree.ts';

type Change = RecordingIndex['files'][number];

const SNAPSHOT = ['README.md', 'src/a.py', 'src/deep/b.py', 'src/deep/c.py', 'data/1.csv'].map((path) => ({ path, size: 10 }));
let seq = 0;
const change = (atMs: number, op: Change['op'], path: string, more: Partial<Change> = {}): Change => ({
  seq: ++seq,
  atMs,
  op,
  path,
  to: null,
  size: null,
  ...more,
});

/** Path, mark and former name of each file that something happened to. */
const marked = (changes: Change[], atMs = 100) =>
  filesAt(SNAPSHOT, changes, 0, atMs)
    .filter(({ mark }) => mark !== null)
    .map(({ path, mark, from }) => (from === null ? [path, mark] : [path, mark, from]));

describe('the workspace at a moment', () => {
  it('has the snapshot’s files, with what was told of them after it and by then', () => {
    const changes = [change(-5, 'saved', 'README.md'), change(5, 'saved', 'src/a.py', { size: 12 }), change(50, 'deleted', 'README.md')];
    expect(marked(changes, 20)).toEqual([['src/a.py', 'saved']]);
    expect(filesAt(SNAPSHOT, changes, 0, 20).find(({ path }) => path === 'src/a.py')).toMatchObject({ size: 12, atMs: 5 });
    expect(marked(changes)).toEqual([
      ['README.md', 'deleted'],
      ['src/a.py', 'saved'],
    ]);
  });

  it('shows a file that was renamed once, by its new name, whatever happens to it then', () => {
    const renamed = change(5, 'renamed', 'src/a.py', { to: 'src/z.py' });
    expect(marked([renamed])).toEqual([['src/z.py', 'renamed', 'src/a.py']]);
    expect(filesAt(SNAPSHOT, [renamed], 0, 9)).toHaveLength(SNAPSHOT.length);
    const more = [renamed, change(6, 'changed', 'src/z.py', { size: 99 }), change(7, 'renamed', 'src/z.py', { to: 'main.py' })];
    expect(marked(more)).toEqual([['main.py', 'renamed', 'src/a.py']]);
    expect(filesAt(SNAPSHOT, more, 0, 9).find(({ path }) => path === 'main.py')?.size).toBe(99);
    expect(marked([...more, change(8, 'created', 'src/a.py')])).toContainEqual(['src/a.py', 'new']);
  });

  it('moves and deletes what is in a folder with it', () => {
    expect(marked([change(5, 'renamed', 'src/deep', { to: 'lib' })])).toEqual([
      ['lib/b.py', 'renamed', 'src/deep/b.py'],
      ['lib/c.py', 'renamed', 'src/deep/c.py'],
    ]);
    expect(marked([change(5, 'deleted', 'src')])).toEqual([
      ['src/a.py', 'deleted'],
      ['src/deep/b.py', 'deleted'],
      ['src/deep/c.py', 'deleted'],
    ]);
  });

  it('says how many changes it does not name', () => {
    const filesOmitted = [5, 15, 25].map((atMs) => ({ atMs, count: 3 }));
    expect(omittedChanges({ filesOmitted }, 10, 30)).toBe(6);
  });
});

describe('the tree of it', () => {
  const shown = (toggled: [string, boolean][] = [], changes: Change[] = []) =>
    treeRows(filesAt(SNAPSHOT, changes, 0, 100), new Map(toggled)).map(
      ({ kind, name, depth }) => '  '.repeat(depth) + name + (kind === 'folder' ? '/' : ''),
    );

  it('has folders first, each under its own, and folds', () => {
    expect(shown()).toEqual(['data/', '  1.csv', 'src/', '  deep/', '    b.py', '    c.py', '  a.py', 'README.md']);
    expect(shown([['src', false]])).toEqual(['data/', '  1.csv', 'src/', 'README.md']);
  });

  it('says of a folder how much changed in it, however deep', () => {
    const rows = treeRows(filesAt(SNAPSHOT, [change(5, 'saved', 'src/deep/b.py'), change(6, 'created', 'src/new.py')], 0, 100), new Map());
    expect(rows.flatMap(({ kind, path, changes }) => (kind === 'folder' ? [[path, changes]] : []))).toEqual([
      ['data', 0],
      ['src', 2],
      ['src/deep', 1],
    ]);
  });

  it('begins with the folders open in which something changed, where there are many files', () => {
    const many = Array.from({ length: 300 }, (_, n) => ({ path: `d${n % 3}/f${n}`, size: 1 }));
    const open = treeRows(filesAt(many, [change(5, 'saved', 'd1/f4')], 0, 100), new Map()).filter(({ expanded }) => expanded);
    expect(open.map(({ path }) => path)).toEqual(['d1']);
  });
});
