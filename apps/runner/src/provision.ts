import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { RunnerConfig } from '@plumbline/protocol';
import {
  assetMounts,
  endAllLeftovers,
  type Isolation,
  isolationNamed,
  type LaidAssets,
  type LanguageServerPrograms,
  languageServerPrograms,
  layAssets,
  noteUses,
  openWorkspace,
  removeUnusedCaches,
  requireRoot,
  type Sandbox,
  type WorkspaceFiles,
} from '@plumbline/sandbox';
import { replaceFile, syncFileSystems } from '@plumbline/storage';
import {
  askFacts,
  type Family,
  installFamily,
  networkOf,
  secretsNamed,
  startFamily,
  TaskFacts,
  tearDownFamily,
} from '@plumbline/taskstandard';
import type { Logger } from 'pino';
import { type FamilyTask, loadTask, scoringKindOf } from './familyTask.ts';
import { requireModel } from './models.ts';
import type { FreshSandbox } from './scoring.ts';

/**
 * From a family's folder to a sandbox that is ready. Every step is found done or done again, so that a runner that is
 * started on an existing state folder goes on with the workspace as it stands and never runs `start()` twice.
 */

export interface Provisioned {
  readonly task: FamilyTask;
  readonly sandbox: Sandbox;
  readonly files: WorkspaceFiles;
  readonly socketDir: string;
  /** Host path of the sandbox's own folder. */
  readonly sandboxDir: string;
  /** Whether this is the workspace's first life. */
  readonly isNew: boolean;
  /** The snapshot that it was just brought back from; null where it was not. */
  readonly restoredCommit: string | null;
  readonly createFresh: (name: string) => Promise<FreshSandbox>;
  /** The family's `teardown()` in the participant's sandbox, bounded; what goes wrong in it is logged. */
  readonly tearDown: () => Promise<void>;
  readonly language: LanguageServerPrograms;
}

export interface ProvisionOptions {
  readonly config: RunnerConfig;
  readonly logger: Logger;
  readonly onProgress: (step: string, fraction: number | null) => void;
  /** Each line that a build prints. */
  readonly onBuildLine: (line: string) => void;
  /** Lays the participant's dotfiles in a workspace that was just made. */
  readonly laySetup: (files: WorkspaceFiles) => Promise<void>;
  /** Gets a blob of this attempt from the gateway; the path of this host that it is kept under. */
  readonly fetchBlob: (hash: string) => Promise<string>;
}

export const PYTHON = '/usr/bin/python3';
const HAND_OVER_TIMEOUT_MS = 10 * 60_000;
const FACTS_FILE = 'task.json';
const STARTED_FILE = 'started';
/** What the Task Standard's own host writes for the participant. */
const INSTRUCTIONS_FILE = 'instructions.txt';
/** The shell's start-up file, in the folder that the participant sees. */
export const SHELL_INTEGRATION = 'shell.bash';
export const PORTS_PROGRAM = 'sandboxPorts.py';
const TASK_COMMAND = new URL('../../../packages/taskstandard/python/task', import.meta.url);

