import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFamilySandbox } from '@plumbline/sandbox/familySandbox';
import { BASE_IMAGE, TestEngine } from '@plumbline/sandbox/isolation/docker/engine.fixture';
import type { Isolation } from '@plumbline/sandbox/isolation/isolation';
import { isolationNamed } from '@plumbline/sandbox/isolation/isolations';
import { endAllLeftovers } from '@plumbline/sandbox/isolation/sandboxState';
import { environmentCheck, type Family, loadFamily, runScore, runTaskOperation, type TaskDefinition } from '@plumbline/taskstandard';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { reachForTheHost } from './hostReach.fixture.ts';
import { type RigOptions, RunnerRig } from './runnerRig.fixture.ts';
import {
  editWhileItReads,
  FULL_DISK_BYTES,
  HOARDER,
  PRACTICE,
  scoreOnAFullDisk,
  tryOnTheScorer,
  withScorerData,
} from './scorerTrials.fixture.ts';

/** A family that is written for the standard's own container, unchanged, in the sandboxes of this platform; and what is tried on scorers there. */

const FAMILY = fileURLToPath(new URL('../../../packages/taskstandard/fixtures/protected_scoring', import.meta.url));
const TIMEOUT_MS = 240_000;

let dir: string;
const optionsFor = (isolation: Isolation) => ({ isolation, imageDir: join(dir, 'images'), assetsDir: join(dir, 'assets'), secrets: {} });

