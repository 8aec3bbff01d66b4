import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createDatabase } from '@plumbline/database/client';
import { eraseRecording } from '@plumbline/recording';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { folderStore } from '@plumbline/storage';
import { exampleSettings, makeAttempt, testDatabase } from '@plumbline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forgetErasedHistories, forgetHistory, snapshotDiff, snapshotTree } from './workspaceHistory.ts';

type Files = Record<string, string>;

let dir: string;
let attemptId: string;
let snapshots: RecordingIndex['snapshots'];
let lostBlobs: string[];
let bundles: Map<string, Buffer>;
let asked: string[];

const read = async (hash: string) => {
  asked.push(hash);
  const bundle = bundles.get(hash);
  return bundle === undefined ? null : Readable.from([bundle]);
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'history-'));
  attemptId = randomUUID();
  snapshots = [];
  lostBlobs = [];
  bundles = new Map();
  asked = [];
  git(['init', '--quiet']);
});

afterEach(() => {
  forgetHistory(attemptId);
  rmSync(dir, { recursive: true, force: true });
});

function git(args: string[], input?: string): string {
  const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
  const env = { PATH: process.env.PATH ?? '', HOME: dir, GIT_CONFIG_NOSYSTEM: '1', ...identity } as unknown as NodeJS.ProcessEnv;
  return execFileSync('git', args, { cwd: dir, env, encoding: 'utf8', ...(input === undefined ? {} : { input }) }).trim();
}

