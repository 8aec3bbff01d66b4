import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractWorld } from '../contract/contract.ts';

/** TREE_FILES=100000 for the long run. */
const FILES = Number(process.env.TREE_FILES ?? 6_000);
const TIMEOUT_MS = 900_000;
/** What a snapshot may take beside the tree, at any number of files that it holds. */
const MEMORY_MAX_MB = 512;

/**
 * Files in folders of a hundred, with what makes git write other bytes or run programs: attributes, filters, nested repositories with hooks,
 * links, names with line breaks, and a sparse file of a terabyte. File `n` holds `n\r\n` some times.
 */
const MAKE_TREE = `
import os, sys
for n in range(int(sys.argv[1])):
    folder = "d%d" % (n // 100)
    if n % 100 == 0:
        os.mkdir(folder)
        with open(folder + "/.gitattributes", "w") as file: file.write("* text eol=lf\\n*.f filter=f ident\\n")
        os.symlink("/etc/shadow", folder + "/link")
        if n % 2000 == 0:
            os.makedirs(folder + "/nested/.git/hooks")
            with open(folder + "/nested/.git/HEAD", "w") as file: file.write("ref: refs/heads/main\\n")
            with open(folder + "/nested/.git/config", "w") as file: file.write("[core]\\n\\tfsmonitor = touch /tmp/hooked\\n")
    with open(folder + ("/n%d.f" % n if n % 3 else "/n\\n%d" % n), "wb") as file: file.write(b"%d\\r\\n" % n * (1 + n % 5))
os.truncate(os.open("sparse", os.O_CREAT | os.O_WRONLY), 1 << 40)
`;

const blobOf = (content: string | Buffer) =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest('hex');

/** The git objects of what `MAKE_TREE` makes and a snapshot holds, by path. */
function expectedTree(files: number): Map<string, string> {
  const tree = new Map<string, string>();
  for (let n = 0; n < files; n++) {
    const folder = `d${Math.floor(n / 100)}`;
    if (n % 100 === 0) {
      tree.set(`${folder}/.gitattributes`, blobOf('* text eol=lf\n*.f filter=f ident\n'));
      tree.set(`${folder}/link`, blobOf('/etc/shadow'));
    }
    tree.set(n % 3 === 0 ? `${folder}/n\n${n}` : `${folder}/n${n}.f`, blobOf(`${n}\r\n`.repeat(1 + (n % 5))));
  }
  return tree;
}

/** The memory of all processes that this one started, or that they did, MB. */
async function startedMb(): Promise<number> {
  const parents = new Map<number, { parent: number; mb: number }>();
  for (const name of await readdir('/proc')) {
    const text = /^\d+$/.test(name) ? await readFile(`/proc/${name}/status`, 'utf8').catch(() => '') : '';
    const parent = /^PPid:\s+(\d+)/m.exec(text)?.[1];
    if (parent !== undefined)
      parents.set(Number(name), { parent: Number(parent), mb: Number(/^RssAnon:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024 });
  }
  const isStarted = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent ?? 0;
    return parent === process.pid || (parent > 1 && isStarted(parent));
  };
  return [...parents].filter(([pid]) => isStarted(pid)).reduce((sum, [, { mb }]) => sum + mb, 0);
}

describe('a snapshot of a large and hostile tree', () => {
  let world: ContractWorld;
  beforeAll(async () => {
    world = await ContractWorld.open({ name: 'bubblewrap' });
  });
  afterAll(() => world.close());

  it(
    `holds all ${FILES} files byte for byte, runs nothing of it, and takes bounded memory`,
    async () => {
      const run = async () => {
        const sandbox = await world.sandbox();
        const files = await world.files(sandbox);
        const made = await sandbox.run('participant', ['python3', '-c', MAKE_TREE, String(FILES)], {
          timeoutMs: TIMEOUT_MS,
          maxOutputBytes: 1 << 20,
        });
        expect(made.exitCode, made.stderr.toString()).toBe(0);
        const before = await startedMb();
        let peakMb = 0;
        const watch = setInterval(async () => {
          peakMb = Math.max(peakMb, (await startedMb()) - before);
        }, 50);
        const took: number[] = [];
        const timed = async (message: string, atMs: number, base: string | null) => {
          const beganMs = performance.now();
          const snapshot = await files.snapshot({ message, atMs, base });
          took.push(Math.round(performance.now() - beganMs));
          return snapshot;
        };
        const first = await timed('start', 1_700_000_000_000, null);
        const again = await timed('periodic', 1_700_000_001_000, first.commit);
        await sandbox.run('participant', ['sh', '-c', 'echo more > d0/more'], { timeoutMs: 20_000, maxOutputBytes: 1_000 });
        const next = await timed('end', 1_700_000_002_000, first.commit);
        clearInterval(watch);

        expect(again.bundlePath).toBeNull();
        expect(first.skipped.map(({ path, reason }) => [path, reason]).sort()).toEqual(
          [
            ['sparse', 'too large'],
            ...Array.from({ length: Math.ceil(FILES / 2_000) }, (_, n) => [`d${n * 20}/nested/.git`, 'git repository']),
          ].sort(),
        );
        const clone = join(world.dir, 'clone');
        await mkdir(clone);
        await writeFile(join(clone, 'config-of-nobody'), '');
        const git = async (...args: string[]) =>
          (
            await promisify(execFile)('git', ['-C', clone, ...args], {
              maxBuffer: 1 << 28,
              env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', HOME: clone },
            })
          ).stdout;
        await git('init', '--quiet', '--bare');
        await git('fetch', '--quiet', first.bundlePath ?? '', 'refs/heads/next:refs/heads/kept');
        await git('fetch', '--quiet', next.bundlePath ?? '', 'refs/heads/next:refs/heads/later');
        const held = new Map<string, string>();
        for (const entry of (await git('ls-tree', '-r', '-z', 'kept')).split('\0')) {
          const [, object, path] = /^\d+ blob ([0-9a-f]+)\t([\s\S]+)$/.exec(entry) ?? [];
          if (object !== undefined && path !== undefined) held.set(path, object);
        }
        expect(held.size).toBe(FILES + 2 * Math.ceil(FILES / 100));
        expect([...expectedTree(FILES)].filter(([path, object]) => held.get(path) !== object)).toEqual([]);
        expect(await git('diff', '--name-status', 'kept', 'later')).toBe('A\td0/more\n');
        await git('fsck', '--strict', '--no-dangling');
        const hooked = await sandbox.run('participant', ['test', '-e', '/tmp/hooked'], { timeoutMs: 20_000, maxOutputBytes: 1_000 });
        expect(hooked.exitCode).toBe(1);
        process.stderr.write(
          `a tree of ${FILES} files: first snapshot ${took[0]} ms, unchanged ${took[1]} ms, one file more ${took[2]} ms, ${peakMb.toFixed(0)} MB at most\n`,
        );
        expect(peakMb).toBeLessThan(MEMORY_MAX_MB);
      };
      await world.run({ name: 'a large tree', run });
    },
    TIMEOUT_MS,
  );
});
