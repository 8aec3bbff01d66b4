import assert from 'node:assert/strict';
import { type ContractCheck, shell } from './contract.ts';

/** What a participant or a scorer that takes too much gets, and who else feels it: nobody. */

const DISK_BYTES = 64 * 1024 ** 2;
/** So little that three loops take more of a machine that many others use, unless they are kept from it. */
const LIMITED_CPUS = 0.1;
const BUSY_S = 1;

/** Forks until it may not any more, and prints how often it could. */
const FORK_BOMB =
  'import os, time\nn = 0\ntry:\n    while n < 5000:\n        if os.fork() == 0:\n            time.sleep(60)\n            os._exit(0)\n        n += 1\nexcept OSError:\n    pass\nprint(n)';

export const limitChecks: ContractCheck[] = [
  {
    name: 'a fork bomb is contained, and the platform works on',
    needs: (capabilities) => capabilities.processLimit,
    run: async (world) => {
      const sandbox = await world.sandbox({ maxProcesses: 60 });
      const done = await sandbox.run('participant', ['/usr/bin/python3', '-c', FORK_BOMB], { timeoutMs: 20_000, maxOutputBytes: 1000 });
      const forks = Number(done.stdout.toString());
      assert.ok(forks > 10 && forks < 60, `${forks} ${done.stderr}`);
      assert.equal((await shell(sandbox, 'platform', 'echo fine')).stdout.toString(), 'fine\n');
      assert.equal((await shell(sandbox, 'scorer', 'echo fine')).stdout.toString(), 'fine\n');
      await sandbox.killParticipant();
    },
  },
  {
    name: 'without control groups each process is held to the memory limit, and a view to its number of processes, and it is said so',
    needs: ({ filesystem, memoryLimit, processLimit }) => filesystem && !memoryLimit && !processLimit,
    run: async (world) => {
      const sandbox = await world.sandbox({ memoryBytes: 256 * 1024 ** 2, maxProcesses: 60 });
      const python = (view: 'participant' | 'scorer', program: string) =>
        sandbox.run(view, ['/usr/bin/python3', '-c', program], { timeoutMs: 20_000, maxOutputBytes: 10_000 });
      for (const view of ['participant', 'scorer'] as const) {
        const hog = await python(view, 'print(len(bytearray(100_000_000))); bytearray(600_000_000)');
        assert.match(`${hog.stdout}${hog.stderr}`, /^100000000\n[\s\S]*MemoryError/, view);
        const forks = Number((await python(view, FORK_BOMB)).stdout.toString());
        assert.ok(forks > 10 && forks < 60, `${view}: ${forks}`);
      }
      assert.equal((await shell(sandbox, 'platform', 'echo fine')).stdout.toString(), 'fine\n');
      const said = sandbox.warnings.join('\n');
      assert.match(said, /the memory limit holds for each process/);
      assert.match(said, /a limit of each process stands in for it/);
      await sandbox.killParticipant();
    },
  },
  {
    name: 'busy loops on every processor get no more time than the limit, and neither does the scorer',
    needs: (capabilities) => capabilities.cpuLimit,
    run: async (world) => {
      const sandbox = await world.sandbox({ cpus: LIMITED_CPUS });
      const script = `for n in 1 2 3; do (while :; do :; done) & loops="$loops $!"; done; sleep ${BUSY_S}; cat /proc/[0-9]*/stat`;
      for (const view of ['participant', 'scorer'] as const) {
        const done = await sandbox.run(view, ['/bin/sh', '-c', `${script}; kill $loops`], { timeoutMs: 20_000, maxOutputBytes: 1 << 20 });
        // utime and stime of all that runs there, in ticks of a hundredth of a second.
        const ticks = done.stdout
          .toString()
          .trim()
          .split('\n')
          .map((line) => line.slice(line.lastIndexOf(')') + 2).split(' '))
          .reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0);
        assert.ok(
          ticks > 0 && ticks / 100 / (done.durationMs / 1000) < 2 * LIMITED_CPUS,
          `${view}: ${ticks} ticks in ${done.durationMs} ms`,
        );
      }
    },
  },
  {
    name: 'a full disk is the participant’s own: the platform and the scorer work on, and what is removed can be written again',
    needs: (capabilities) => capabilities.diskLimit === 'hard',
    run: async (world) => {
      const spec = await world.spec({ diskBytes: DISK_BYTES });
      const sandbox = await world.isolation.create(spec);
      world.later(() => sandbox.destroy());
      const files = await world.files(sandbox);
      const filled = await shell(
        sandbox,
        'participant',
        `head -c ${4 * DISK_BYTES} /dev/zero > big; stat -c %s big; echo x > more || echo full`,
      );
      const size = Number.parseInt(filled.stdout.toString(), 10);
      assert.ok(size > DISK_BYTES / 2 && size < DISK_BYTES, String(size));
      assert.match(filled.stdout.toString(), /full/);
      assert.match(filled.stderr.toString(), /No space left on device/);
      await assert.rejects(files.write('note.txt', 'a line that has no room\n'.repeat(1_000), null), {
        code: 'too_large',
        message: 'The disk of the sandbox is full.',
      });
      for (const [view, dir] of [
        ['platform', '/store'],
        ['scorer', '/protected'],
      ] as const) {
        const done = await shell(sandbox, view, `head -c 1000000 /dev/zero > ${dir}/kept && echo written`);
        assert.equal(done.stdout.toString(), 'written\n', view);
      }
      await shell(sandbox, 'participant', 'rm big');
      await files.write('note.txt', 'room again\n', null);
      await files.close();
      await sandbox.destroy();
      const second = await world.isolation.create(spec);
      world.later(() => second.destroy());
      const again = await shell(second, 'participant', `cat note.txt; head -c ${4 * DISK_BYTES} /dev/zero > big || echo full`);
      assert.equal(again.stdout.toString(), 'room again\nfull\n');
    },
  },
  {
    name: 'what fills the folders in memory gets an error, and they can be emptied again',
    needs: (capabilities) => capabilities.memoryLimit && capabilities.filesystem,
    run: async (world) => {
      const sandbox = await world.sandbox({ memoryBytes: 128 * 1024 ** 2 });
      const fill =
        'for d in /tmp /var/tmp /dev/shm; do head -c 500000000 /dev/zero > $d/big || echo full; done; rm /tmp/big /var/tmp/big /dev/shm/big; echo x > /tmp/x && cat /tmp/x';
      for (const view of ['participant', 'scorer'] as const) {
        const done = await shell(sandbox, view, fill);
        assert.deepEqual([done.stdout.toString(), done.outOfMemory], ['full\nfull\nfull\nx\n', false], view);
      }
    },
  },
  {
    name: 'a memory hog is ended, is told apart, and does not take the sandbox with it',
    needs: (capabilities) => capabilities.memoryLimit,
    run: async (world) => {
      const sandbox = await world.sandbox({ memoryBytes: 128 * 1024 * 1024 });
      for (const view of ['participant', 'scorer'] as const) {
        const done = await sandbox.run(view, ['/usr/bin/python3', '-c', 'x = bytearray(600_000_000); print(len(x))'], {
          timeoutMs: 30_000,
          maxOutputBytes: 1000,
        });
        assert.deepEqual([done.exitCode, done.outOfMemory, done.stdout.length], [137, true, 0], view);
      }
      const calm = await shell(sandbox, 'participant', 'echo alive');
      assert.deepEqual([calm.stdout.toString(), calm.outOfMemory], ['alive\n', false]);
    },
  },
];
