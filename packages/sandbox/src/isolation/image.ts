import { copyFile, cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { syncFileSystems } from '@plumbline/storage';
import { withFileLock } from '../host/fileLock.ts';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { markUsed } from '../host/unusedCaches.ts';
import { hidden, logLine, passwordsIn, withoutAnswers, withoutSecrets } from './buildLog.ts';
import type { Exec, PreparedImage, PrepareImageOptions } from './isolation.ts';

/**
 * A prepared environment: the family's copy and its packages, made once per content and shared by all runners of a
 * host. The install step is the operator's own code at build time, and has the host's network.
 */
const HASH = /^[A-Za-z0-9_-]{8,128}$/;

/** Settings of the network and of pip that reach the install step, and nothing else of this process's environment. */
const PASSED = /^(PIP_.*|(HTTPS?|FTP|ALL|NO)_PROXY|https?_proxy|ftp_proxy|all_proxy|no_proxy)$/;
/** Of these the file is made visible too. */
const FILE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'NODE_EXTRA_CA_CERTS',
  'PIP_CERT',
  'PIP_CONFIG_FILE',
];

/** The variables for the install step; copies the files that they name to `certificatesDir`, seen as `seenAs`. */
export async function installVariables(from: NodeJS.ProcessEnv, certificatesDir: string, seenAs: string): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) if (value && PASSED.test(name)) env[name] = value;
  for (const name of FILE_VARIABLES) {
    const path = from[name];
    if (!path || !(await stat(path).catch(() => null))?.isFile()) {
      delete env[name];
      continue;
    }
    await copyFile(path, join(certificatesDir, name));
    env[name] = join(seenAs, name);
  }
  return env;
}

/**
 * How an install's commands are run: with each line they print told to whoever waits, and nowhere a value of `env`, which the
 * install may read and no log may hold.
 */
export function installExec({ env = {}, onLog, signal }: Pick<PrepareImageOptions, 'env' | 'onLog' | 'signal'>, run: Exec): Exec {
  const secrets = hidden([...Object.values(env), ...passwordsIn(hostEnvironment())]);
  const hideIn = (bytes: Buffer) =>
    secrets.some((secret) => bytes.includes(secret)) ? Buffer.from(withoutSecrets(bytes.toString(), secrets)) : bytes;
  return async (argv, options) => {
    const logged = onLog === undefined ? {} : { onLine: withoutAnswers((line) => onLog(logLine(line, secrets))) };
    const done = await run(argv, { ...options, signal: options.signal ?? signal, ...logged });
    return { ...done, stdout: hideIn(done.stdout), stderr: hideIn(done.stderr) };
  };
}

/**
 * Builds an image under the lock of its content, or finds it made. `build` fills the folder that it is given;
 * `isStillThere` tells whether what it made elsewhere is there yet.
 */
export async function buildOnce(
  options: PrepareImageOptions,
  build: (dir: string) => Promise<void>,
  isStillThere: (dir: string) => Promise<boolean> = async () => true,
): Promise<PreparedImage> {
  if (!HASH.test(options.contentHash)) throw new AppError('internal', 'An image is named by a content hash.');
  const dir = join(options.imageDir, options.contentHash);
  // Marked first: from then on it is no unused one that may be removed.
  const isMade = async () => (await markUsed(dir)) && (await stat(join(dir, 'complete')).catch(() => null)) !== null && isStillThere(dir);
  if (await isMade()) return { dir, built: false };
  const locks = join(options.imageDir, '.locks');
  await mkdir(locks, { recursive: true });
  return withFileLock(
    join(locks, options.contentHash),
    async () => {
      if (await isMade()) return { dir, built: false };
      const half = `${dir}.building`;
      for (const left of [dir, half]) await rm(left, { recursive: true, force: true });
      try {
        await mkdir(join(half, 'env', 'lib', 'python'), { recursive: true });
        await mkdir(join(half, 'env', 'bin'));
        await cp(options.familyDir, join(half, 'family'), { recursive: true, verbatimSymlinks: true });
        await build(half);
        // An image that says that it is complete is used for good: after a loss of power too it has all of its files, and what is in them.
        await syncFileSystems(half);
        await writeFile(join(half, 'complete'), '');
        await rename(half, dir);
      } catch (error) {
        await rm(half, { recursive: true, force: true });
        throw error;
      }
      return { dir, built: true };
    },
    options.signal,
  );
}

/** Variables with which `pip install` puts packages where every view finds them. */
export function pipTarget(env: string): Record<string, string> {
  return { PIP_TARGET: `${env}/lib/python`, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PIP_CACHE_DIR: '/tmp/pip-cache' };
}
