import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFamilySandbox } from '@plumbline/sandbox/familySandbox';
import { isolationNamed } from '@plumbline/sandbox/isolation/isolations';
import { loadFamily, type TaskDefinition } from '@plumbline/taskstandard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerRig } from './runnerRig.fixture.ts';

const FAMILY = fileURLToPath(new URL('../../../environments/practice', import.meta.url));

let base: string;
beforeAll(async () => {
  // The sandbox's user must be able to walk there.
  base = await mkdtemp('/var/tmp/plumbline-network-');
  await chmod(base, 0o711);
  await mkdir(join(base, 'images'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** The environment `practice` with these permissions, as a folder. */
async function familyWith(permissions: string): Promise<string> {
  const dir = join(base, `family${permissions.replace(/\W/g, '-')}`);
  await cp(FAMILY, dir, { recursive: true });
  const program = join(dir, 'practice.py');
  const text = await readFile(program, 'utf8');
  await writeFile(program, text.replace(/(def get_permissions\(t\):\n\s+return) .*/, `$1 ${permissions}`));
  expect(await readFile(program, 'utf8')).toContain(`return ${permissions}`);
  return dir;
}

const NETWORKS = `grep -o '^ *[a-z0-9]*:' /proc/net/dev | tr -d ' :' | sort`;

describe.each([
  ['[]', ['lo']],
  ['["full_internet"]', ['lo', 'tap0']],
])('an environment with the permissions %s has the networks %j', (permissions, networks) => {
  let familyDir: string;
  beforeAll(async () => {
    familyDir = await familyWith(permissions);
  });

  it('in a terminal of an attempt, and its score ends', async () => {
    const stateDir = join(base, `state${permissions.replace(/\W/g, '-')}`);
    await mkdir(stateDir);
    await chmod(stateDir, 0o711);
    const rig = new RunnerRig();
    try {
      expect(await rig.start({ stateDir, imageDir: join(base, 'images'), familyDir })).toBeNull();
      await rig.sh(`${NETWORKS} > networks`);
      expect((await readFile(join(stateDir, 'workspace', 'networks'), 'utf8')).trim().split('\n')).toEqual(networks);
      expect((await rig.score()).status).toBe('scored');
    } finally {
      await rig.end();
    }
  });

  it('in a sandbox for checks and calibrations', async () => {
    const family = loadFamily(familyDir);
    const options = {
      imageDir: join(base, 'images'),
      assetsDir: join(base, 'assets'),
      secrets: {},
      isolation: isolationNamed('bubblewrap', null),
    };
    const host = await createFamilySandbox(family, family.tasks.main as TaskDefinition, options);
    try {
      const { stdout } = await host.sandbox.run('participant', ['/bin/sh', '-c', NETWORKS], { timeoutMs: 20_000, maxOutputBytes: 1 << 20 });
      expect(stdout.toString().trim().split('\n')).toEqual(networks);
    } finally {
      await host.destroy();
    }
  });
});
