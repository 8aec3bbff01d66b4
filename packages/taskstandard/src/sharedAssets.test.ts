import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ENVIRONMENTS = join(import.meta.dirname, '../../../environments');

test.each(['confined.py', 'language.py', 'openwebtext.py', 'tensors.py'])(
  'a family is copied alone, so each has its own %s, and a mend of one is a mend of all',
  (name) => {
    const copies = globSync(`**/assets/${name}`, { cwd: ENVIRONMENTS });
    expect(copies.length).toBeGreaterThan(1);
    expect(new Set(copies.map((copy) => readFileSync(join(ENVIRONMENTS, copy), 'utf8'))).size).toBe(1);
  },
);
