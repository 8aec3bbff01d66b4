import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import {
  type Family,
  type FamilyHost,
  installFamily,
  networkOf,
  runTaskOperation,
  secretsNamed,
  type TaskDefinition,
} from '@plumbline/taskstandard';
import { assetMounts, layAssets } from './assets/assetStore.ts';
import { withHostShare } from './host/hostShare.ts';
import type { Isolation, Sandbox } from './isolation/isolation.ts';

/** A family in a sandbox as attempts have it, without an attempt: for checks, calibrations and what is asked before one is assigned. */

export interface FamilySandboxOptions {
  isolation: Isolation;
  /** Caches, as `RunnerConfig` has them. */
  imageDir: string;
  assetsDir: string;
  secrets: Record<string, string>;
  gpuIds?: readonly string[];
  onProgress?: (step: string) => void;
  /** As in `PrepareImageOptions`. */
  onLog?: (line: string) => void;
}

export interface FamilySandbox extends FamilyHost {
  sandbox: Sandbox;
}

const MAX_PROCESSES = 4_096;
const BYTES_PER_GB = 1024 ** 3;
const ASK_TIMEOUT_MS = 60_000;

/**
 * Prepares the family's image and creates a sandbox for one of its tasks, with the network that the task is allowed. Rejects with
 * `sandbox_unavailable` where its data, its build steps or its `install()` fail, or where this isolation is not enough for it.
 */
export async function createFamilySandbox(family: Family, task: TaskDefinition, options: FamilySandboxOptions): Promise<FamilySandbox> {
  const { isolation, imageDir, assetsDir, secrets, onProgress, onLog } = options;
  const { settings } = task;
  await requireRoot(isolation, family, task);
  const assets = await layAssets(settings.assets, { dir: assetsDir, onProgress: (step) => onProgress?.(step) });
  onProgress?.('Preparing the environment’s packages');
  await mkdir(imageDir, { recursive: true });
  const image = await isolation.prepareImage({
    familyDir: family.dir,
    contentHash: family.contentHash,
    imageDir,
    env: secretsNamed(settings.requiredVariables, secrets),
    install: (exec, paths) => installFamily(exec, family, paths.root),
    ...(onLog && { onLog }),
  });
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-family-'));
  await chmod(dir, 0o711);
  const { memory_gb: memoryGb, storage_gb: storageGb, cpus } = settings.resources;
  const mounts = assetMounts(assets, isolation.name);
  const inBytes = (gb: number | undefined) => (gb === undefined ? null : Math.round(gb * BYTES_PER_GB));
  const { diskBytes, ...shared } = await withHostShare(
    { memoryBytes: inBytes(memoryGb), diskBytes: inBytes(storageGb), cpus: cpus ?? null },
    dir,
  );
  const create = async (name: string, network: 'none' | 'internet', limits: { diskBytes: number | null }) => {
    const workspaceDir = join(dir, `${name}.workspace`);
    const socketDir = join(dir, `${name}.run`);
    for (const folder of [workspaceDir, socketDir]) await mkdir(folder, { mode: 0o755 });
    const sandbox = await isolation.create({
      id: `${dir.slice(dir.lastIndexOf('/') + 1)}-${name}`.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64),
      dir: join(dir, name),
      workspaceDir,
      imageDir: image.dir,
      network,
      ...shared,
      ...limits,
      maxProcesses: MAX_PROCESSES,
      gpuIds: options.gpuIds ?? [],
      socketDir,
      env: { LANG: 'C.UTF-8', ...mounts.env },
      readOnly: mounts.readOnly,
    });
    made.push(sandbox);
    return { sandbox, workspaceDir };
  };
  const made: Sandbox[] = [];
  const remove = async () => {
    for (const sandbox of made) await sandbox.destroy();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const asked = await create('ask', 'none', { diskBytes: null });
    const args = { familyDir: asked.sandbox.paths.root, module: family.module, task: task.name };
    const exec: FamilyHost['exec'] = (argv, run) => asked.sandbox.run('scorer', argv, { ...run, env: { ...secrets, ...run.env } });
    const permissions = await runTaskOperation(exec, 'get_permissions', args, { timeoutMs: ASK_TIMEOUT_MS });
    await asked.sandbox.destroy();
    const network = networkOf(permissions.ok ? permissions.value : []);
    const { sandbox, workspaceDir } = await create('main', network, { diskBytes });
    return {
      sandbox,
      exec: (argv, run) => sandbox.run('scorer', argv, { ...run, env: { ...secrets, ...run.env } }),
      root: sandbox.paths.root,
      workspaceDir,
      workspaceVariables: null,
      python: 'python3',
      installed: true,
      command: (argv) => sandbox.command('scorer', argv),
      socketDir: { here: join(dir, 'main', 'assets'), there: sandbox.paths.assets },
      destroy: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Rejects with `sandbox_unavailable` where the family's scorer has to be root and this isolation gives it none. */
export async function requireRoot(isolation: Isolation, family: { family: string }, task: Pick<TaskDefinition, 'settings'>): Promise<void> {
  if (task.settings.rootScorer !== true || (await isolation.capabilities()).scorerIsRoot) return;
  throw new AppError(
    'sandbox_unavailable',
    `The scorer of ${family.family} has to be root, as in the Task Standard's own container, and the isolation ${isolation.name} gives it no root. Run it on a host with the isolation docker.`,
  );
}
