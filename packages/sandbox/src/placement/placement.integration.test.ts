import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountPoints } from '../host/mounts.ts';
import { waitUntil } from '../host/waiting.ts';
import { writeRecord } from '../isolation/sandboxState.ts';
import { canMakeVolumes, mountVolume } from '../isolation/workspaceVolume.ts';
import { placementChecks } from './contract.ts';
import { CONTRACT_RUNNER, PlacementTrial, type PlacementWorld, processesNaming, strangerProcess } from './contractTrial.ts';
import { type LocalPlacementOptions, localPlacement } from './local.ts';

const run = promisify(execFile);
const isSkipped = isAbsent(
  'the removal of a workspace’s own disk',
  (await canMakeVolumes()) ? null : 'this host cannot give a workspace one',
);

const LOCAL = fileURLToPath(new URL('./local.ts', import.meta.url));

describe('local', () => {
  let dir: string;
  let world: PlacementWorld;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-placement-'));
    const options: LocalPlacementOptions = {
      runnerEntry: CONTRACT_RUNNER,
      runnersDir: join(dir, 'runners'),
      imageDir: join(dir, 'images'),
      assetsDir: join(dir, 'assets'),
    };
    world = {
      open: async () => ({ placement: localPlacement(options), close: async () => undefined }),
      source: `import { localPlacement } from ${JSON.stringify(LOCAL)}; const placement = localPlacement(${JSON.stringify(options)});`,
      dir,
      writtenDirs: [dir],
      stateDir: (attemptId) => join(options.runnersDir, attemptId),
      stranger: (handle) => strangerProcess((pid) => ({ ...handle, pid })),
    };
  });
  afterAll(async () => {
    expect(await waitUntil(async () => (await processesNaming([dir])).length === 0, 20_000)).toBe(true);
    await rm(dir, { recursive: true, force: true });
  });

  it.skipIf(isSkipped)(
    'a removal unmounts the workspace’s own disk, which a dead runner left, and touches nothing else that is mounted there',
    async () => {
      const { placement } = await world.open();
      const attemptId = randomUUID();
      const stateDir = world.stateDir(attemptId);
      const [sandboxDir, workspaceDir, outside] = [join(stateDir, 'sandbox'), join(stateDir, 'workspace'), join(dir, 'outside')];
      await mkdir(sandboxDir, { recursive: true });
      expect(await mountVolume(sandboxDir, workspaceDir, 16 * 1024 ** 2)).toEqual([]);
      await writeRecord(sandboxDir, { id: 'left', cgroups: [], hostUid: null, holder: null, workspaceDir });
      for (const path of [outside, join(stateDir, 'theirs')]) await mkdir(path);
      await writeFile(join(outside, 'kept'), '');
      await run('mount', ['--bind', outside, join(stateDir, 'theirs')]);
      try {
        await expect(placement.remove(attemptId)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('theirs') });
        expect(await readdir(outside)).toEqual(['kept']);
        expect(await mountPoints()).not.toContain(workspaceDir);
      } finally {
        await run('umount', [join(stateDir, 'theirs')]);
      }
      await placement.remove(attemptId);
      expect(await readdir(dirname(stateDir))).not.toContain(attemptId);
      expect(await readdir(outside)).toEqual(['kept']);
    },
  );

  it.skipIf(isAbsent('a start on a full disk', notRoot()))(
    'a start on a full disk is refused in words and leaves no process; with room it is done',
    { timeout: 90_000 },
    () =>
      PlacementTrial.run(world, {
        name: 'a start on a full disk',
        run: async (trial) => {
          const request = await trial.request('listens');
          const stateDir = world.stateDir(request.attemptId);
          await mkdir(stateDir, { recursive: true });
          await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', stateDir]);
          const unmounted = () => run('umount', [stateDir]).then(Boolean, () => false);
          try {
            await writeFile(join(stateDir, 'ballast'), Buffer.alloc(64 * 1024));
            await expect(trial.placement.start(request)).rejects.toMatchObject({
              code: 'sandbox_unavailable',
              message: expect.stringContaining('is full'),
              cause: expect.objectContaining({ code: 'ENOSPC' }),
            });
            // A process that was left would work in it.
            expect(await waitUntil(unmounted, 5_000)).toBe(true);
          } finally {
            await run('umount', ['--lazy', stateDir]).catch(() => undefined);
          }
          expect(await trial.state(trial.keep(await trial.placement.start(request)))).toBe('running');
        },
      }),
  );

  for (const check of placementChecks) it(check.name, { timeout: 90_000 }, () => PlacementTrial.run(world, check));
});
