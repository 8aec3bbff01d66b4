import { chmod, cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@plumbline/core';
import { replaceFile } from '@plumbline/storage';
import { z } from 'zod';
import { isSameProcess, signalProcess } from '../host/processTable.ts';
import { Cgroup } from './cgroups.ts';
import { Engine } from './docker/engine.ts';
import { releaseHostUid } from './hostUid.ts';
import { unmountVolume } from './workspaceVolume.ts';

/** What a sandbox leaves on disk of itself, so that another process can end what a dead runner left. */
const SandboxRecord = z.object({
  id: z.string(),
  cgroups: z.array(z.array(z.string())),
  hostUid: z.int().nullable(),
  holder: z.object({ pid: z.int(), startTime: z.string() }).nullable(),
  /** Containers, by name, and the engine that has them. */
  containers: z.object({ socketPath: z.string(), names: z.array(z.string()) }).optional(),
  /** Where its workspace's own disk is mounted, if it has one. */
  workspaceDir: z.string().optional(),
});
export type SandboxRecord = z.infer<typeof SandboxRecord>;

const RECORD_NAME = 'sandbox.json';
const ASSETS_DIR = fileURLToPath(new URL('../../python/', import.meta.url));

export async function readRecord(dir: string): Promise<SandboxRecord | null> {
  const text = await readFile(join(dir, RECORD_NAME), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return SandboxRecord.parse(JSON.parse(text));
  } catch {
    // It is written whole or not at all: what damaged it was no runner that died, and another one has to start here.
    return null;
  }
}

export async function writeRecord(dir: string, record: SandboxRecord): Promise<void> {
  await replaceFile(join(dir, RECORD_NAME), JSON.stringify(record), 0o600);
}

/**
 * Ends the processes and removes the groups that an earlier life of this sandbox left. Idempotent. Rejects, once all else is done,
 * where an engine does not answer: it may have containers yet.
 */
export async function endLeftovers(dir: string): Promise<void> {
  const record = await readRecord(dir);
  if (record === null) return;
  const { holder, containers, cgroups, workspaceDir } = record;
  if (holder && isSameProcess(holder.pid, holder.startTime)) signalProcess(holder.pid, 'SIGKILL');
  const engine = new Engine(containers?.socketPath ?? '');
  await allInTurn([
    ...cgroups.map((folders) => () => removeGroup(Cgroup.existing(folders))),
    () => Promise.all((containers?.names ?? []).map((name) => engine.remove(name))),
    async () => workspaceDir !== undefined && (await unmountVolume(workspaceDir)),
  ]);
}

async function removeGroup(group: Cgroup): Promise<void> {
  await group.kill();
  await group.remove();
}

/** Does each, whatever became of those before it; rejects with the first failure in the end. */
async function allInTurn(acts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const act of acts) await act().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What lies in a workspace is its participant's: no record of ours. */
const WORKSPACE = /workspace$/;

/**
 * As `endLeftovers`, for every sandbox up to two folders below `stateDir`, also after one of which not all could be ended; their host
 * users are given back. Folders whose names end in `workspace` are not looked into.
 */
export async function endAllLeftovers(stateDir: string): Promise<void> {
  const visit = async (dir: string, depth: number): Promise<void> => {
    const record = await readRecord(dir);
    if (record !== null) {
      await endLeftovers(dir);
      await releaseHostUid(dir, record.hostUid);
      return;
    }
    if (depth === 0) return;
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    const inside = entries.filter((entry) => entry.isDirectory() && !WORKSPACE.test(entry.name));
    await allInTurn(
      inside.map(
        ({ name }) =>
          () =>
            visit(join(dir, name), depth - 1),
      ),
    );
  };
  await visit(stateDir, 2);
}

/** Copies the platform's programs to where the sandbox's user can read them, wherever the repository lies. */
export async function copyAssets(target: string, extra: string[] = []): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true, mode: 0o755 });
  const own = (await readdir(ASSETS_DIR))
    .filter((name) => name.endsWith('.py') && !name.startsWith('test_'))
    .map((name) => join(ASSETS_DIR, name));
  for (const source of [...own, ...extra]) {
    await cp(source, join(target, basename(source)), { recursive: true, filter: (path) => basename(path) !== '__pycache__' });
  }
  await makeReadable(target);
}

/** Everyone may read, no one but the owner may write. */
export async function makeReadable(path: string): Promise<void> {
  const entry = await stat(path);
  await chmod(path, entry.isDirectory() || entry.mode & 0o100 ? 0o755 : 0o644);
  if (!entry.isDirectory()) return;
  for (const child of await readdir(path, { withFileTypes: true })) if (!child.isSymbolicLink()) await makeReadable(join(path, child.name));
}

/** Rejects where a user other than this process's own cannot walk to `path`. */
export async function requireReachable(path: string, uid: number | null): Promise<void> {
  if (uid === null) return;
  for (let dir = path; ; dir = dirname(dir)) {
    const entry = await stat(dir);
    if (entry.uid !== uid && (entry.mode & 0o001) === 0) {
      throw new AppError(
        'sandbox_unavailable',
        'The folder of the sandboxes cannot be reached by the sandbox users. Set PLUMBLINE_DATA_DIR to a folder that other users may walk through, such as one in /var/lib.',
        { cause: new Error(`${dir} has mode ${(entry.mode & 0o7777).toString(8)}, on the way to ${path}`) },
      );
    }
    if (dir === dirname(dir)) return;
  }
}
