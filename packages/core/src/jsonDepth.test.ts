import { expect, it } from 'vitest';
import { JSON_LEVELS_MAX, nestsDeeper } from './jsonDepth.ts';

const nested = (levels: number, open = '[', close = ']') => JSON.parse(`${open.repeat(levels)}1${close.repeat(levels)}`) as unknown;

it('the depth of JSON is told to the level, however deep it is', () => {
  for (const value of [null, 1, 'text', {}, [[], {}], nested(JSON_LEVELS_MAX), nested(JSON_LEVELS_MAX, '{"a":', '}')])
    expect(nestsDeeper(value)).toBe(false);
  for (const levels of [JSON_LEVELS_MAX + 1, 5_000, 1_000_000]) expect(nestsDeeper(nested(levels)), String(levels)).toBe(true);
  expect(nestsDeeper(nested(JSON_LEVELS_MAX + 1, '{"a":', '}'))).toBe(true);
  expect(nestsDeeper([1, { a: [2, { b: nested(3) }] }], 6)).toBe(true);
  expect(nestsDeeper([1, { a: [2, { b: nested(3) }] }], 7)).toBe(false);
});
