import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { hostEnvironment } from '@plumbline/sandbox/host/hostEnvironment';

/** Task families from a git repository, at one commit and no other. */

const FETCH_TIMEOUT_MS = 30 * 60_000;
/** Folders of a repository are looked through so deep for families. */
const MAX_DEPTH = 3;

/** Nothing of the repository's or the user's own configuration runs, and nobody is asked for a password. */
const GIT_OPTIONS = ['-c', 'core.hooksPath=/dev/null', '-c', 'protocol.ext.allow=never', '-c', 'advice.detachedHead=false'];

async function git(dir: string, args: string[]): Promise<string> {
  const env = { ...gitEnvironment(), GIT_TERMINAL_PROMPT: '0', GIT_LFS_SKIP_SMUDGE: '1', GIT_CONFIG_NOSYSTEM: '1' };
  const { stdout } = await promisify(execFile)('git', [...GIT_OPTIONS, '-C', dir, ...args], { env, timeout: FETCH_TIMEOUT_MS });
  return stdout.trim();
}

function gitEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(hostEnvironment()).filter(([name]) => /^(PATH|HOME|SSH_AUTH_SOCK|GIT_SSL_.*|SSL_CERT_.*|.*_(PROXY|proxy))$/.test(name)),
  );
}

/**
 * Fetches one commit into `dir`, which must be empty. Throws `invalid_input` for a commit that is not named whole, `unavailable`
 * where the repository cannot be had or has no such commit.
 */
export async function fetchCommit(url: string, commit: string, dir: string): Promise<void> {
  if (!/^[0-9a-f]{40}$/.test(commit)) {
    throw new AppError(
      'invalid_input',
      `--commit must be a whole commit, 40 hexadecimal digits: a branch or a tag may point elsewhere tomorrow. "${commit}" is not.`,
    );
  }
  if (url.startsWith('-')) throw new AppError('invalid_input', `--git must be the address of a repository; "${url}" is none.`);
  try {
    await git(dir, ['init', '--quiet']);
    // A server that does not give single commits gives everything.
    await git(dir, ['fetch', '--quiet', '--depth', '1', '--', url, commit]).catch(() =>
      git(dir, ['fetch', '--quiet', '--', url, '+refs/*:refs/remotes/source/*']),
    );
    await git(dir, ['checkout', '--quiet', '--detach', commit]);
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .slice(-3)
      .join('\n');
    throw new AppError('unavailable', `The commit ${commit} could not be had from ${url}. git says: ${said}`, { cause: error });
  }
}

/** The folders below `dir` that hold a task family, by name. */
export function findFamilies(dir: string, depth = MAX_DEPTH): string[] {
  if (isFamily(dir)) return [dir];
  if (depth === 0) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .flatMap((entry) => findFamilies(join(dir, entry.name), depth - 1))
    .sort();
}

function isFamily(dir: string): boolean {
  const module = join(dir, `${basename(dir)}.py`);
  return existsSync(module) && /^class TaskFamily\b/m.test(readFileSync(module, 'utf8'));
}
