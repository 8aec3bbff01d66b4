import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ContractWorld, shell } from '../../contract/contract.ts';
import { BASE_IMAGE, TestEngine } from './engine.fixture.ts';

/**
 * What an engine does with the GPUs that are asked of it: it has the hook of NVIDIA's Container Toolkit give each container those that the
 * container's environment names. Here the hook writes down what it is told, and gives an empty file for each in place of a GPU.
 */
const HOOK = `#!/bin/sh
exec python3 -c '
import json, os, sys
state = json.load(sys.stdin)
with open(state["bundle"] + "/config.json") as file:
    config = json.load(file)
environment = dict(entry.split("=", 1) for entry in config["process"]["env"])
gpus = environment["NVIDIA_VISIBLE_DEVICES"].split(",")
with open(os.path.dirname(sys.argv[1]) + "/told", "a") as file:
    file.write(json.dumps(gpus) + "\\n")
for gpu in gpus:
    open(os.path.join(config["root"]["path"], gpu), "w").close()
' "$0"
`;
const GPUS = ['GPU-b8ea3855-276c', 'GPU-4f4c8a5e-8a0b'];
const TIMEOUT_MS = 180_000;

describe.skipIf(isAbsent('docker', notRoot()))('docker with a way to give GPUs', () => {
  let dir: string;
  let engine: TestEngine;
  let world: ContractWorld;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-gpu-hook-'));
    await writeFile(join(dir, 'nvidia-container-runtime-hook'), HOOK, { mode: 0o755 });
    // As `nvidia-ctk runtime configure` has it in the engine's settings.
    engine = await TestEngine.start({ programsDir: dir, args: ['--add-runtime=nvidia=/usr/sbin/runc'] });
    world = await ContractWorld.open({ name: 'docker', baseImage: BASE_IMAGE, socketPath: engine.socketPath }, {});
  }, TIMEOUT_MS);

  afterAll(async () => {
    await world?.close();
    await engine?.stop();
    await rm(dir, { recursive: true, force: true });
  }, TIMEOUT_MS);

  it('gives the GPUs of a lease to the participant and to the scorer, no other to either, and none to what serves the workspace', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const run = async () => {
      assert.equal((await world.isolation.capabilities()).gpus, true);
      const sandbox = await world.sandbox({ gpuIds: GPUS });
      for (const view of ['participant', 'scorer'] as const)
        assert.deepEqual((await shell(sandbox, view, 'ls / | grep GPU')).stdout.toString().split('\n').filter(Boolean), GPUS.toSorted());
      const told = new Set((await readFile(join(dir, 'told'), 'utf8')).trim().split('\n'));
      assert.deepEqual(
        [...told].map((line) => JSON.parse(line) as string[]),
        [GPUS],
      );
      const other = await world.sandbox();
      assert.equal((await shell(other, 'participant', 'ls / | grep GPU')).stdout.toString(), '');
      assert.equal((await shell(other, 'participant', 'echo $NVIDIA_VISIBLE_DEVICES')).stdout.toString(), 'void\n');
    };
    await world.run({ name: 'GPUs', run });
  });
});
