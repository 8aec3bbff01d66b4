import { describe, expect, it } from 'vitest';
import { fuzzyFind } from './fuzzyFind.ts';

const PATHS = ['src/model/train.py', 'src/training/loop.py', 'docs/train-notes.md', 'train.py', 'setup.cfg'];

describe('finding a file by parts of its path', () => {
  it('puts a file of exactly that name before others, and the shortest first', () => {
    expect(fuzzyFind('train.py', PATHS, 2)).toEqual(['train.py', 'src/model/train.py']);
  });

  it('takes letters in order from anywhere in the path, and no others', () => {
    expect(fuzzyFind('smtr', PATHS, 10)[0]).toBe('src/model/train.py');
    expect(fuzzyFind('zz', PATHS, 10)).toEqual([]);
    expect(fuzzyFind('Loop', PATHS, 10)).toEqual(['src/training/loop.py']);
  });

  it('gives no more than was asked for', () => {
    expect(fuzzyFind('t', PATHS, 2)).toHaveLength(2);
  });
});
