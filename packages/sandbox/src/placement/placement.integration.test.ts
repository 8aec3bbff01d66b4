import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTRACT_RUNNER, PlacementTrial, type PlacementWorld, placementChecks, processesNaming } from './contract.ts';
import { type LocalPlacementOptions, localPlacement } from './local.ts';

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
      asStranger: (handle, pid) => ({ ...handle, pid }),
    };
  });
  afterAll(async () => {
    expect(await processesNaming([dir])).toEqual([]);
    await rm(dir, { recursive: true, force: true });
  });

  for (const check of placementChecks) it(check.name, { timeout: 90_000 }, () => PlacementTrial.run(world, check));
});
