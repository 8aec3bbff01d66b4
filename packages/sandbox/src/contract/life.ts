import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allPids, processStat } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import { readRecord } from '../isolation/sandboxState.ts';
import { type ContractCheck, PATIENCE_MS, shell, UNTIL_ENDED_MS } from './contract.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const SPIN = 'import time\nn = 0\nwhile True:\n    n += 1\n    if n % 200000 == 0:\n        open("spin", "w").write(str(n))\n';

const HOLD_UP_MS = 300;

const DISK_BYTES = 16 * 1024 ** 2;

/** Programs that were started with a path of this check's folder: bwrap and what enters it. */
async function processesNaming(dir: string): Promise<number> {
  const lines = await Promise.all(allPids().map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(dir)).length;
}

/** Stands still after each start of a process for longer than that takes to be ready, as on a machine that is busy with something else. */
async function heldUp<T>(work: () => Promise<T>): Promise<T> {
  const holdUp = (message: unknown) =>
    (message as { process: ChildProcess }).process.once('spawn', () => {
      for (const untilMs = performance.now() + HOLD_UP_MS; performance.now() < untilMs; );
    });
  subscribe('child_process', holdUp);
  try {
    return await work();
  } finally {
    unsubscribe('child_process', holdUp);
  }
}

export const lifeChecks: ContractCheck[] = [
  {
    name: 'a sandbox is made however slowly this process reads what it is told of it',
    run: async (world) => {
      const sandbox = await heldUp(() => world.sandbox());
      assert.equal((await shell(sandbox, 'participant', 'echo made')).stdout.toString(), 'made\n');
    },
  },
  {
    name: 'a command gives its output, its exit code and the signal that ended it',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const done = await sandbox.run('participant', ['/bin/sh', '-c', 'cat; echo err >&2; exit 3'], {
        input: 'in\n',
        timeoutMs: 10_000,
        maxOutputBytes: 1000,
      });
      assert.deepEqual(
        [done.exitCode, done.stdout.toString(), done.stderr.toString(), done.timedOut, done.truncated],
        [3, 'in\n', 'err\n', false, false],
      );
      const killed = await shell(sandbox, 'participant', 'kill -TERM $$');
      assert.ok(killed.exitCode === 143 || killed.signal === 'SIGTERM');
    },
  },
  {
    name: 'a command that runs too long ends with all it started, in every view',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      for (const view of ['participant', 'scorer', 'platform'] as const) {
        const done = await sandbox.run(view, ['/bin/sh', '-c', 'sleep 1000 & sleep 1000'], { timeoutMs: 300, maxOutputBytes: 1000 });
        assert.ok(done.timedOut, view);
        assert.equal(done.exitCode, null);
      }
      assert.ok(await waitUntil(async () => (await sandbox.processes()).length === 0, PATIENCE_MS));
    },
  },
  {
    name: 'a command that is ended while its view is still being set up leaves nothing',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const before = await processesNaming(world.dir);
      // Moments spread over the whole of a start, which takes tens of milliseconds.
      for (let timeoutMs = 1; timeoutMs < 100; timeoutMs += 4) {
        const view = timeoutMs % 8 === 1 ? 'scorer' : 'participant';
        await sandbox.run(view, ['/bin/sleep', '1000'], { timeoutMs, maxOutputBytes: 1000 });
      }
      assert.ok(
        await waitUntil(async () => (await processesNaming(world.dir)) <= before && (await sandbox.processes()).length === 0, PATIENCE_MS),
      );
    },
  },
  {
    name: 'output beyond the limit is dropped and said so',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const done = await sandbox.run('scorer', ['/bin/sh', '-c', 'head -c 3000000 /dev/zero'], { timeoutMs: 10_000, maxOutputBytes: 1000 });
      assert.deepEqual([done.exitCode, done.stdout.length, done.truncated], [0, 1000, true]);
    },
  },
  {
    name: 'a command that may not print more is ended there, and not at its time limit',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const flood = ['/bin/sh', '-c', 'while :; do head -c 100000 /dev/zero >&2; done'];
      const done = await sandbox.run('scorer', flood, { timeoutMs: 60_000, maxOutputBytes: 1_000_000, endsAtMaxOutput: true });
      assert.deepEqual([done.timedOut, done.truncated, done.stderr.length], [false, true, 1_000_000]);
    },
  },
  {
    name: 'a freeze stops a busy loop, and a thaw lets it go on',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const done = sandbox.run('participant', ['/usr/bin/python3', '-c', SPIN], { timeoutMs: UNTIL_ENDED_MS, maxOutputBytes: 1000 });
      const spin = async () => Number((await shell(sandbox, 'platform', 'cat spin 2>/dev/null || echo 0')).stdout.toString() || 0);
      assert.ok(await waitUntil(async () => (await spin()) > 0, PATIENCE_MS));
      const { method } = await sandbox.freeze();
      assert.equal(method, world.capabilities.freezeMethod);
      await sandbox.freeze();
      const [before, cpuBefore] = [await spin(), (await sandbox.usage()).cpuMs];
      // The platform's own commands run on while the participant stands still: several of them pass here. So does the scorer.
      for (let n = 0; n < 5; n++) assert.equal(await spin(), before);
      assert.equal((await shell(sandbox, 'scorer', 'echo scored')).stdout.toString(), 'scored\n');
      assert.equal(await spin(), before);
      assert.equal((await sandbox.usage()).cpuMs, cpuBefore);
      await sandbox.thaw();
      await sandbox.thaw();
      assert.ok(await waitUntil(async () => (await spin()) > before, PATIENCE_MS));
      await sandbox.killParticipant();
      await done;
    },
  },
  {
    name: 'a frozen participant can be ended',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const done = shell(sandbox, 'participant', 'sleep 1000');
      assert.ok(await waitUntil(async () => (await sandbox.processes()).some((entry) => entry.command.startsWith('sleep')), PATIENCE_MS));
      await sandbox.freeze();
      await sandbox.killParticipant();
      await done;
      await sandbox.killParticipant();
      assert.deepEqual(await sandbox.processes(), []);
      assert.equal((await shell(sandbox, 'scorer', 'echo scored')).stdout.toString(), 'scored\n');
    },
  },
  {
    name: 'it tells what runs, and whether anything but shells does',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      assert.ok(await sandbox.isIdle());
      const over = new AbortController();
      world.later(async () => over.abort());
      const done = sandbox.run('participant', ['/bin/sh', '-c', 'sleep 987 & wait'], {
        timeoutMs: UNTIL_ENDED_MS,
        maxOutputBytes: 1000,
        signal: over.signal,
      });
      assert.ok(await waitUntil(async () => (await sandbox.processes()).some((entry) => entry.command === 'sleep 987'), PATIENCE_MS));
      assert.equal(await sandbox.isIdle(), false);
      assert.ok((await sandbox.usage()).processes >= 2);
      over.abort();
      await done;
      assert.ok(await waitUntil(() => sandbox.isIdle(), PATIENCE_MS));
    },
  },
  {
    name: 'the workspace outlives the sandbox',
    run: async (world) => {
      const spec = await world.spec();
      const first = await world.isolation.create(spec);
      world.later(() => first.destroy());
      await shell(first, 'participant', 'echo kept > file');
      await first.destroy();
      await first.destroy();
      const second = await world.isolation.create(spec);
      world.later(() => second.destroy());
      assert.equal((await shell(second, 'participant', 'cat file; echo more >> file')).stdout.toString(), 'kept\n');
      assert.equal((await shell(second, 'participant', 'cat file')).stdout.toString(), 'kept\nmore\n');
    },
  },
  {
    name: 'what a scorer writes to its own folder stays between its operations',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      await shell(sandbox, 'scorer', 'echo 1 > "$PLUMBLINE_ROOT/state"; echo 2 > "$PLUMBLINE_PROTECTED/state"');
      assert.equal(
        (
          await shell(
            sandbox,
            'scorer',
            'cd "$PLUMBLINE_ROOT"; cat state "$PLUMBLINE_PROTECTED/state" family.py; rm state "$PLUMBLINE_PROTECTED/state"',
          )
        ).stdout.toString(),
        '1\n2\nSECRET_OF_THE_SCORER = 1\n',
      );
    },
  },
  {
    name: 'an image is built once however many ask for it, and a failed one leaves nothing',
    run: async (world) => {
      const imageDir = join(world.dir, 'images-once');
      await mkdir(imageDir);
      const options = { familyDir: world.familyDir, imageDir, contentHash: 'once-only' };
      await assert.rejects(world.isolation.prepareImage({ ...options, install: () => Promise.reject(new Error('no')) }), /no/);
      assert.deepEqual(
        (await readdir(imageDir)).filter((name) => !name.startsWith('.')),
        [],
      );
      let installs = 0;
      const install = async (
        exec: Parameters<Parameters<typeof world.isolation.prepareImage>[0]['install']>[0],
        paths: { env: string },
      ) => {
        installs++;
        const done = await exec(['/bin/sh', '-c', `echo 'value = 42' > ${paths.env}/lib/python/installed.py`], {
          timeoutMs: 10_000,
          maxOutputBytes: 1000,
        });
        assert.equal(done.exitCode, 0, done.stderr.toString());
      };
      const images = await Promise.all([1, 2, 3].map(() => world.isolation.prepareImage({ ...options, install })));
      assert.equal(installs, 1);
      assert.deepEqual(images.map((image) => image.built).sort(), [false, false, true]);
      const sandbox = await world.sandbox({ imageDir: images[0]?.dir ?? '' });
      for (const view of ['participant', 'scorer'] as const) {
        const done = await sandbox.run(view, ['/usr/bin/python3', '-c', 'import installed; print(installed.value)'], {
          timeoutMs: 10_000,
          maxOutputBytes: 1000,
        });
        assert.equal(done.stdout.toString(), '42\n', done.stderr.toString());
      }
    },
  },
  {
    name: 'a runner that dies takes its shells with it, leaves the workspace, and can be followed by another',
    needs: (capabilities) => capabilities.views,
    run: async (world) => {
      const spec = await world.spec({ diskBytes: DISK_BYTES });
      const runner = spawn(process.execPath, [CHILD, 'hold', JSON.stringify(world.child), JSON.stringify(spec)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(runner.stdout, 'data');
      const record = await readRecord(spec.dir);
      assert.ok(record?.holder);
      const { pid, startTime } = record.holder;
      runner.kill('SIGKILL');
      assert.ok(await waitUntil(() => processStat(pid)?.startTime !== startTime, PATIENCE_MS));
      const next = await world.isolation.create(spec);
      world.later(() => next.destroy());
      assert.equal((await shell(next, 'participant', 'cat held')).stdout.toString(), 'by a runner\n');
    },
  },
  {
    name: 'the end of a sandbox that nobody asked for is told once',
    needs: (capabilities) => capabilities.views,
    run: async (world) => {
      const spec = await world.spec();
      const sandbox = await world.isolation.create(spec);
      world.later(() => sandbox.destroy());
      let told = 0;
      sandbox.onEnded(() => told++);
      process.kill((await readRecord(spec.dir))?.holder?.pid ?? 0, 'SIGKILL');
      assert.ok(await waitUntil(() => told === 1, PATIENCE_MS));
      assert.throws(() => sandbox.command('participant', ['true']), { code: 'sandbox_unavailable' });
      await sandbox.destroy();
      assert.equal(told, 1);
    },
  },
];