/** Prepares everything; rejects with an `AppError` that says which step failed and what to do. */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const { config, onProgress, onBuildLine, logger } = options;
  const { family, settings } = loadTask(config.familyDir, config.task, config.settings);
  const isolation = isolationNamed(config.isolation, config.docker);
  await requireRoot(isolation, family, { settings });

  requireModel(settings, config.model);

  await makeRoom(config, isolation, logger);
  const assets = await layAssets(settings.assets, {
    dir: config.assetsDir,
    onProgress: (step, fraction) => onProgress(step, fraction * 0.1),
  });

  onProgress('Preparing the environment’s packages', 0.1);
  const image = await isolation.prepareImage({
    familyDir: config.familyDir,
    contentHash: family.contentHash,
    imageDir: config.imageDir,
    // The installation's seed is not among them: an image is the same for all who are given it.
    env: secretsNamed(settings.requiredVariables, config.secrets),
    onLog: (line) => {
      logger.info({ line }, 'image');
      onBuildLine(line);
    },
    install: (exec, paths) => installFamily(exec, family, paths.root),
  });

  onProgress('Reading the task', 0.5);
  const socketDir = await laySocketDir(config.stateDir);
  const language = await languageServerPrograms(isolation.name, config.imageDir);
  const base = new SandboxMaker({ config, isolation, imageDir: image.dir, socketDir, assets, language });
  await noteUses(config.stateDir, [image.dir, assets.everyone, assets.scorer, ...language.readOnly.map(({ hostPath }) => hostPath)]);
  // A runner that was killed has left disks mounted and groups behind.
  await endAllLeftovers(config.stateDir);
  await rm(join(config.stateDir, 'fresh'), { recursive: true, force: true });
  const facts = (await readFacts(config.stateDir, family)) ?? (await probe(base, config, family));
  const task: FamilyTask = { family, name: config.task, settings, facts, scoringKind: scoringKindOf(facts) };
  const network = networkOf(facts.permissions);

  onProgress('Creating the sandbox', 0.6);
  const started = join(config.stateDir, STARTED_FILE);
  const isNew = (await readFile(started).catch(() => null)) === null;
  const workspaceDir = join(config.stateDir, 'workspace');
  const sandboxDir = join(config.stateDir, 'sandbox');
  if (isNew) {
    // What a crash left of a `start()` that did not finish is no place to run it again.
    await rm(workspaceDir, { recursive: true, force: true });
    await rm(sandboxDir, { recursive: true, force: true });
  }
  const sandbox = await base.create('main', sandboxDir, workspaceDir, network);
  for (const warning of sandbox.warnings) logger.warn({ warning }, 'the sandbox lacks something');
  try {
    const files = await openWorkspace(sandbox);
    let restoredCommit: string | null = null;
    if (isNew) {
      onProgress('Setting up the task', 0.8);
      await startTask(sandbox, files, task, config.secrets);
      // Before what is brought back, which has them as the participant left them.
      await options.laySetup(files);
      if (config.restore !== null) restoredCommit = await restoreWorkspace(files, config.restore.bundles, options);
      // Once it has started nothing lays the task anew: after a loss of power what it laid is there, and not its names alone.
      await syncFileSystems(config.stateDir, workspaceDir);
      await writeFile(started, '', { mode: 0o600 });
    }
    const tearDown = (of: Sandbox) =>
      tearDownFamily((argv, run) => of.run('scorer', argv, run), task, of.paths.root, config.secrets).catch((error: unknown) =>
        logger.warn({ err: error, sandbox: of.id }, 'the environment could not tear down'),
      );
    const createFresh = async (name: string): Promise<FreshSandbox> => {
      const { discard, ...fresh } = await createStarted(base, name, { task, network, config });
      return { ...fresh, discard: () => tearDown(fresh.sandbox).then(discard) };
    };
    return { task, sandbox, sandboxDir, files, socketDir, isNew, restoredCommit, createFresh, tearDown: () => tearDown(sandbox), language };
  } catch (error) {
    await sandbox.destroy();
    throw error;
  }
}

/** Another sandbox of the same task, in which nobody has worked. */
async function createStarted(
  maker: SandboxMaker,
  name: string,
  { task, network, config }: { task: FamilyTask; network: 'none' | 'internet'; config: RunnerConfig },
): Promise<FreshSandbox> {
  // The sandbox's folder lies no deeper than the main one's siblings: what a dead runner leaves is looked for there.
  const sandboxDir = join(config.stateDir, 'fresh', name);
  const workspaceDir = join(config.stateDir, 'fresh', `${name}.workspace`);
  const sandbox = await maker.create(`fresh-${name}`, sandboxDir, workspaceDir, network);
  const files = await openWorkspace(sandbox);
  const discard = async () => {
    await files.close();
    await sandbox.destroy();
    await rm(sandboxDir, { recursive: true, force: true });
    await rm(workspaceDir, { recursive: true, force: true });
  };
  try {
    await startTask(sandbox, files, task, config.secrets);
  } catch (error) {
    await discard();
    throw error;
  }
  return { sandbox, sandboxDir, files, discard };
}

/** Whoever comes looks after what others left on the host: nobody else is there to do it. */
async function makeRoom({ stateDir, imageDir, assetsDir }: RunnerConfig, isolation: Isolation, logger: Logger): Promise<void> {
  try {
    const removed = await removeUnusedCaches({ runnersDir: dirname(stateDir), imageDir, assetsDir, isolation });
    if (removed.length > 0) logger.info({ removed }, 'what nobody had used for long was removed from this host');
  } catch (error) {
    logger.warn({ err: error }, 'what nobody uses could not be removed from this host');
  }
}

interface MakerOptions {
  readonly config: RunnerConfig;
  readonly isolation: Isolation;
  readonly imageDir: string;
  readonly socketDir: string;
  readonly assets: LaidAssets;
  readonly language: LanguageServerPrograms;
}

/** Creates this attempt's sandboxes, which differ only in their folders and network. */
class SandboxMaker {
  readonly #options: MakerOptions;

  constructor(options: MakerOptions) {
    this.#options = options;
  }