beforeAll(async () => {
  dir = await mkdtemp('/var/tmp/plumbline-families-');
  await chmod(dir, 0o711);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('bubblewrap, which declares no root, refuses a family whose scorer must be root, and says where it runs', async () => {
  const family = loadFamily(FAMILY);
  const refused = createFamilySandbox(family, family.tasks.main as TaskDefinition, optionsFor(isolationNamed('bubblewrap', null)));
  await expect(refused).rejects.toThrow(/has to be root.*isolation docker/);
});

describe.skipIf(isAbsent('a protected family on docker', notRoot()))('on docker', () => {
  let engine: TestEngine;
  let isolation: Isolation;

  beforeAll(async () => {
    engine = await TestEngine.start();
    isolation = isolationNamed('docker', { baseImage: BASE_IMAGE, socketPath: engine.socketPath });
  }, TIMEOUT_MS);
  afterAll(() => engine?.stop(), TIMEOUT_MS);

  it('passes every check, its group, /protected, runuser, log, message and details as they are on METR’s host', async () => {
    const createHost = (family: Family, task: TaskDefinition) => createFamilySandbox(family, task, optionsFor(isolation));
    // What the standard does not say comes from an overlay: the family itself stays as it is.
    const overlayFile = join(dir, 'overlay.yaml');
    await writeFile(overlayFile, 'meta: { plumbline: { direction: lower, submission: { paths: [answer.txt] } } }\n');
    const lines = await environmentCheck(FAMILY, { createHost, overlayFile });
    expect(lines.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(lines.find(({ check }) => check === 'starting solution')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('scored 6'),
    });
    // As published: a log of NaN alone is a zero to the family, and "no valid score" here.
    expect(lines.find(({ check }) => check === 'aggregation without a score')?.status).toBe('warning');
  });

  it('keeps the participant from what is protected, and each way to fail is a row', async () => {
    const family = loadFamily(FAMILY);
    const host = await createFamilySandbox(family, family.tasks.main as TaskDefinition, optionsFor(isolation));
    try {
      const args = { familyDir: host.root, module: family.module, task: 'main' };
      expect(await runTaskOperation(host.exec, 'start', args, { timeoutMs: 60_000 })).toMatchObject({ ok: true });
      const look =
        'cat /protected/answer /protected/score.log; echo x >> score.py; echo 5 > answer.txt; python3 score.py; stat -c %U:%G answer.txt score.py';
      const seen = await host.sandbox.run('participant', ['/bin/sh', '-c', look], { timeoutMs: 20_000, maxOutputBytes: 1 << 20 });
      expect(seen.stdout.toString()).toBe('agent:agent\nroot:protected\n');
      const score = async (answer: string) => {
        await writeFile(join(host.workspaceDir, 'answer.txt'), answer);
        return runScore(host.exec, 'intermediate', args, { timeoutMs: 60_000 });
      };
      expect(await score('5')).toMatchObject({ status: 'scored', score: 2, message: { seen: '5' }, details: { right: 7 } });
      expect(await score('five')).toMatchObject({ status: 'invalid_submission', message: { reason: 'answer.txt holds no number' } });
      expect(await score('hang')).toMatchObject({ status: 'timed_out' });
      expect(await score('killed')).toMatchObject({ status: 'out_of_memory' });
      expect(await score('raise')).toMatchObject({ status: 'crashed' });
    } finally {
      await host.destroy();
    }
  });

  it.each([
    ['belongs to the participant afterwards', false],
    ['stays as it was laid where the family asks for that', true],
  ])('what start() laid %s', async (_words, keeps) => {
    const name = `owners-${keeps}`;
    const familyDir = join(dir, name);
    await mkdir(familyDir);
    const text = (await readFile(join(FAMILY, 'protected_scoring.py'), 'utf8')).replace(
      'standard_version',
      `skip_chown_after_start = ${keeps ? 'True' : 'False'}\n    standard_version`,
    );
    await writeFile(join(familyDir, 'owners.py'), text);
    await cp(join(FAMILY, 'assets'), join(familyDir, 'assets'), { recursive: true });
    await writeFile(join(familyDir, 'manifest.yaml'), await readFile(join(FAMILY, 'manifest.yaml'), 'utf8'));
    const rig = new RunnerRig();
    try {
      const docker = { baseImage: BASE_IMAGE, socketPath: engine.socketPath };
      expect(
        await rig.start({ stateDir: join(dir, name), imageDir: join(dir, 'images'), familyDir, isolation: 'docker', docker }),
      ).toBeNull();
      expect((await stat(join(dir, name, 'workspace', 'answer.txt'))).uid === 0).toBe(keeps);
    } finally {
      await rig.end();
    }
  });

  describe('what a participant may try', () => {
    let rig: RunnerRig;
    const start = (name: string, familyDir: string, more: Partial<RigOptions> = {}) => {
      rig = new RunnerRig();
      const docker = { baseImage: BASE_IMAGE, socketPath: engine.socketPath };
      return rig.start({ stateDir: join(dir, name), imageDir: join(dir, 'images'), familyDir, isolation: 'docker', docker, ...more });
    };
    afterEach(() => rig?.end());
    const hoarder = async () => {
      const familyDir = join(dir, 'hoarder');
      await mkdir(familyDir, { recursive: true });
      await writeFile(join(familyDir, 'hoarder.py'), HOARDER);
      await writeFile(
        join(familyDir, 'manifest.yaml'),
        'tasks: { main: {} }\nmeta: { plumbline: { submission: { paths: [solution] }, direction: higher } }\n',
      );
      return familyDir;
    };

    it('goes on after a pause as soon as an engine answers that hung at its end, and counts as away until then; ends in order beside one that hangs', async () => {
      expect(await start('hangs', FAMILY)).toBeNull();
      await rig.sh('(while :; do echo x >> counted; sleep 0.05; done) &');
      const counted = async () => (await stat(join(dir, 'hangs', 'workspace', 'counted'))).size;
      await expect.poll(counted).toBeGreaterThan(0);
      const told = () => rig.gateway.messages.flatMap(({ t }) => (t === 'stalled' || t === 'ready' ? [t] : []));
      await rig.gateway.call('freeze', {});
      const standing = await counted();
      await engine.hang();
      try {
        rig.clock('running');
        await expect.poll(told, { timeout: 20_000 }).toEqual(['ready', 'stalled']);
        expect(await counted()).toBe(standing);
      } finally {
        engine.wake();
      }
      await expect.poll(told, { timeout: 20_000 }).toEqual(['ready', 'stalled', 'ready']);
      await expect.poll(counted, { timeout: 5_000 }).toBeGreaterThan(standing);
      await rig.gateway.call('freeze', {});
      await engine.hang();
      await rig.end().finally(() => engine.wake());
      expect(rig.stderr).not.toContain('did not end in time');
      // What the platform does about a runner that it has stopped.
      await endAllLeftovers(join(dir, 'hangs'));
      expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
    });

    it('outlives a crash of the engine with all that runs, where the engine takes its containers over; one that ends them loses what ran and no work', async () => {
      const familyDir = await hoarder();
      const workspace = join(dir, 'crashes', 'workspace');
      expect(await start('crashes', familyDir)).toBeNull();
      await rig.sh('echo wait > solution/answer; (while :; do echo x >> counted; sleep 0.05; done) &');
      const counted = async () => (await stat(join(workspace, 'counted'))).size;
      const goesOn = async () => {
        const before = await counted();
        await expect.poll(counted, { timeout: 10_000 }).toBeGreaterThan(before);
      };
      await rig.gateway.call('score', { scoreId: 'waits', n: 1, trigger: 'participant' });
      const step = () => rig.gateway.messages.findLast((message) => message.t === 'scoreStep')?.score.step;
      await expect.poll(step, { timeout: 30_000 }).toBe('scoring');
      await engine.crash();
      await goesOn();
      await engine.startAgain({ liveRestore: true });
      await rig.gateway.call('freeze', {});
      rig.clock('running');
      await goesOn();
      expect(rig.gateway.eventsOf('score.finished')).toEqual([]);
      await engine.crash();
      await engine.startAgain({ liveRestore: false });
      await expect.poll(() => rig.stderr, { timeout: 20_000 }).toContain('the sandbox ended by itself');
      const row = () => rig.gateway.eventsOf('score.finished')[0]?.data;
      await expect.poll(row).toMatchObject({ scoreId: 'waits', status: 'cancelled', message: { reason: expect.any(String) } });
      await rig.end();
      // What the platform does about a runner that is gone.
      expect(await start('crashes', familyDir)).toBeNull();
      expect(await readFile(join(workspace, 'solution/answer'), 'utf8')).toBe('wait\n');
      await writeFile(join(workspace, 'solution/answer'), '5');
      expect(await rig.score()).toMatchObject({ status: 'scored', score: 0.5 });
    });

    it('on a scorer is caught or harmless, each, and nothing of the host is reached meanwhile', async () => {
      expect(await start('cheats', PRACTICE, { settings: withScorerData(dir) })).toBeNull();
      await tryOnTheScorer(rig, join(dir, 'cheats', 'workspace'));
      await editWhileItReads(rig);
      await reachForTheHost(rig, join(dir, 'cheats'));
    }, 300_000);

    it('a disk that is really full ends no score, and a scorer that needs room is a row that says so', async () => {
      expect(await start('full', await hoarder(), { diskBytes: FULL_DISK_BYTES })).toBeNull();
      await scoreOnAFullDisk(rig);
    });
  });
});
