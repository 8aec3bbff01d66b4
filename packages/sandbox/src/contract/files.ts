import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '../host/waiting.ts';
import type { FileChange } from '../workspace/workspaceFiles.ts';
import { type ContractCheck, PATIENCE_MS, shell } from './contract.ts';

const exec = promisify(execFile);
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const SNAPSHOT = { message: 'periodic', atMs: 1_700_000_000_000, base: null };

/** Above what a snapshot holds, and all zeros. */
const LARGE_BYTES = 51 * 2 ** 20;
const LARGE_HASH = sha256(Buffer.alloc(LARGE_BYTES));

export const fileChecks: ContractCheck[] = [
  {
    name: 'a file is written whole or not at all, and never over a change that the writer has not seen',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      const first = await files.write('a.txt', 'one', null);
      assert.deepEqual(first, { hash: sha256('one'), size: 3 });
      await assert.rejects(files.write('a.txt', 'two', null), { code: 'conflict' });
      await shell(sandbox, 'participant', 'chmod 750 a.txt; printf three > a.txt');
      await assert.rejects(files.write('a.txt', 'two', first.hash), { code: 'conflict' });
      await files.write('a.txt', 'four', sha256('three'));
      assert.equal((await shell(sandbox, 'participant', 'cat a.txt; stat -c :%a a.txt; ls -A | wc -l')).stdout.toString(), 'four:750\n1\n');
      const ended = await Promise.allSettled([1, 2, 3, 4].map((n) => files.write('a.txt', `text ${n}`, sha256('four'))));
      assert.equal(ended.filter((one) => one.status === 'fulfilled').length, 1);
    },
  },
  {
    name: 'a path that leaves the workspace is refused by every operation',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      await shell(
        sandbox,
        'participant',
        'ln -s / root; ln -s ../.. up; ln -s /etc/passwd link; mkdir sub; ln -s ../../.. sub/up; ln -s loop loop; mkfifo pipe',
      );
      const bad = ['../x', '/etc/passwd', 'a/../../x', 'a\0b', 'root/etc/passwd', 'up/x', 'link', 'sub/up/etc/passwd', 'loop', 'loop/x'];
      for (const path of bad) {
        await assert.rejects(files.read(path), { code: 'invalid_input' }, path);
        await assert.rejects(files.write(path, 'x', null), { code: 'invalid_input' }, path);
        await assert.rejects(files.readRange(path, 0, 1), { code: 'invalid_input' }, path);
      }
      for (const path of bad.filter((path) => !['link', 'loop'].includes(path))) {
        await assert.rejects(files.delete(path), { code: 'invalid_input' }, path);
        await assert.rejects(files.create(path, 'file'), { code: 'invalid_input' }, path);
        await assert.rejects(files.rename('sub', path), { code: 'invalid_input' }, path);
      }
      await assert.rejects(files.read('pipe'), { code: 'invalid_input' });
      await assert.rejects(files.list('up'), { code: 'invalid_input' });
      await assert.rejects(files.delete('.'), { code: 'invalid_input' });
      await files.delete('link');
    },
  },
  {
    name: 'links inside the workspace are followed, names keep their bytes, binary files are told',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      const home = sandbox.paths.home;
      await shell(
        sandbox,
        'participant',
        `mkdir sub; printf text > sub/file; ln -s sub in; ln -s ${home}/sub/file absolute; printf 'a\\0b' > binary; printf x > "$(printf 'odd\\n\\377')"; printf '\\303' > half`,
      );
      assert.equal((await files.read('in/file')).text, 'text');
      assert.equal((await files.read('absolute')).text, 'text');
      assert.equal((await files.read('binary')).text, null);
      assert.equal((await files.read('half')).text, null);
      const { modifiedMs, ...part } = await files.read('sub/file', { maxBytes: 2 });
      assert.deepEqual(part, { text: 'te', hash: sha256('text'), size: 4, partial: true });
      const { entries, truncated } = await files.list('.');
      assert.deepEqual([truncated, entries[0]?.name, entries[0]?.kind], [false, 'sub', 'directory']);
      const odd = entries.find((entry) => entry.name.startsWith('odd'));
      assert.equal((await files.read(odd?.name ?? '')).text, 'x');
      const range = await files.readRange('sub/file', 1, 2);
      assert.deepEqual([range.bytes.toString(), range.modifiedMs], ['ex', modifiedMs]);
      await shell(sandbox, 'participant', 'printf TEXT > sub/file; touch -d @1 sub/file');
      assert.equal((await files.readRange('sub/file', 0, 1)).modifiedMs, 1_000);
      await assert.rejects(files.rename('sub/file', 'binary'), { code: 'conflict' });
      await files.rename('sub/file', 'moved');
      await files.create('made/..'.slice(0, 4), 'directory');
      await assert.rejects(files.create('made', 'file'), { code: 'conflict' });
      await files.delete('sub');
      await assert.rejects(files.read('sub/file'), { code: 'not_found' });
    },
  },
  {
    name: 'a submission is the same by content wherever it lies, and any change shows',
    run: async (world) => {
      const sandbox = await world.sandbox();
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
      const other = await world.sandbox();
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
      const sandbox = await world.sandbox();
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
        mkdir .git; echo 'ref: refs/heads/none' > .git/HEAD; ln -s . loop; ln -s /etc/shadow out; truncate -s 1T sparse; truncate -s ${LARGE_BYTES} large.bin; mkfifo pipe; echo n > "$(printf 'new\\nline\\t"q"')"; printf b > "$(printf 'bad\\377')"
        mkdir node_modules; echo m > node_modules/m; mkdir secret; echo s > secret/s; chmod 0 secret; echo 'gitdir: /root' > nested/inner; mkdir -p 'c:\\x'; echo w > 'c:\\x/git~1'; mkdir deep; cd deep; for n in $(seq 250); do mkdir d; cd d; done`,
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
      const other = await world.sandbox();
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
    name: 'a snapshot rests on the one that it is told of, or on none, whatever was taken since',
    run: async (world) => {
      const sandbox = await world.sandbox();
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
      for (const [chain, expected] of [
        [[first, again], 'two\n'],
        [[alone], 'two\nthree\n'],
        [[unknown], 'two\nthree\n'],
        // After one of a chain of its own.
        [[first, again, alone], 'two\nthree\n'],
      ] as const) {
        const other = await world.sandbox();
        const elsewhere = await world.files(other);
        const { commit } = await elsewhere.restoreSnapshots(chain.map(({ bundlePath }) => bundlePath ?? ''));
        assert.equal(commit, chain.at(-1)?.commit);
        assert.equal((await shell(other, 'participant', 'cat a b 2>/dev/null || true')).stdout.toString(), expected);
      }
      const history = (await files.history('a')).map(({ commit }) => commit);
      for (const { commit } of [first, unrecorded, again, alone]) assert.ok(history.includes(commit));
    },
  },
  {
    name: 'a change outside the editor is told, the platform’s own is not',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      const changes: FileChange[] = [];
      files.onChange((change) => changes.push(change));
      await files.create('sub', 'directory');
      const { hash } = await files.write('sub/open.txt', 'a', null);
      await files.watch(['sub/open.txt']);
      const told = (op: string, path: string) =>
        waitUntil(() => changes.some((change) => change.op === op && change.path === path), PATIENCE_MS);
      // The first look has happened once something made after it is told.
      for (let n = 0; !changes.some((change) => change.path.startsWith('top')); n++) {
        await shell(sandbox, 'participant', `echo x > top${n}`);
        await waitUntil(() => changes.length > 0, 1_500);
      }
      await files.write('sub/open.txt', 'b', hash);
      await shell(sandbox, 'participant', 'rm top0; echo y > top-last');
      assert.ok(await told('created', 'top-last'));
      assert.ok(await told('deleted', 'top0'));
      assert.ok(!changes.some((change) => change.path === 'sub/open.txt'));
      await shell(sandbox, 'participant', 'echo z > sub/open.txt');
      // A look may come between the shell's emptying of the file and its writing.
      const rewritten = () => changes.some(({ op, path, hash }) => op === 'changed' && path === 'sub/open.txt' && hash === sha256('z\n'));
      assert.ok(await waitUntil(rewritten, PATIENCE_MS));
    },
  },
  {
    name: 'changes deep in the tree are told, a folder that goes is told once, and a flood of them is counted',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      const changes: FileChange[] = [];
      let omitted = 0;
      files.onChange((change) => changes.push(change));
      files.onOmitted((count) => {
        omitted += count;
      });
      const has = (op: string, path: string) => changes.some((change) => change.op === op && change.path === path);
      for (let n = 0; changes.length === 0; n++) {
        await shell(sandbox, 'participant', `echo x > top${n}`);
        await waitUntil(() => changes.length > 0, 1_500);
      }
      await shell(sandbox, 'participant', 'mkdir -p a/b/.git/c; echo deep > a/b/deep.txt; echo no > a/b/.git/c/index; ln -s / out');
      const isWhole = () => changes.some(({ path, hash }) => path === 'a/b/deep.txt' && hash === sha256('deep\n'));
      assert.ok(await waitUntil(() => has('created', 'a/b/deep.txt') && has('created', 'out') && isWhole(), PATIENCE_MS));
      assert.ok(!changes.some(({ path }) => path.startsWith('a/b/.git/') || path.startsWith('out/')));
      await files.rename('a', 'moved');
      await shell(sandbox, 'participant', 'rm -r moved/b; mkdir many; cd many; for i in $(seq 1000); do echo $i > $i; done');
      assert.ok(await waitUntil(() => has('deleted', 'moved/b') && omitted >= 700, PATIENCE_MS), `${omitted} were counted`);
      assert.ok(!has('deleted', 'a') && !has('deleted', 'a/b/deep.txt') && !has('deleted', 'moved/b/deep.txt') && !has('created', 'moved'));
    },
  },
  {
    name: 'an upload arrives whole, goes on where it was cut, and never lands outside the workspace',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      const bytes = Buffer.from('0123456789');
      const part = { path: 'new/deep/data.bin', upload: 'ab'.repeat(16), total: bytes.length, replace: false };
      assert.deepEqual(await files.upload({ ...part, offset: 0, bytes: bytes.subarray(0, 4) }), { received: 4, hash: null });
      assert.deepEqual(await files.upload({ ...part, offset: 0, bytes: bytes.subarray(0, 4) }), { received: 4, hash: null });
      assert.deepEqual(await files.upload({ ...part, offset: 9, bytes: bytes.subarray(9) }), { received: 4, hash: null });
      await assert.rejects(files.read(part.path), { code: 'not_found' });
      assert.deepEqual(await files.upload({ ...part, offset: 4, bytes: bytes.subarray(4) }), { received: 10, hash: sha256(bytes) });
      assert.equal((await files.read(part.path)).text, '0123456789');
      const again = { ...part, upload: 'cd'.repeat(16), offset: 0, bytes: Buffer.from('other text') };
      await assert.rejects(files.upload(again), { code: 'conflict' });
      assert.equal((await files.upload({ ...again, replace: true })).hash, sha256('other text'));
      await files.upload({ ...part, upload: 'ef'.repeat(16), path: 'new/half', offset: 0, bytes: bytes.subarray(0, 3) });
      await files.dropUpload('new/half', 'ef'.repeat(16));
      assert.equal((await shell(sandbox, 'participant', 'ls -A new new/deep | wc -w')).stdout.toString(), '4\n');
      await shell(sandbox, 'participant', `ln -s /tmp out; ln -s /etc/passwd .plumbline-upload-${'12'.repeat(16)}`);
      await assert.rejects(files.upload({ ...part, path: 'out/x', offset: 0, bytes }));
      await assert.rejects(files.upload({ ...part, path: 'x', upload: '12'.repeat(16), offset: 0, bytes }));
      await assert.rejects(files.upload({ ...part, path: '../x', offset: 0, bytes }), { code: 'invalid_input' });
    },
  },
  {
    name: 'a listing that still holds is not sent again',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      await shell(sandbox, 'participant', 'mkdir many; cd many; seq 1 3000 | xargs touch; sleep 0.1');
      const first = await files.list('many');
      assert.deepEqual([first.entries.length, first.unchanged], [3000, false]);
      assert.deepEqual(await files.list('many', first.stamp), { entries: [], truncated: false, stamp: first.stamp, unchanged: true });
      await shell(sandbox, 'participant', 'rm many/17');
      assert.equal((await files.list('many', first.stamp)).entries.length, 2999);
    },
  },
  {
    name: 'search finds text with its place, leaves out packages and binary files, and ends a pattern that would not end',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      await shell(
        sandbox,
        'participant',
        `mkdir -p src node_modules .git; printf 'first\\n  \\360\\237\\231\\202 Needle and needle\\n' > src/a.py; echo needle > node_modules/x; echo needle > .git/y; printf 'needle\\0' > bin
        echo needle_2 > b.txt; ln -s /etc out; printf '${'a'.repeat(40)}!' > slow`,
      );
      const query = { query: 'needle', regex: false, caseSensitive: false, wholeWord: false, include: '', exclude: '' };
      const all = await files.search(query);
      assert.deepEqual(
        all.files.map((file) => [file.path, file.matches.map(({ line, column, length }) => [line, column, length])]),
        [
          ['b.txt', [[1, 1, 6]]],
          [
            'src/a.py',
            [
              [2, 6, 6],
              [2, 17, 6],
            ],
          ],
        ],
      );
      const shown = all.files[1]?.matches[0];
      assert.equal(shown?.text.slice(shown.from, shown.to), 'Needle');
      const paths = async (change: object) => (await files.search({ ...query, ...change })).files.map((file) => file.path);
      assert.deepEqual(await paths({ caseSensitive: true, wholeWord: true }), ['src/a.py']);
      assert.deepEqual(await paths({ include: '*.txt' }), ['b.txt']);
      assert.deepEqual(await paths({ include: 'src/**' }), ['src/a.py']);
      assert.deepEqual(await paths({ exclude: 'src' }), ['b.txt']);
      assert.deepEqual(await paths({ query: 'n(e+)dle_\\d', regex: true }), ['b.txt']);
      await assert.rejects(files.search({ ...query, query: '(', regex: true }), { code: 'invalid_input' });
      assert.equal((await files.search({ ...query, query: '(a+)+$', regex: true })).truncated, true);
      assert.deepEqual((await files.paths()).paths, ['b.txt', 'bin', 'slow', 'src/a.py']);
    },
  },
  {
    name: 'a file can be read as each snapshot had it',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      assert.deepEqual(await files.history('a'), []);
      await shell(sandbox, 'participant', 'echo one > a; echo same > b');
      const first = await files.snapshot({ ...SNAPSHOT, message: 'start' });
      await shell(sandbox, 'participant', 'echo two > a; mkdir sub; printf "\\0" > sub/binary');
      const second = await files.snapshot({ message: 'save', atMs: SNAPSHOT.atMs + 5000, base: first.commit });
      assert.deepEqual(await files.history('a'), [
        { commit: second.commit, atMs: SNAPSHOT.atMs + 5000, cause: 'save' },
        { commit: first.commit, atMs: SNAPSHOT.atMs, cause: 'start' },
      ]);
      assert.deepEqual((await files.history('b')).length, 1);
      const at = (commit: string, path: string) => files.textAt(commit, path, { maxBytes: 1000 });
      assert.deepEqual(await at(first.commit, 'a'), { text: 'one\n', missing: false });
      assert.deepEqual(await at(second.commit, 'a'), { text: 'two\n', missing: false });
      assert.deepEqual(await at(first.commit, 'sub/binary'), { text: null, missing: true });
      assert.deepEqual(await at(second.commit, 'sub/binary'), { text: null, missing: false });
      await assert.rejects(at(second.commit, 'sub'), { code: 'invalid_input' });
    },
  },
  {
    name: 'the files go on after their service ended, and while the participant is frozen or gone',
    run: async (world) => {
      const sandbox = await world.sandbox();
      const files = await world.files(sandbox);
      await files.write('a', 'x', null);
      await sandbox.freeze();
      assert.equal((await files.read('a')).text, 'x');
      await sandbox.thaw();
      await sandbox.killParticipant();
      assert.equal((await files.read('a')).text, 'x');
      await files.close();
      await files.close();
      await assert.rejects(files.read('a'), { code: 'unavailable' });
    },
  },
];