/** A snapshot of just these files, bundled on top of the one before or another, as the runner makes them. */
function take(files: Files, on = snapshots.at(-1)?.commit ?? null): string {
  for (const name of readdirSync(dir)) if (name !== '.git') rmSync(join(dir, name), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  git(['add', '--all', '--force']);
  return commit(git(['write-tree']), on);
}

function commit(tree: string, base = snapshots.at(-1)?.commit ?? null): string {
  const made = git(['commit-tree', tree, ...(base === null ? [] : ['-p', base]), '-m', 'snapshot']);
  git(['update-ref', 'refs/heads/snapshots', made]);
  git(['bundle', 'create', '--quiet', '.git/next', 'refs/heads/snapshots', ...(base === null ? [] : [`^${base}`])]);
  const bundle = `bundle-${snapshots.length}`;
  bundles.set(bundle, readFileSync(join(dir, '.git/next')));
  snapshots.push({
    seq: 10 * snapshots.length + 1,
    atMs: snapshots.length,
    cause: 'save',
    commit: made,
    bundle,
    base,
    whole: true,
    skipped: 0,
    skippedMore: false,
  });
  return made;
}

/** What this process, or another, has made of snapshots. */
const foldersOf = (pid: number | undefined, within = tmpdir()) =>
  readdirSync(within).filter((name) => name.startsWith(`plumbline-snapshots-${hostname()}-${pid}-`));

const index = () => ({ attemptId, snapshots, lostBlobs });
const tree = (of: string) => snapshotTree(index(), read, of);
const diff = (from: string, to: string) => snapshotDiff(index(), read, from, to);

describe('the history of a workspace', () => {
  it('lists a snapshot’s files by whatever names they have, with their sizes', async () => {
    const files = { 'a.py': '12345', 'src/größe 漢.txt': 'x', 'tab\tand\ttab': 'xy', 'line\nbreak': '', '"quoted"': 'q' };
    const { files: listed, truncated } = await tree(take(files));
    expect(truncated).toBe(false);
    expect(Object.fromEntries(listed.map(({ path, size }) => [path, size]))).toEqual(
      Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.byteLength(text)])),
    );
  });

  it('takes each bundle once, and those that a snapshot builds on with it', async () => {
    const commits = ['1', '2', '3'].map((text) => take({ 'a.py': text, [`only-${text}`]: '' }));
    expect((await tree(commits[1] as string)).files.map(({ path }) => path)).toEqual(['a.py', 'only-2']);
    expect(asked).toEqual(['bundle-0', 'bundle-1']);
    expect((await tree(commits[2] as string)).files.map(({ path }) => path)).toEqual(['a.py', 'only-3']);
    await tree(commits[0] as string);
    expect(asked).toEqual(['bundle-0', 'bundle-1', 'bundle-2']);
  });

  it('says what changed between any two moments, in either direction, renamed files as such', async () => {
    const body = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join('');
    const from = take({ 'größe.py': body, 'gone.txt': 'x\n' });
    const to = take({ 'moved.py': `${body}more\n` });
    const { patch } = await diff(from, to);
    expect(patch).toContain('rename from größe.py\nrename to moved.py');
    expect(patch).toMatch(/^\+more$/m);
    expect(patch).toContain('deleted file mode');
    expect((await diff(to, from)).patch).toMatch(/^-more$/m);
    expect((await diff(to, to)).patch).toBe('');
  });

  it('shows changes that the participant’s attributes would hide, and runs nothing of theirs', async () => {
    const ran = join(dir, 'ran');
    const attributes = '* -diff\n*.py filter=evil diff=evil\n';
    const config = `[diff "evil"]\n\ttextconv = touch ${ran}\n[filter "evil"]\n\tsmudge = touch ${ran}\n`;
    const from = take({ '.gitattributes': attributes, '.gitconfig': config, 'a.py': 'before\n' });
    const to = take({ '.gitattributes': attributes, '.gitconfig': config, 'a.py': 'after\n' });
    expect((await diff(from, to)).patch).toMatch(/^-before\n\+after$/m);
    expect(readdirSync(dir)).not.toContain('ran');
  });

  it('says that a list or a comparison is cut, and shows nothing that is cut in half', async () => {
    const blob = git(['hash-object', '-w', '--stdin'], 'x');
    const rows = Array.from({ length: 20_001 }, (_, n) => `100644 blob ${blob}\tf${String(n).padStart(5, '0')}\n`).join('');
    const many = commit(git(['mktree'], rows));
    const { files, truncated } = await tree(many);
    expect([files.length, files.at(-1)?.path, truncated]).toEqual([20_000, 'f19999', true]);
    const small = take({ 'a.txt': '' });
    const large = take({ 'a.txt': `${'y'.repeat(99)}\n`.repeat(15_000) });
    const compared = await diff(small, large);
    expect(compared.truncated).toBe(true);
    expect(compared.patch.length).toBeGreaterThan(500_000);
    expect(compared.patch.length).toBeLessThanOrEqual(1024 * 1024);
  });

  it('knows no commit that is none of the attempt’s', async () => {
    take({ a: 'x' });
    await expect(tree('0'.repeat(40))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('waits for a snapshot that is not stored yet, and keeps what came before it', async () => {
    const first = take({ a: '1' });
    const second = take({ a: '22' });
    const late = bundles.get('bundle-1') as Buffer;
    bundles.delete('bundle-1');
    await expect(tree(second)).rejects.toMatchObject({ code: 'unavailable' });
    bundles.set('bundle-1', late);
    expect((await tree(second)).files).toEqual([{ path: 'a', size: 2 }]);
    await tree(first);
    expect(asked).toEqual(['bundle-0', 'bundle-1', 'bundle-1']);
  });

  it('goes on behind a snapshot that was lost, and reads none that is not needed', async () => {
    const first = take({ a: '1' });
    const broken = take({ a: '22' });
    const onBroken = take({ a: '333' });
    lostBlobs.push('bundle-1');
    bundles.delete('bundle-1');
    const alone = take({ a: '4444' }, null);
    const onAlone = take({ a: '55555' });
    expect((await tree(onAlone)).files).toEqual([{ path: 'a', size: 5 }]);
    expect(asked).toEqual(['bundle-3', 'bundle-4']);
    expect((await diff(first, alone)).patch).toContain('+4444');
    for (const commit of [broken, onBroken]) await expect(tree(commit)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is gone where its recording is erased, whoever erases it', async () => {
    const testing = await testDatabase();
    const erasing = createDatabase(testing.url, { poolMax: 1 });
    try {
      const made = await makeAttempt(testing.db, { environmentSettings: exampleSettings() });
      attemptId = made.attempt.id;
      await forgetErasedHistories(testing.db);
      await tree(take({ a: 'secret' }));
      expect(foldersOf(process.pid)).toHaveLength(1);
      await eraseRecording({ db: erasing, store: folderStore(join(dir, 'store')), attemptId });
      await expect.poll(() => foldersOf(process.pid)).toEqual([]);
    } finally {
      await erasing.close();
      await testing.drop();
    }
  });

  it('is gone with its process, or with the next where it was killed', () => {
    const module = join(import.meta.dirname, 'processFolders.ts');
    const program = (end: string) =>
      `import { makeProcessFolder } from ${JSON.stringify(module)}; console.log(await makeProcessFolder()); ${end}`;
    const run = (end: string) => {
      // Any other process that begins to keep histories would clear up as well, where all do.
      const env = { ...process.env, TMPDIR: dir };
      const { stdout, pid } = spawnSync(process.execPath, ['--input-type=module', '-e', program(end)], { env, encoding: 'utf8' });
      return { folder: stdout.trim(), pid };
    };
    expect(foldersOf(run('process.exit(0)').pid, dir)).toEqual([]);
    const killed = run("process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})");
    expect(existsSync(killed.folder)).toBe(true);
    run('process.exit(0)');
    expect(existsSync(killed.folder)).toBe(false);
  });
});
