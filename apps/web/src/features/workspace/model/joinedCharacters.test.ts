import { describe, expect, it } from 'vitest';
import { joinedCharacters } from './joinedCharacters.ts';

const joined = (text: string) => joinedCharacters(text).map(([from, to]) => text.slice(from, to));

describe('joinedCharacters', () => {
  it('joins what is one character to the reader and several to a terminal: families, flags, colours of skin, vowels beside their letter', () => {
    expect(joined('a 👨‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 का b')).toEqual(['👨‍👩‍👧‍👦', '🇩🇪', '🇫🇷', '👍🏽', 'का']);
  });

  it('leaves alone what stands in one cell or in two: accents, keycaps, letters of Chinese, plain emoji', () => {
    expect(joined('e\u0301 1\ufe0f\u20e3 ❤\ufe0f 漢字 🙂🚀 ก็ plain')).toEqual([]);
  });
});
