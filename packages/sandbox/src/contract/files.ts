import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { waitUntil } from '../host/waiting.ts';
import type { FileChange } from '../workspace/workspaceService.ts';
import { type ContractCheck, PATIENCE_MS, shell } from './contract.ts';

/** So long a pattern that would not end is tried: it takes a processor for itself. */
const IN_HASTE_MS = 300;

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

export const fileChecks: ContractCheck[] = [
  {
    name: 'a file is written whole or not at all, and never over a change that the writer has not seen',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
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
      const sandbox = await world.sharedSandbox();
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
      const sandbox = await world.sharedSandbox();
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
    name: 'a change outside the editor is told, the platform’s own is not',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
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
      const sandbox = await world.sharedSandbox();
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
      // It goes at once, to where no look goes: one that is removed file by file may be looked at between two of them.
      await shell(sandbox, 'participant', 'mkdir .git; mv moved/b .git; mkdir many; cd many; for i in $(seq 1000); do echo $i > $i; done');
      assert.ok(await waitUntil(() => has('deleted', 'moved/b') && omitted >= 700, PATIENCE_MS), `${omitted} were counted`);
      assert.ok(!has('deleted', 'a') && !has('deleted', 'a/b/deep.txt') && !has('deleted', 'moved/b/deep.txt') && !has('created', 'moved'));
    },
  },
  {
    name: 'an upload arrives whole, goes on where it was cut, and never lands outside the workspace',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
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
      const sandbox = await world.sharedSandbox();
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
      const sandbox = await world.sharedSandbox();
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
      const inHaste = await world.files(sandbox, { searchMs: IN_HASTE_MS });
      assert.equal((await inHaste.search({ ...query, query: '(a+)+$', regex: true })).truncated, true);
      assert.deepEqual((await files.paths()).paths, ['b.txt', 'bin', 'slow', 'src/a.py']);
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
