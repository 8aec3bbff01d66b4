import type { SearchQuery } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { folderPattern, patternOf, replaceAll, replacementOf, shownBefore } from './searchReplace.ts';

const plain: SearchQuery = { query: 'a.b', regex: false, caseSensitive: false, wholeWord: false, include: '', exclude: '' };

describe('a line in which something was found', () => {
  it('begins shortly before it, so that it is in sight in a narrow panel', () => {
    const line = '    "most_common": max(counts, key=lambda word: counts[word])';
    expect(shownBefore(line, line.indexOf('lambda'))).toBe('…counts, key=');
    expect(shownBefore('    words = text.split()', 4)).toBe('');
    expect(shownBefore('    for word in words', 8)).toBe('for ');
  });
});

describe('a search in a folder', () => {
  it('takes the folder’s name as it is, whatever stands in it', () => {
    expect(folderPattern('src/model')).toBe('src/model/**');
    expect(folderPattern('run[1],a*')).toBe('run[[]1]?a[*]/**');
    expect(folderPattern('.')).toBe('');
  });
});

describe('replacing in files', () => {
  it('takes plain text as it stands, in the query and in the replacement', () => {
    expect(replaceAll('a.b axb A.B', plain, '$&$1')).toEqual({ text: '$&$1 axb $&$1', count: 2 });
  });

  it('puts what a pattern found into the replacement', () => {
    const query = { ...plain, query: '(\\w+)_(\\w+)', regex: true };
    expect(replaceAll('one_two', query, '$2-$1')).toEqual({ text: 'two-one', count: 1 });
  });

  it('keeps case and whole words where they are asked for', () => {
    expect(replaceAll('Cat cat cats', { ...plain, query: 'cat', caseSensitive: true, wholeWord: true }, 'dog').text).toBe('Cat dog cats');
  });

  it('takes for whole words those that begin or end with any letter, as the search does', () => {
    const whole = { ...plain, wholeWord: true };
    expect(replaceAll('été étés sété été', { ...whole, query: 'été' }, 'hiver')).toEqual({ text: 'hiver étés sété hiver', count: 2 });
    expect(replaceAll('Größe Größen', { ...whole, query: 'größe' }, 'x').text).toBe('x Größen');
    expect(replaceAll('x+ y', { ...whole, query: 'x+' }, 'z').count).toBe(0);
    expect(replaceAll('say "it"', { ...plain, query: '\\"it\\"', regex: true }, 'x').text).toBe('say x');
  });

  it('leaves a text alone that has no match, and a pattern that cannot be read', () => {
    expect(replaceAll('text', plain, 'x')).toEqual({ text: 'text', count: 0 });
    expect(patternOf({ ...plain, query: '(', regex: true })).toBeNull();
  });
});

describe('what is shown before it is replaced', () => {
  it('is what replacing writes at each place, with what the pattern found there', () => {
    const query = { ...plain, query: '(?<=x )(\\w+)_(\\w+)', regex: true };
    const text = 'x one_two, x three_four';
    const shown = [2, 13].map((from) => replacementOf({ text, from }, query, '$2-$1 ($&)'));
    expect(shown).toEqual(['two-one (one_two)', 'four-three (three_four)']);
    expect(replaceAll(text, query, '$2-$1 ($&)').text).toBe(`x ${shown[0]}, x ${shown[1]}`);
  });

  it('is the replacement as it stands where there is no pattern, or nothing in it that stands for what was found', () => {
    expect(replacementOf({ text: 'a.b', from: 0 }, plain, '$&')).toBe('$&');
    expect(replacementOf({ text: 'ab', from: 0 }, { ...plain, query: 'a\\nb', regex: true }, 'c')).toBe('c');
  });

  it('is said to be unknown where what is shown of the line is too little', () => {
    expect(replacementOf({ text: 'a', from: 0 }, { ...plain, query: '(a)\\nb', regex: true }, '$1')).toBe('…');
  });
});
