import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractChecks } from '../contract/checks.ts';
import { ContractWorld } from '../contract/contract.ts';

const TIMEOUT_MS = 120_000;
/** A number without an account; only what it may read as `other` is open to it. */
const ORDINARY_UID = '65533';

function holdsItsContract(name: 'none' | 'bubblewrap', as: string): void {
  describe(`${name} as ${as}`, () => {
    let world: ContractWorld;
    beforeAll(async () => {
      world = await ContractWorld.open({ name });
    });
    afterAll(() => world.close());
    for (const check of contractChecks) {
      it(check.name, { timeout: TIMEOUT_MS }, async (context) => {
        if ((await world.run(check)) === 'not declared') context.skip(`${name} does not declare it`);
      });
    }
  });
}

/** Why an ordinary user cannot run this repository's programs, or null. */
async function whyNotOrdinary(): Promise<string | null> {
  for (let dir = fileURLToPath(import.meta.url); dir !== dirname(dir); dir = dirname(dir)) {
    if (((await stat(dir)).mode & 0o005) === 0) return `other users cannot read ${dir}`;
  }
  return null;
}

const asWhom = process.getuid?.() === 0 ? 'root' : 'an ordinary user';
holdsItsContract('none', asWhom);
holdsItsContract('bubblewrap', asWhom);

// An ordinary user has made these sandboxes above already.
const isSkipped = asWhom !== 'root' || isAbsent('bubblewrap as an ordinary user', await whyNotOrdinary());

describe.skipIf(isSkipped)('bubblewrap as an ordinary user, beside root', () => {
  const outcomes = new Map<string, { outcome: string; error?: string }>();

  beforeAll(async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'plumbline-ordinary-'));
    await chmod(temporary, 0o777);
    const child = fileURLToPath(new URL('../contract/child.ts', import.meta.url));
    const asOrdinary = [
      '--reuid',
      ORDINARY_UID,
      '--regid',
      ORDINARY_UID,
      '--clear-groups',
      process.execPath,
      child,
      'run',
      JSON.stringify({ name: 'bubblewrap' }),
    ];
    const env = { PATH: '/usr/bin:/bin', HOME: temporary, TMPDIR: temporary };
    const { stdout } = await promisify(execFile)('setpriv', asOrdinary, { env, timeout: 4 * TIMEOUT_MS, cwd: temporary });
    for (const line of stdout.trim().split('\n')) {
      const { name, ...outcome } = JSON.parse(line) as { name: string; outcome: string; error?: string };
      outcomes.set(name, outcome);
    }
    await rm(temporary, { recursive: true, force: true });
  }, 4 * TIMEOUT_MS);

  for (const check of contractChecks) {
    it(check.name, (context) => {
      const outcome = outcomes.get(check.name);
      if (outcome?.outcome === 'not declared') context.skip('not declared on this host');
      expect(outcome).toEqual({ outcome: 'kept' });
    });
  }
});
