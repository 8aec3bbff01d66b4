import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ContractCheck, shell } from './contract.ts';

/** What is kept of a workspace: submissions and snapshots. */

const exec = promisify(execFile);
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const SNAPSHOT = { message: 'periodic', atMs: 1_700_000_000_000, base: null };

/** Above what a snapshot holds, and all zeros. */
const LARGE_BYTES = 51 * 2 ** 20;
const LARGE_HASH = sha256(Buffer.alloc(LARGE_BYTES));

export const snapshotChecks: ContractCheck[] = [
  {
    name: 'a submission is the same by content wherever it lies, and any change shows',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const files = await world.files(sandbox);
      await shell(
        sandbox,
        'participant',
        'mkdir -p solution/deep; echo 1 > solution/b; echo 2 > solution/deep/a; ln -s /etc/shadow solution/link; mkfifo solution/pipe; echo no > other; chmod +x solution/b',
      );
      const capture = await files.capture(['solution'], { maxBytes: 1000 });
      assert.deepEqual([capture.files, capture.bytes], [2, 4]);
      assert.deepEqual(capture.skipped, [{ path: 'solution/pipe', reason: 'not a file, folder or link' }]);
      assert.equal(sha256(await readFile(capture.tarPath)), capture.tarHash);
      assert.equal((await files.capture(['solution'], { maxBytes: 1000 })).tarHash, capture.tarHash);
      assert.equal((await files.hashTree(['solution'])).hash, capture.hash);
      const seen = new Set([capture.hash]);
      for (const change of [
        'echo 3 > solution/b',
        'chmod -x solution/b',
        'mv solution/b solution/c',
        'ln -sfn /x solution/link',
        'mkdir solution/empty',
      ]) {
        await shell(sandbox, 'participant', change);
        const { hash } = await files.hashTree(['solution']);
        assert.ok(!seen.has(hash), change);
        seen.add(hash);
      }
      const other = await world.sharedSandbox();
      const restored = await world.files(other);
      assert.deepEqual(await restored.restore(capture.tarPath), { files: 2, bytes: 4 });
      assert.equal((await restored.hashTree(['solution'])).hash, capture.hash);
      assert.equal(
        (await shell(other, 'participant', 'readlink solution/link; test -x solution/b && cat solution/b')).stdout.toString(),
        '/etc/shadow\n1\n',
      );
      await shell(sandbox, 'participant', 'truncate -s 1T solution/sparse');
      await assert.rejects(files.capture(['solution'], { maxBytes: 1_000_000 }), { code: 'too_large' });
    },
  },
  {
    name: 'a snapshot holds a hostile tree byte for byte, and says what it left out',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const files = await world.files(sandbox);
      const marker = join(sandbox.paths.home, 'hooked');
      const nested = 'ab'.repeat(20);
      await shell(
        sandbox,
        'participant',
        `printf 'a\\r\\nb\\n' > crlf; printf '* text eol=lf\\n*.x filter=f\\n' > .gitattributes; echo x > a.x
        mkdir -p nested/.git/hooks; echo 'ref: refs/heads/main' > nested/.git/HEAD; mkdir -p nested/.git/refs/heads; echo ${nested} > nested/.git/refs/heads/main; echo inside > nested/file
        printf '[core]\\nfsmonitor = touch ${marker}\\nhooksPath = hooks\\n' > nested/.git/config; printf '[filter "f"]\\nclean = touch ${marker}\\n' > ~/.gitconfig
        printf '#!/bin/sh\\ntouch ${marker}\\n' > nested/.git/hooks/post-index-change; chmod +x nested/.git/hooks/*
        mkdir .git; echo 'ref: refs/heads/none' > .git/HEAD; ln -s . loop; ln -s /etc/shadow out; ln -s /etc/shadow .gitmodules; ln -s out nested/.GitModules; truncate -s 1T sparse; truncate -s ${LARGE_BYTES} large.bin; mkfifo pipe; echo n > "$(printf 'new\\nline\\t"q"')"; printf b > "$(printf 'bad\\377')"
        mkdir node_modules; echo m > node_modules/m; mkdir secret; echo s > secret/s; chmod 0 secret; echo 'gitdir: /root' > nested/inner; mkdir -p 'c:\\x'; echo w > 'c:\\x/git~1'; mkdir deep; cd deep; mkdir -p "$(printf 'd/%.0s' $(seq 250))"`,
      );
      // Rows go into events, whose paths have 4,096 characters of UTF-16 at most, and whose frames 16 MiB.
      await shell(
        sandbox,
        'participant',
        `python3 -c 'import os
os.mkdir("z"); os.chdir("z")
for _ in range(25): os.mkdir("l" * 200); os.chdir("l" * 200)
for n in range(1000): os.mkfifo("p%d" % n)
os.chdir(os.path.expanduser("~")); os.mkdir("y"); os.chdir("y")
for _ in range(50): os.mkdir("\\U0001f600" * 60); os.chdir("\\U0001f600" * 60)
os.mkfifo("pipe")'`,
      );
      const snapshot = await files.snapshot(SNAPSHOT);
      // Node cannot remove what has so long a path.
      await shell(sandbox, 'participant', 'rm -rf y z');
      for (const { path } of snapshot.skipped) assert.ok(path.length <= 4_096, `a path of ${path.length} characters`);
      assert.ok(snapshot.skipped.some(({ path }) => path.startsWith('z/') && path.endsWith('…')));
      assert.ok(Buffer.byteLength(JSON.stringify(snapshot.skipped)) <= 2 ** 20);
      const reasons = Object.fromEntries(snapshot.skipped.map((row) => [row.path, row.reason]));
      assert.equal(reasons['nested/.git'], `git repository at ${nested}`);
      const rowOf = (path: string) => snapshot.skipped.find((row) => row.path === path);
      // What the blocks of its folders and files take, of which file systems have different ideas.
      assert.ok((rowOf('nested/.git')?.size ?? 0) > 0, 'a nested repository has its size');
      assert.equal(rowOf('sparse')?.size, 2 ** 40);
      assert.deepEqual(rowOf('large.bin'), { path: 'large.bin', reason: 'too large', size: LARGE_BYTES, hash: LARGE_HASH });
      assert.ok(
        snapshot.skippedCount > 1_000 && snapshot.skippedCount > snapshot.skipped.length,
        'every path that was left out is counted',
      );
      assert.equal(reasons['.git'], 'git repository');
      for (const path of ['.gitmodules', 'nested/.GitModules']) assert.equal(reasons[path], 'a link that git does not keep');
      assert.deepEqual(
        [reasons['sparse'], reasons['pipe'], reasons['node_modules']],
        ['too large', 'not a file, folder or link', 'excluded by name'],
      );
      assert.match(Object.entries(reasons).find(([path]) => path.startsWith('deep/'))?.[1] ?? '', /too deep/);
      const clone = join(world.dir, `clone-${sandbox.id}`);
      await mkdir(clone);
      const git = async (...args: string[]) =>
        (
          await exec('git', ['-C', clone, ...args], {
            encoding: 'buffer',
            env: { PATH: '/usr/local/bin:/usr/bin:/bin', GIT_CONFIG_GLOBAL: '/dev/null', HOME: clone },
          })
        ).stdout;
      await git('init', '--quiet', '--bare');
      await git('fetch', '--quiet', snapshot.bundlePath ?? '', 'refs/heads/next:refs/heads/kept');
      assert.equal((await git('rev-parse', 'kept')).toString().trim(), snapshot.commit);
      assert.equal((await git('cat-file', 'blob', 'kept:crlf')).toString(), 'a\r\nb\n');
      assert.equal((await git('cat-file', 'blob', 'kept:out')).toString(), '/etc/shadow');
      const names = (await git('ls-tree', '-r', '-z', '--name-only', 'kept')).toString('latin1').split('\0');
      assert.equal(names.filter(Boolean).length, snapshot.files, 'what is counted is in it');
      for (const name of ['nested/file', 'nested/inner', 'a.x', 'loop', 'new\nline\t"q"', 'bad\xff', 'c:\\x/git~1', '.gitattributes'])
        assert.ok(names.includes(name), name);
      assert.ok(!names.includes('hooked') && !(await files.list('.')).entries.some((entry) => entry.name === 'hooked'));

      const same = await files.snapshot({ ...SNAPSHOT, base: snapshot.commit });
      assert.deepEqual([same.commit, same.bundlePath], [snapshot.commit, null]);
      await shell(sandbox, 'participant', 'echo more > nested/more; rm a.x');
      const next = await files.snapshot({ message: 'end', atMs: SNAPSHOT.atMs + 1000, base: snapshot.commit });
      await git('fetch', '--quiet', next.bundlePath ?? '', 'refs/heads/next:refs/heads/later');
      assert.equal((await git('diff', '--name-status', 'kept', 'later')).toString(), 'D\ta.x\nA\tnested/more\n');
      await shell(sandbox, 'participant', 'chmod 700 secret');

      // Elsewhere, on what a family's start left there.
      const other = await world.sharedSandbox();
      const elsewhere = await world.files(other);
      await shell(other, 'participant', 'echo old > crlf; echo gone > a.x; mkdir node_modules; echo stays > node_modules/m');
      const bundles = [snapshot.bundlePath ?? '', next.bundlePath ?? ''];
      assert.equal((await elsewhere.restoreSnapshots(bundles)).commit, next.commit);
      const look = await shell(
        other,
        'participant',
        'cat crlf nested/more node_modules/m; readlink out; ls a.x; cat "$(printf \'bad\\377\')"',
      );
      assert.equal(look.stdout.toString('latin1'), 'a\r\nb\nmore\nstays\n/etc/shadow\nb');
      const onTop = await elsewhere.snapshot({ message: 'start', atMs: SNAPSHOT.atMs + 2000, base: next.commit });
      assert.deepEqual([onTop.tree, onTop.commit, onTop.bundlePath], [next.tree, next.commit, null]);
    },
  },
  {
    name: 'a snapshot comes back over what a start has laid in its way: files where it has folders, and the other way round, and read-only ones',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const files = await world.files(sandbox);
      await shell(sandbox, 'participant', 'mkdir ro file large; echo mine | tee ro/kept folder file/in large/in');
      const snapshot = await files.snapshot(SNAPSHOT);
      const other = await world.sharedSandbox();
      const elsewhere = await world.files(other);
      await shell(
        other,
        'participant',
        `mkdir -p ro folder/deep; echo start | tee ro/kept ro/gone folder/deep/in file; truncate -s ${LARGE_BYTES} large; chmod 500 ro folder/deep`,
      );
      const { files: restored } = await elsewhere.restoreSnapshots([snapshot.bundlePath ?? '']);
      assert.equal(restored, 4);
      const look = await shell(other, 'participant', 'cat ro/kept folder file/in large/in; ls ro; stat -c %a ro; chmod 700 ro');
      assert.equal(look.stdout.toString(), 'mine\nmine\nmine\nmine\nkept\n500\n');
    },
  },
  {
    name: 'a snapshot rests on the one that it is told of, or on none, whatever was taken since',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const files = await world.files(sandbox);
      await shell(sandbox, 'participant', 'echo one > a');
      const first = await files.snapshot(SNAPSHOT);
      await shell(sandbox, 'participant', 'echo two > a');
      const unrecorded = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 1000, base: first.commit });
      // As it would be taken after a death: the same files, and another bundle of them.
      const again = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 2000, base: first.commit });
      assert.deepEqual([again.base, again.tree], [first.commit, unrecorded.tree]);
      await shell(sandbox, 'participant', 'echo three > b');
      const alone = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 3000, base: null });
      const unknown = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 4000, base: '0'.repeat(40) });
      assert.deepEqual([first.base, alone.base, unknown.base], [null, null, null]);
      const other = await world.sharedSandbox();
      for (const [chain, expected] of [
        [[first, again], 'two\n'],
        [[alone], 'two\nthree\n'],
        [[unknown], 'two\nthree\n'],
        // After one of a chain of its own.
        [[first, again, alone], 'two\nthree\n'],
      ] as const) {
        const elsewhere = await world.files(other);
        const { commit } = await elsewhere.restoreSnapshots(chain.map(({ bundlePath }) => bundlePath ?? ''));
        assert.equal(commit, chain.at(-1)?.commit);
        assert.equal((await shell(other, 'participant', 'cat a b 2>/dev/null || true')).stdout.toString(), expected);
        await elsewhere.close();
        await world.empty(other);
      }
      const history = (await files.history('a')).map(({ commit }) => commit);
      for (const { commit } of [first, unrecorded, again, alone]) assert.ok(history.includes(commit));
    },
  },
  {
    name: 'a file can be read as each snapshot had it, and what changed since the first is known',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const files = await world.files(sandbox);
      assert.deepEqual(await files.history('a'), []);
      assert.deepEqual(await files.changed(), { since: null, atMs: null, files: [], truncated: false });
      await shell(sandbox, 'participant', 'echo one > a; echo same > b');
      const first = await files.snapshot({ ...SNAPSHOT, message: 'start' });
      await shell(sandbox, 'participant', 'echo two > a; mkdir sub; printf "\\0" > sub/binary');
      const second = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 5000, base: first.commit });
      assert.deepEqual(await files.history('a'), [
        { commit: second.commit, atMs: SNAPSHOT.atMs + 5000, cause: 'save' },
        { commit: first.commit, atMs: SNAPSHOT.atMs, cause: 'start' },
      ]);
      assert.deepEqual((await files.history('b')).length, 1);
      assert.deepEqual(await files.changed(), {
        since: first.commit,
        atMs: SNAPSHOT.atMs + 5000,
        files: [
          { path: 'a', change: 'modified' },
          { path: 'sub/binary', change: 'created' },
        ],
        truncated: false,
      });
      await shell(sandbox, 'participant', 'rm b; echo one > a');
      await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 9000, base: second.commit });
      assert.deepEqual((await files.changed()).files, [
        { path: 'b', change: 'deleted' },
        { path: 'sub/binary', change: 'created' },
      ]);
      const at = (commit: string, path: string) => files.textAt(commit, path, { maxBytes: 1000 });
      assert.deepEqual(await at(first.commit, 'a'), { text: 'one\n', missing: false });
      assert.deepEqual(await at(second.commit, 'a'), { text: 'two\n', missing: false });
      assert.deepEqual(await at(first.commit, 'sub/binary'), { text: null, missing: true });
      assert.deepEqual(await at(second.commit, 'sub/binary'), { text: null, missing: false });
      await assert.rejects(at(second.commit, 'sub'), { code: 'invalid_input' });
    },
  },
];
