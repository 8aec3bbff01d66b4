import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const planted = mkdtempSync(join(tmpdir(), 'plumbline-boundaries-'));
afterAll(() => rmSync(planted, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(planted, path)), { recursive: true });
  writeFileSync(join(planted, path), text);
}

// A small copy of the repository's shape: the rules speak of paths, and the packages find each other as they do here.
mkdirSync(join(planted, 'node_modules/@plumbline'), { recursive: true });
for (const name of ['core', 'database', 'sandbox', 'testing']) {
  write(
    `packages/${name}/package.json`,
    JSON.stringify({ name: `@plumbline/${name}`, type: 'module', exports: { '.': './src/index.ts' } }),
  );
  write(`packages/${name}/src/index.ts`, 'export const here = 1;\n');
  symlinkSync(join(planted, 'packages', name), join(planted, 'node_modules/@plumbline', name));
}

function brokenRules(path: string, code: string): string[] {
  write(path, code);
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [
    cruiser,
    '--config',
    join(root, '.dependency-cruiser.cjs'),
    '--no-cache',
    '--output-type',
    'json',
    'packages',
    ...(path.startsWith('apps') ? ['apps'] : []),
  ];
  let report: string;
  try {
    report = execFileSync(process.execPath, args, { cwd: planted, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    report = (error as { stdout: string }).stdout;
  } finally {
    rmSync(join(planted, path));
  }
  const { violations } = JSON.parse(report).summary as { violations: { from: string; rule: { name: string } }[] };
  return violations.filter((violation) => violation.from === path).map((violation) => violation.rule.name);
}

test('an allowed import is accepted', () => {
  expect(brokenRules('packages/database/src/good.ts', "import { here } from '@plumbline/core';\nexport const there = here;\n")).toEqual([]);
});

test.each([
  ['packages/core/src/bad.ts', "import { here } from '@plumbline/database';\nexport const x = here;\n", 'core-imports'],
  ['packages/core/src/bad.ts', "import type { here } from '@plumbline/database';\nexport type X = typeof here;\n", 'core-imports'],
  ['packages/core/src/bad.ts', "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n", 'core-is-pure'],
  ['packages/database/src/bad.ts', "import { here } from '@plumbline/testing';\nexport const x = here;\n", 'testing-is-for-tests'],
  ['apps/runner/src/bad.ts', "import { here } from '@plumbline/database';\nexport const x = here;\n", 'runner-imports'],
  ['apps/gateway/src/bad.ts', "import { here } from '@plumbline/sandbox';\nexport const x = here;\n", 'gateway-imports'],
  [
    'apps/web/src/features/a/components/bad.tsx',
    "import { here } from '@plumbline/database';\nexport const X = () => <p>{here}</p>;\n",
    'browser-loads-no-server',
  ],
  ['apps/web/src/features/a/model/bad.ts', "import { join } from 'node:path';\nexport const x = join;\n", 'browser-loads-no-node'],
])('%s: a planted import is refused (%#)', (path, code, rule) => {
  expect(brokenRules(path, code)).toContain(rule);
});
