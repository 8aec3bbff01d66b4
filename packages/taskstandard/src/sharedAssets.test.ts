import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ENVIRONMENTS = join(import.meta.dirname, '../../../environments');

test.each([
  ['confined.py', ['**/assets/confined.py']],
  ['exchange.py', ['**/assets/exchange.py']],
  ['language.py', ['**/assets/language.py']],
  ['openwebtext.py', ['**/assets/openwebtext.py']],
  ['tensors.py', ['**/assets/tensors.py']],
  [
    'the program that asks a model',
    ['re-bench/rust_codecontests/assets/workspace/solution/model.py', 're-bench/gpt2_rl_qa/assets/model_client.py'],
  ],
])('a family is copied alone, so each has its own %s, and a mend of one is a mend of all', (_name, patterns) => {
  const copies = patterns.flatMap((pattern) => globSync(pattern, { cwd: ENVIRONMENTS }));
  expect(copies.length).toBeGreaterThan(1);
  expect(new Set(copies.map((copy) => readFileSync(join(ENVIRONMENTS, copy), 'utf8'))).size).toBe(1);
});
