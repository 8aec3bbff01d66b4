import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ENVIRONMENTS = join(import.meta.dirname, '../../../environments');

test('a family is copied alone, so each has its own confined.py, and a mend of one is a mend of all', () => {
  const copies = globSync('**/assets/confined.py', { cwd: ENVIRONMENTS });
  expect(copies.length).toBeGreaterThan(1);
  expect(new Set(copies.map((copy) => readFileSync(join(ENVIRONMENTS, copy), 'utf8'))).size).toBe(1);
});
