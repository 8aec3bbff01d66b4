import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { publicSeedNotice } from './publicSeed.ts';

test('an installation whose held-out data anybody can draw is told so, until it has a seed of its own or is a demonstration', () => {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-seed-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = (text: string) => {
    writeFileSync(join(dir, 'secrets'), text);
    return join(dir, 'secrets');
  };
  expect(publicSeedNotice({ seed: 'empty', secretsFile: null })).toMatch(/PLUMBLINE_SEED_VALUE is not among/);
  expect(publicSeedNotice({ seed: 'none', secretsFile: file('OTHER=x\nPLUMBLINE_SEED_VALUE=\n') })).toMatch(
    /PLUMBLINE_SEED_VALUE is not among/,
  );
  expect(publicSeedNotice({ seed: 'empty', secretsFile: file('PLUMBLINE_SEED_VALUE=7f\n') })).toBeNull();
  expect(publicSeedNotice({ seed: 'demo', secretsFile: null })).toBeNull();
  expect(publicSeedNotice({ seed: 'empty', secretsFile: join(dir, 'nowhere') })).toMatch(
    /nowhere cannot be read.*no attempt gets a sandbox/,
  );
});
