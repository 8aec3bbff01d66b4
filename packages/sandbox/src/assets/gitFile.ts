import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { replaceFile } from '@plumbline/storage';
import type { GitPin } from '@plumbline/taskstandard/settings';
import { z } from 'zod';
import { withFileLock } from '../host/fileLock.ts';
import { hostEnvironment } from '../host/hostEnvironment.ts';

/**
 * What a file of one commit has to be, though nobody looked up its checksum: a commit's hash covers its folders, they cover their
 * files, and git checks all of it as it fetches. Of a file in Git LFS the repository holds a pointer, which names SHA-256 and size.
 */

const FileFacts = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().min(0) });
type FileFacts = z.infer<typeof FileFacts>;

/** As the specification of Git LFS has it. */
const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-\d-\S+ sha256:[0-9a-f]{64}\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n$/;
const POINTER_MAX_BYTES = 1024;
/** Of a file outside of LFS; the large services take none above 100 MB. */
const MAX_BYTES = 128 * 1024 * 1024;
/** A connection that brings next to nothing for so long is cut. */
const STALLED = ['-c', 'http.lowSpeedLimit=100', '-c', 'http.lowSpeedTime=60'];
const LISTED_FILES = 20;

/**
 * SHA-256 and size of the pinned file. What was read once is kept in `dir`, for ever: a commit does not change.
 * Rejects with what git said, or with what the commit has in place of the file.
 */
export async function readGitFile(pin: GitPin, dir: string, signal?: AbortSignal): Promise<FileFacts> {
  const name = createHash('sha256')
    .update(JSON.stringify([pin.revision, pin.file]))
    .digest('hex');
  const path = join(dir, `${name}.json`);
  const kept = async () => FileFacts.safeParse(JSON.parse(await readFile(path, 'utf8').catch(() => 'null'))).data;
  const known = await kept();
  if (known !== undefined) return known;
  await mkdir(join(dir, '.locks'), { recursive: true });
  const read = async () => {
    const facts = (await kept()) ?? (await askRepository(pin, signal));
    await replaceFile(path, JSON.stringify(facts), 0o644);
    return facts;
  };
  return withFileLock(join(dir, '.locks', name), read, signal);
}

/** In a repository of its own, without the files that are not asked for. */
async function askRepository({ repository, revision, file }: GitPin, signal: AbortSignal | undefined): Promise<FileFacts> {
  const gitDir = await mkdtemp(join(tmpdir(), 'plumbline-git-'));
  const git = (...args: string[]) => runGit(gitDir, args, signal);
  try {
    await git('init', '--quiet', '--bare', '--template=');
    // By a name, because git fetches what it left out from a named one alone.
    await git('remote', 'add', 'origin', repository);
    await git(...STALLED, 'fetch', '--quiet', '--no-tags', '--depth=1', '--filter=blob:none', 'origin', revision);
    const listed = (await git('ls-tree', '-z', revision, '--', file)).toString();
    const [, mode] = /^(\d+) blob /.exec(listed) ?? [];
    if (mode === undefined || mode === '120000') {
      const folder = posix.dirname(file) === '.' ? [] : [`${posix.dirname(file)}/`];
      const there = (await git('ls-tree', '-z', '--name-only', revision, '--', ...folder)).toString().split('\0').filter(Boolean);
      const names = there.slice(0, LISTED_FILES).join(', ') + (there.length > LISTED_FILES ? ', …' : '');
      throw new Error(`commit ${revision} has no file ${file} there${names === '' ? '' : `; it has ${names}`}`);
    }
    const content = await git(...STALLED, 'cat-file', 'blob', `${revision}:${file}`);
    const pointer = content.length <= POINTER_MAX_BYTES ? POINTER.exec(content.toString()) : null;
    if (pointer !== null) return FileFacts.parse({ sha256: pointer[1], bytes: Number(pointer[2]) });
    return { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
  } finally {
    await rm(gitDir, { recursive: true, force: true });
  }
}

async function runGit(gitDir: string, args: readonly string[], signal: AbortSignal | undefined): Promise<Buffer> {
  const env = { ...hostEnvironment(), GIT_DIR: gitDir, GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'https:http:file', LC_ALL: 'C' };
  try {
    const { stdout } = await promisify(execFile)('git', args, { env, signal, encoding: 'buffer', maxBuffer: MAX_BYTES });
    return stdout;
  } catch (error) {
    signal?.throwIfAborted();
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT') throw new Error('the command git is not on this host: install the package git', { cause: error });
    throw new Error(stderr?.toString().trim().split('\n').at(-1) || message, { cause: error });
  }
}
