import { describe, expect, it } from 'vitest';
import { isPythonName, withName } from './pythonNames.ts';

describe('a name of Python', () => {
  it('begins with a letter of any script or an underscore, and is no keyword', () => {
    expect(['x', '_x1', 'größe', '变量', 'match'].filter((name) => !isPythonName(name))).toEqual([]);
    expect(['', '1x', 'a-b', 'a b', 'a.b', 'class', 'None', 'x\n'].filter(isPythonName)).toEqual([]);
  });
});

describe('a text with another name', () => {
  const edit = (line: number, column: number, text = 'twice') => ({ from: { line, column }, to: { line, column: column + 6 }, text });

  it('has it in all places, in any order they are told and with any line endings', () => {
    const text = 'def double(n):\r\n    return n\rx = double(1) + double(2)\n';
    expect(withName(text, [edit(3, 17), edit(1, 5), edit(3, 5)], 'double')).toEqual({
      text: 'def twice(n):\r\n    return n\rx = twice(1) + twice(2)\n',
      count: 3,
    });
    expect(withName('𝛼 = double', [edit(1, 6)], 'double').text).toBe('𝛼 = twice');
  });

  it('is refused where something else stands in one of the places, or two of them are one', () => {
    const text = 'double = 1\ntriple = 2\n';
    expect(() => withName(text, [edit(1, 1), edit(2, 1)], 'double')).toThrow(/changed meanwhile/);
    expect(() => withName(text, [edit(1, 1), edit(1, 1)], 'double')).toThrow(/changed meanwhile/);
    expect(() => withName(text, [edit(9, 1)], 'double')).toThrow(/changed meanwhile/);
  });
});
