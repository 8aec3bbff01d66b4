import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RunnerRig } from './runnerRig.fixture.ts';

const FAMILY = fileURLToPath(new URL('../../../environments/practice', import.meta.url));

it('a runner removes from its host what nobody has used for long, says so in its log, and notes what it needs itself', async () => {
  // The sandbox's user must be able to walk there.
  const base = await mkdtemp('/var/tmp/plumbline-caches-');
  const rig = new RunnerRig();
  try {
    await chmod(base, 0o711);
    const forgotten = join(base, 'images/forgotten');
    await mkdir(join(base, 'images/.locks'), { recursive: true });
    await mkdir(forgotten);
    await utimes(forgotten, 0, 0);
    const stateDir = join(base, 'runners/attempt');
    await mkdir(stateDir, { recursive: true });
    expect(await rig.start({ stateDir, imageDir: join(base, 'images'), familyDir: FAMILY })).toBeNull();
    expect(rig.stderr).toContain('what nobody had used for long was removed from this host');
    const images = await readdir(join(base, 'images'));
    expect(images).not.toContain('forgotten');
    const needed = JSON.parse(await readFile(join(stateDir, 'uses.json'), 'utf8')) as string[];
    expect(images.filter((name) => needed.includes(join(base, 'images', name)))).toHaveLength(1);
  } finally {
    await rig.end();
    await rm(base, { recursive: true, force: true });
  }
});
