import { chmod, chown, copyFile, cp, lchown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { withFileLock } from '../host/fileLock.ts';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { runHostCommand } from '../host/hostProcess.ts';
import { entererCommand } from './bubblewrap/enterer.ts';
import { BWRAP, builderArguments, writeEtc } from './bubblewrap/views.ts';
import { claimHostUid, giveTree, releaseHostUid } from './hostUid.ts';
import { IN_VIEW_PATHS, viewEnvironment } from './inView.ts';
import type { PreparedImage, PrepareImageOptions } from './isolation.ts';
import { copyAssets, makeReadable, requireReachable } from './sandboxState.ts';

/**
 * A prepared environment: the family's copy and its packages, made once per content and shared by all runners of a
 * host. The install step is the operator's own code at build time, and has the host's network.
 */
const HASH = /^[A-Za-z0-9_-]{8,128}$/;
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

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

async function giveBack(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveBack(child);
    await lchown(child, 0, 0);
  }
  await chown(path, 0, 0);
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
  const isMade = async () => (await stat(join(dir, 'complete')).catch(() => null)) !== null && (await isStillThere(dir));
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

export async function prepareBubblewrapImage(options: PrepareImageOptions): Promise<PreparedImage> {
  return buildOnce(options, async (dir) => {
    const parts = {
      root: join(dir, 'family'),
      env: join(dir, 'env'),
      etc: join(dir, 'etc'),
      assets: join(dir, 'assets'),
      certificates: join(dir, 'certificates'),
    };
    await mkdir(parts.certificates);
    await writeEtc(parts.etc, null);
    await copyAssets(parts.assets, options.assets);
    const uid = await claimHostUid(dir, null);
    try {
      const variables = await installVariables(hostEnvironment(), parts.certificates, '/run/certificates');
      const args = await builderArguments(parts);
      for (const path of Object.values(parts)) await requireReachable(path, uid);
      if (uid !== null) for (const path of [parts.root, parts.env]) await giveTree(path, uid);
      const base = {
        ...viewEnvironment('scorer', IN_VIEW_PATHS, SYSTEM_PATH),
        ...pipTarget(IN_VIEW_PATHS.env),
        ...variables,
        ...options.env,
      };
      await options.install((argv, run) => {
        const cwd = run.cwd ?? IN_VIEW_PATHS.root;
        const command = entererCommand({ mode: 'launch', uid }, [BWRAP, ...args, '--new-session', '--chdir', cwd, '--', ...argv], {
          ...base,
          ...run.env,
        });
        const logged = options.onLog === undefined ? {} : { onLine: options.onLog };
        return runHostCommand(command, { ...run, signal: run.signal ?? options.signal, ...logged }, async () => null);
      }, IN_VIEW_PATHS);
      if (uid !== null) {
        for (const path of [parts.root, parts.env]) await giveBack(path);
        await makeReadable(parts.env);
        // The scorer's files: each sandbox gets its copy from root, and no other user of the host has a reason to look.
        await chmod(parts.root, 0o700);
      }
    } finally {
      await releaseHostUid(dir, uid);
    }
    for (const path of [parts.etc, parts.assets, parts.certificates]) await rm(path, { recursive: true, force: true });
  });
}