  async create(
    name: string,
    dir: string,
    workspaceDir: string,
    network: 'none' | 'internet',
    diskBytes = this.#options.config.diskBytes,
  ): Promise<Sandbox> {
    const { config, isolation, imageDir, socketDir, assets, language } = this.#options;
    const mounts = assetMounts(assets, isolation.name);
    await mkdir(dir, { recursive: true, mode: 0o711 });
    await mkdir(workspaceDir, { recursive: true, mode: 0o700 });
    return isolation.create({
      id: `${config.attemptId}-${name}`.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64),
      dir,
      workspaceDir,
      imageDir,
      network,
      memoryBytes: config.memoryBytes,
      maxProcesses: config.maxProcesses,
      diskBytes,
      cpus: config.cpus,
      gpuIds: config.gpuIds,
      env: { LANG: 'C.UTF-8', ...mounts.env },
      readOnly: [...mounts.readOnly, ...language.readOnly],
      socketDir,
    });
  }
}

/** Brings back the workspace that was lost with another machine, on top of what the family's start laid: to which commit, or null for none. */
async function restoreWorkspace(
  files: WorkspaceFiles,
  bundles: readonly string[],
  { onProgress, fetchBlob }: ProvisionOptions,
): Promise<string | null> {
  const paths: string[] = [];
  try {
    for (const [index, hash] of bundles.entries()) {
      onProgress(`Bringing back your work, part ${index + 1} of ${bundles.length}`, 0.85);
      paths.push(await fetchBlob(hash));
    }
    return paths.length === 0 ? null : (await files.restoreSnapshots(paths)).commit;
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}

async function startTask(sandbox: Sandbox, files: WorkspaceFiles, task: FamilyTask, secrets: Record<string, string>): Promise<void> {
  await startFamily((argv, options) => sandbox.run('scorer', argv, options), task, sandbox.paths.root, secrets);
  if (!task.facts.keepsOwners) await handOver(sandbox);
  await files.write(INSTRUCTIONS_FILE, `${task.facts.instructions.trimEnd()}\n`, null).catch((error) => {
    // A family may write its own.
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
  });
}

/** Where the scorer is root, all that `start()` made is root's: the participant is to work with it. */
async function handOver(sandbox: Sandbox): Promise<void> {
  if (sandbox.hostUid === null) return;
  const { assets, home } = sandbox.paths;
  const program = [PYTHON, '-I', '-S', join(assets, 'hand_over_workspace.py'), home];
  const done = await sandbox.run('scorer', program, { timeoutMs: HAND_OVER_TIMEOUT_MS, maxOutputBytes: 10_000 });
  if (done.exitCode === 0) return;
  throw new AppError('sandbox_unavailable', 'The workspace could not be given to the participant.', {
    cause: new Error(done.stderr.toString()),
  });
}

/** Asks the family what must be known before its sandbox can be made, in a sandbox without network that is then removed. */
async function probe(maker: SandboxMaker, config: RunnerConfig, family: Family): Promise<TaskFacts> {
  const dir = join(config.stateDir, 'probe');
  const workspaceDir = join(config.stateDir, 'probe.workspace');
  const sandbox = await maker.create('probe', dir, workspaceDir, 'none', null);
  try {
    const exec = (argv: string[], options: Parameters<Sandbox['run']>[2]) => sandbox.run('scorer', argv, options);
    const facts = await askFacts(exec, family, sandbox.paths.root, config.task, config.secrets);
    const path = join(config.stateDir, FACTS_FILE);
    await replaceFile(path, JSON.stringify(facts), 0o600);
    return facts;
  } finally {
    await sandbox.destroy();
    await rm(dir, { recursive: true, force: true });
    await rm(workspaceDir, { recursive: true, force: true });
  }
}

async function readFacts(stateDir: string, family: Family): Promise<TaskFacts | null> {
  const text = await readFile(join(stateDir, FACTS_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  const facts = TaskFacts.parse(JSON.parse(text));
  if (facts.contentHash !== family.contentHash) {
    throw new AppError(
      'sandbox_unavailable',
      'The environment’s files changed since this attempt was prepared. Restore them, or prepare a new attempt.',
    );
  }
  return facts;
}

async function laySocketDir(stateDir: string): Promise<string> {
  const socketDir = join(stateDir, 'run');
  const bin = join(socketDir, 'bin');
  await mkdir(bin, { recursive: true });
  // The participant has another uid on some hosts, and sees this folder alone.
  await chmod(socketDir, 0o755);
  await chmod(bin, 0o755);
  await copyFile(TASK_COMMAND, join(bin, 'task'));
  await chmod(join(bin, 'task'), 0o755);
  const integration = join(socketDir, SHELL_INTEGRATION);
  await copyFile(new URL('./shellIntegration.bash', import.meta.url), integration);
  await chmod(integration, 0o644);
  const ports = join(socketDir, PORTS_PROGRAM);
  await copyFile(new URL('./sandboxPorts.py', import.meta.url), ports);
  await chmod(ports, 0o644);
  return socketDir;
}
