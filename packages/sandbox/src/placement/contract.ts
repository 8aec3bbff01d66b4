import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allPids, processStat } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import { FAMILY_TEXT, PLATFORM_SECRET, type PlacementCheck } from './contractTrial.ts';
import type { RunnerRequest } from './placement.ts';

/** What every placement keeps, proved with the real thing. */

/** A job's own end includes what clears up after its runner, a program of its own. */
const GONE_WITHIN_MS = 60_000;

const lives = async (pid: number) => {
  const found = processStat(pid);
  return found !== null && found.state !== 'Z';
};

/** Whether the token stands in an argument or in the environment of any process that can be seen. */
async function processesThatShow(token: string): Promise<string[]> {
  const files = allPids().flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await readFile(file, 'latin1').catch(() => '') })));
  return texts.filter(({ text }) => text.includes(token)).map(({ file }) => file);
}

/** Files with the token in them that anybody but their owner may read. */
async function filesThatShow(token: string, dirs: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const dir of dirs) {
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || path.includes('/node_modules/') || path.includes('/bin/')) continue;
      // Slurm's controller puts new files in the place of its old ones meanwhile.
      const info = await stat(path).catch(() => null);
      if (info === null || (info.mode & 0o077) === 0) continue;
      if ((await readFile(path, 'latin1').catch(() => '')).includes(token)) found.push(path);
    }
  }
  return found;
}

