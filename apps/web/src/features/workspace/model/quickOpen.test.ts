import { describe, expect, it } from 'vitest';
import { offered, RecentFiles, typedPlace } from './quickOpen.ts';

describe('what is typed to open a file', () => {
  it('may end with a line, and with a column', () => {
    expect(typedPlace('train.py:120')).toEqual({ words: 'train.py', place: { line: 120, column: 1, length: 0 } });
    expect(typedPlace('src/train.py:120:4')).toEqual({ words: 'src/train.py', place: { line: 120, column: 4, length: 0 } });
    expect(typedPlace(':7')).toEqual({ words: '', place: { line: 7, column: 1, length: 0 } });
    expect(typedPlace('train.py:0:0').place).toEqual({ line: 1, column: 1, length: 0 });
    // While the line is not typed yet the file stays found.
    expect(typedPlace('train.py:')).toEqual({ words: 'train.py', place: null });
    expect(typedPlace('train.py')).toEqual({ words: 'train.py', place: null });
  });
});

describe('the files that are offered', () => {
  const all = { paths: ['a.py', 'b.py', 'c.py', 'lib/b.py'], active: 'c.py', most: 50 };

  it('begin with those that one was in lately, the one before this one first', () => {
    expect(offered('', { ...all, recent: ['c.py', 'b.py'] })).toEqual({ recent: ['b.py', 'c.py'], others: ['a.py', 'lib/b.py'] });
    expect(offered('b', { ...all, recent: ['c.py', 'lib/b.py'] })).toEqual({ recent: ['lib/b.py'], others: ['b.py'] });
    expect(offered('', { ...all, recent: ['c.py', 'b.py'], most: 3 })).toEqual({ recent: ['b.py', 'c.py'], others: ['a.py'] });
  });

  it('are without those that are gone, and those that were open while it is not known what there is', () => {
    expect(offered('', { ...all, recent: ['gone.py'] }).recent).toEqual([]);
    expect(offered('', { ...all, paths: null, recent: ['b.py'] })).toEqual({ recent: ['b.py'], others: [] });
  });
});

describe('the files that one was in', () => {
  it('are kept for their attempt, each once, the last one first, and no library’s', () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, text: string) => void kept.set(key, text) };
    const files = new RecentFiles('one', storage);
    for (const path of ['a.py', 'b.py', '/usr/lib/python3/os.py', 'a.py']) files.add(path);
    expect(new RecentFiles('one', storage).paths).toEqual(['a.py', 'b.py']);
    expect(new RecentFiles('two', storage).paths).toEqual([]);
    for (let n = 0; n < 100; n += 1) files.add(`${n}.py`);
    expect(files.paths).toHaveLength(50);
    kept.set('plumbline-recent-files-one', '{');
    expect(files.paths).toEqual([]);
  });
});
