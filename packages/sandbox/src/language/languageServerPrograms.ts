import { chmod, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { syncFileSystems } from '@plumbline/storage';
import { markUsed } from '../host/unusedCaches.ts';
import type { SandboxSpec } from '../isolation/isolation.ts';
import { makeReadable, requireReachable } from '../isolation/sandboxState.ts';

/**
 * Pyright, and the Node that it runs on: environments need have neither. Both are the platform's own and seen read-only, in
 * the participant's view alone. A server that died or was tampered with harms nobody but the participant.
 */

export interface LanguageServerPrograms {
  readonly readOnly: NonNullable<SandboxSpec['readOnly']>;
  /** What starts it, with the memory it may use for itself. */
  readonly argv: (memoryBytes: number | null) => string[];
}

const TITLE = 'language-server';
/** Its command line: as it is started, and once it has put its title there. */
export const LANGUAGE_SERVER_LINE = new RegExp(`^(\\S+ --title=)?${TITLE}( |$)`);
/** Of a sandbox's memory; below the least it cannot read the standard library. */
const MEMORY_SHARE = 1 / 4;
const MEMORY_MIN_MB = 256;
const MEMORY_MAX_MB = 1024;
const MB = 1024 * 1024;
/** Where memory runs out all the same, the kernel is asked to end it before anything of the participant's; it often does not. */
const FIRST_TO_GO = 'echo 1000 2>/dev/null > /proc/self/oom_score_adj; exec "$0" "$@"';

function startCommand(node: string, server: string, memoryBytes: number | null): string[] {
  const share = memoryBytes === null ? MEMORY_MAX_MB : Math.floor((memoryBytes * MEMORY_SHARE) / MB);
  const heapMb = Math.max(MEMORY_MIN_MB, Math.min(MEMORY_MAX_MB, share));
  return ['/bin/sh', '-c', FIRST_TO_GO, node, `--title=${TITLE}`, `--max-old-space-size=${heapMb}`, server, '--stdio'];
}

const IN_VIEW = '/opt/language-server';
/** The server itself, without the command line's half; the types of the standard library lie beside it. */
const SERVER = 'langserver.index.js';
/** No user of this number owns anything: a way that it can walk is open to every sandbox's user. */
const ANYBODY = 2 ** 32 - 2;

/**
 * Finds the programs, or copies them below `cacheDir` where the users of sandboxes cannot walk to this installation.
 * Copies are kept, and shared by the host's runners.
 */
export async function languageServerPrograms(isolation: string, cacheDir: string): Promise<LanguageServerPrograms> {
  const installed = { node: process.execPath, pyright: dirname(fileURLToPath(import.meta.resolve('pyright/package.json'))) };
  if (isolation === 'none')
    return { readOnly: [], argv: (memoryBytes) => startCommand(installed.node, join(installed.pyright, SERVER), memoryBytes) };
  const { node, pyright } = (await isOpen(installed)) ? installed : await copied(installed, cacheDir);
  return {
    readOnly: [
      { hostPath: node, path: `${IN_VIEW}/node`, only: 'participant' },
      { hostPath: pyright, path: `${IN_VIEW}/pyright`, only: 'participant' },
    ],
    argv: (memoryBytes) => startCommand(`${IN_VIEW}/node`, `${IN_VIEW}/pyright/${SERVER}`, memoryBytes),
  };
}

interface Places {
  node: string;
  pyright: string;
}

async function isOpen({ node, pyright }: Places): Promise<boolean> {
  // An ordinary user's sandboxes are that user's own.
  const uid = process.getuid?.() === 0 ? ANYBODY : null;
  return Promise.all([requireReachable(node, uid), requireReachable(pyright, uid)]).then(
    () => true,
    () => false,
  );
}

async function copied(from: Places, cacheDir: string): Promise<Places> {
  // Named by what is in it: an upgrade of either lays another.
  const { default: manifest } = await import('pyright/package.json', { with: { type: 'json' } });
  const dir = join(cacheDir, `language-server-${manifest.version}-node-${process.versions.node}`);
  if (!(await markUsed(dir))) {
    const mine = `${dir}.${process.pid}.new`;
    await mkdir(mine, { recursive: true, mode: 0o755 });
    try {
      await cp(from.node, join(mine, 'node'));
      await cp(from.pyright, join(mine, 'pyright'), { recursive: true, dereference: true });
      await makeReadable(mine);
      await chmod(join(mine, 'node'), 0o755);
      await syncFileSystems(mine);
      // Another runner may have been first: its copy is the same.
      await rename(mine, dir).catch(async (error) => {
        if ((await stat(dir).catch(() => null)) === null) throw error;
      });
    } finally {
      await rm(mine, { recursive: true, force: true });
    }
  }
  return { node: join(dir, 'node'), pyright: join(dir, 'pyright') };
}