/** Every promise that a placement is held to. */
export const placementChecks: readonly PlacementCheck[] = [
  {
    name: 'a runner gets its whole config and the family’s files, with folders of its own host',
    run: async (trial) => {
      const { request, report, handle } = await trial.start('listens');
      const { familyDir: _dir, familyHash: _hash, resources: _resources, gatewayUrl: _url, ...expected } = request;
      for (const [name, value] of Object.entries(expected)) assert.deepEqual(report.config[name], value, name);
      assert.equal(report.family, FAMILY_TEXT);
      assert.ok(report.foldersUsable);
      assert.equal(handle.attemptId, request.attemptId);
      assert.deepEqual(JSON.parse(JSON.stringify(handle)), handle, 'a handle survives being kept as JSON');
    },
  },
  {
    name: 'the token stands in no argument, no environment and no file that others read; nor does the platform’s environment',
    run: async (trial) => {
      const request = await trial.request('listens');
      await trial.startFromProcessThatDies(request);
      const report = await trial.report(request);
      assert.deepEqual(await processesThatShow(request.token), []);
      assert.deepEqual(await filesThatShow(request.token, trial.world.writtenDirs), []);
      assert.ok(!report.environment.includes(PLATFORM_SECRET));
    },
  },
  {
    name: 'a runner outlives the process that started it, and is found with nothing but the attempt’s name',
    run: async (trial) => {
      const request = await trial.request('listens');
      const handle = await trial.startFromProcessThatDies(request);
      const { pid } = await trial.report(request);
      assert.ok(await lives(pid));
      await trial.reopen();
      assert.deepEqual(await trial.placement.find(request.attemptId), handle);
      assert.equal(await trial.state(handle), 'running');
      assert.deepEqual((await trial.report(request)).pid, pid, 'it is the same process');
      await trial.placement.stop(handle);
      assert.ok(!(await lives(pid)));
    },
  },
  {
    name: 'an attempt that never had a runner has none',
    run: async (trial) => {
      assert.equal(await trial.placement.find(randomUUID()), null);
    },
  },
  {
    name: 'a runner that ended by itself and one that was killed are gone, with a cause in words',
    run: async (trial) => {
      const [ended, killed] = await Promise.all([trial.start('ends'), trial.start('listens')]);
      process.kill(killed.report.pid, 'SIGKILL');
      for (const { handle } of [ended, killed]) {
        assert.ok(await waitUntil(async () => (await trial.state(handle)) === 'gone', GONE_WITHIN_MS));
        const status = await trial.placement.status(handle);
        assert.ok(status.state === 'gone' && status.cause.length > 10 && typeof status.folderKept === 'boolean');
      }
    },
  },
  {
    name: 'a stop asks first, has ended the runner when it returns, and can be repeated',
    run: async (trial) => {
      const { handle, request, report } = await trial.start('listens');
      await trial.placement.stop(handle);
      assert.ok(!(await lives(report.pid)));
      assert.equal(await trial.state(handle), 'gone');
      assert.equal(await trial.written(request.attemptId, 'signals'), 'SIGTERM\n');
      await trial.placement.stop(handle);
      await Promise.all([trial.placement.stop(handle), trial.placement.stop(handle)]);
    },
  },
  {
    name: 'a stop ends a runner that does not listen',
    run: async (trial) => {
      const { handle, request, report } = await trial.start('deaf');
      await trial.placement.stop(handle);
      assert.equal(await trial.written(request.attemptId, 'signals'), 'SIGTERM\n');
      assert.ok(!(await lives(report.pid)));
    },
  },
  {
    name: 'a stop ends what a killed runner left of its sandbox',
    run: async (trial) => {
      const { handle, request, report } = await trial.start('litters');
      const left = Number(await trial.written(request.attemptId, 'left'));
      process.kill(report.pid, 'SIGKILL');
      assert.ok(await waitUntil(async () => (await trial.state(handle)) === 'gone', GONE_WITHIN_MS));
      await trial.placement.stop(handle);
      assert.ok(await waitUntil(async () => !(await lives(left)), GONE_WITHIN_MS), 'the sandbox’s process was left');
    },
  },
  {
    name: 'a stranger that has the runner’s number by now is not taken for it, and left alone',
    run: async (trial) => {
      const { handle } = await trial.start('ends');
      assert.ok(await waitUntil(async () => (await trial.state(handle)) === 'gone', GONE_WITHIN_MS));
      const stranger = await trial.world.stranger(handle);
      try {
        assert.ok(await stranger.lives());
        assert.equal(await trial.state(stranger.handle), 'gone');
        await trial.placement.stop(stranger.handle);
        assert.ok(await stranger.lives());
      } finally {
        await stranger.end();
      }
    },
  },
  {
    name: 'a listing holds what lives, and nothing else',
    run: async (trial) => {
      const before = await trial.listed();
      assert.deepEqual(before, []);
      const [first, second, ended, killed] = await Promise.all([
        trial.start('listens'),
        trial.start('listens'),
        trial.start('ends'),
        trial.start('listens'),
      ]);
      process.kill(killed.report.pid, 'SIGKILL');
      for (const { handle } of [ended, killed]) await waitUntil(async () => (await trial.state(handle)) === 'gone', GONE_WITHIN_MS);
      assert.deepEqual(await trial.listed(), [first.request.attemptId, second.request.attemptId].sort());
      await trial.reopen();
      await trial.placement.stop(first.handle);
      assert.deepEqual(await trial.listed(), [second.request.attemptId]);
      await trial.placement.stop(second.handle);
      assert.deepEqual(await trial.listed(), []);
    },
  },
  {
    name: 'two starts at once give one runner, and the other is refused with conflict',
    run: async (trial) => {
      const attemptId = randomUUID();
      const requests = await Promise.all([trial.request('listens', attemptId), trial.request('listens', attemptId)]);
      const outcomes = await Promise.allSettled(requests.map((request) => trial.placement.start(request)));
      const started = outcomes.flatMap((outcome, index) =>
        outcome.status === 'fulfilled' ? [{ handle: trial.keep(outcome.value), request: requests[index] as RunnerRequest }] : [],
      );
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
      assert.deepEqual([started.length, refused], [1, ['conflict']]);
      const [only] = started;
      assert.ok(only);
      const { pid } = await trial.report(only.request);
      assert.ok(await lives(pid));
      assert.deepEqual(await trial.listed(), [attemptId]);
    },
  },
  {
    name: 'a start that is repeated because its answer was lost gives the runner that it had started',
    run: async (trial) => {
      const { handle, request, report } = await trial.start('listens');
      await trial.reopen();
      assert.deepEqual(await trial.placement.start(request), handle);
      assert.equal((await trial.report(request)).pid, report.pid);
    },
  },
  {
    name: 'another start after the end works on the same folder where it was kept',
    run: async (trial) => {
      const first = await trial.start('listens');
      await trial.placement.stop(first.handle);
      const status = await trial.placement.status(first.handle);
      const second = await trial.start('listens', first.request.attemptId);
      assert.notEqual(second.report.pid, first.report.pid);
      const kept = status.state === 'gone' && status.folderKept;
      // The earlier life's note of its signal is still there exactly where the folder was kept.
      assert.equal(await trial.written(first.request.attemptId, 'signals'), kept ? 'SIGTERM\n' : '');
      assert.equal(await trial.state(second.handle), 'running');
      assert.equal(await trial.state(first.handle), 'gone', 'the first one’s handle does not speak of the second');
    },
  },
  {
    name: 'a removal takes all that an attempt left and nothing that a link in it leads to, is refused while its runner lives, and can be repeated',
    run: async (trial) => {
      const { handle, request } = await trial.start('listens');
      const { attemptId } = request;
      const stateDir = trial.world.stateDir(attemptId);
      const [outside, beside] = [join(trial.world.dir, `outside-${attemptId}`), trial.world.stateDir(randomUUID())];
      for (const dir of [outside, beside]) {
        await mkdir(dir);
        await writeFile(join(dir, 'kept'), '');
      }
      await mkdir(join(stateDir, 'workspace/closed/in'), { recursive: true });
      await chmod(join(stateDir, 'workspace/closed'), 0);
      await symlink(outside, join(stateDir, 'workspace/link'));
      await symlink(outside, join(stateDir, 'link'));
      await assert.rejects(trial.placement.remove(attemptId), { code: 'conflict' });
      assert.notEqual(await trial.written(attemptId, 'report.json'), '');
      await trial.placement.stop(handle);
      await trial.placement.remove(attemptId);
      await assert.rejects(stat(stateDir), { code: 'ENOENT' });
      await Promise.all([trial.placement.remove(attemptId), trial.placement.remove(attemptId)]);
      assert.equal(await trial.state(handle), 'gone');
      for (const name of ['', '.', '..', `../${attemptId}`, '/']) {
        await assert.rejects(trial.placement.remove(name), { code: 'invalid_input' });
      }
      const link = randomUUID();
      await symlink(outside, trial.world.stateDir(link));
      await trial.placement.remove(link).catch(() => undefined);
      await rm(trial.world.stateDir(link));
      for (const dir of [outside, beside]) {
        assert.deepEqual(await readdir(dir), ['kept']);
        await rm(dir, { recursive: true });
      }
    },
  },
];
