import { expect, test } from 'vitest';
import { shown } from './logTail.ts';

test('the console shows warnings and plain lines, and leaves the rest to the file', () => {
  expect(shown('{"level":30,"msg":"gateway listens"}', false)).toBeNull();
  expect(shown('{"level":40,"msg":"a connection was lost","error":"reset"}', false)).toBe('a connection was lost: reset');
  expect(shown('▲ Next.js', false)).toBe('▲ Next.js');
  expect(shown('   ', false)).toBeNull();
});

test('in development the console shows everything', () => {
  expect(shown('{"level":20,"msg":"detail"}', true)).toBe('detail');
});
