import { describe, expect, it } from 'vitest';
import { fileMeant, filePlaces } from './filePlaces.ts';

const placesOf = (text: string) => filePlaces(text).map(({ path, line, column }) => `${path} ${line} ${column}`);

describe('places in files that programs print', () => {
  it.each([
    ['  File "/home/agent/solution/train.py", line 12, in main', ['/home/agent/solution/train.py 12 1']],
    ['  File "with space.py", line 3', ['with space.py 3 1']],
    ['src/model.py:40: in forward', ['src/model.py 40 1']],
    ['./kernel.cu:7:15: error: expected ";"', ['./kernel.cu 7 15']],
    ['a.py:1: b.py:2:3', ['a.py 1 1', 'b.py 2 3']],
    ['(train.py:8)', ['train.py 8 1']],
    ['FAILED tests/test_a.py::test_b - x', []],
    ['Serving on http://localhost.test:8000/ and 127.0.0.1:6006', []],
    ['https://example.org/a.py:3', []],
    ['[2026-11-27 12:30:05] step 4: loss:0.31 v1.2:3', []],
    ['agent@host.example:22', []],
  ])('%j names %j', (text, places) => expect(placesOf(text)).toEqual(places));

  it('say where in the text they stand', () => {
    const text = 'at src/a.py:12:4, then';
    expect(filePlaces(text).map(({ start, end }) => text.slice(start, end))).toEqual(['src/a.py:12:4']);
  });
});

describe('the file that a printed path means', () => {
  const paths = ['train.py', 'solution/model.py', 'solution/deep/util.py', 'other/util.py'];

  it.each([
    ['train.py', 'train.py'],
    ['./train.py', 'train.py'],
    ['../model.py', 'solution/model.py'],
    ['deep/util.py', 'solution/deep/util.py'],
    ['/home/agent/solution/model.py', 'solution/model.py'],
    // Not every file is listed: those of packages are not.
    ['/home/agent/.venv/lib/x.py', '.venv/lib/x.py'],
    ['~/train.py', 'train.py'],
  ])('%s is %s', (printed, path) => expect(fileMeant(printed, paths)).toEqual({ path }));

  it.each([
    ['/usr/lib/python3/train.py', /not in the workspace/],
    ['nowhere.py', /has no file nowhere\.py/],
    ['util.py', /More than one file/],
  ])('%s is none that could be opened', (printed, refusal) => {
    expect(fileMeant(printed, paths)).toEqual({ refusal: expect.stringMatching(refusal) });
  });
});
