import { createHash, randomUUID } from 'node:crypto';
import { chmod, cp, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { HostInventory, RunnerConfig, SlurmHostSettings } from '@plumbline/protocol';
import { replaceFile } from '@plumbline/storage';
import { z } from 'zod';
import { layAssets } from '../../assets/assetStore.ts';
import { withFileLock } from '../../host/fileLock.ts';
import { runnerEnvironment } from '../../host/hostEnvironment.ts';
import { isFolder, removeFolder } from '../../host/removeFolder.ts';
import { markUsed } from '../../host/unusedCaches.ts';
import { waitUntil } from '../../host/waiting.ts';
import type { RunnerBundle } from '../bundle/runnerBundle.ts';
import {
  attemptFolderName,
  type CheckedPlacement,
  type RunnerHandle,
  type RunnerRequest,
  type RunnerStatus,
  type WarmFamily,
} from '../placement.ts';
import { clusterInventory } from './clusterInventory.ts';
import { attemptNamed, jobName, jobOptions } from './jobOptions.ts';
import { jobScript, type NodePrograms } from './jobScript.ts';
import { ownPrograms, publish, publishBundle, removeUnusedIn } from './nodePrograms.ts';
import { SharedAnswer } from './sharedAnswer.ts';
import { SlurmCommands, type SlurmJob } from './slurmCommands.ts';
import { asideWords, endWords, failedNode, jobsAhead, queueWords } from './words.ts';

/**
 * The runner as a job of a Slurm cluster, which chooses the node and its GPUs. This machine must be one that jobs can be
 * submitted from, and see `sharedDir` by the same path as the nodes. Jobs are found by their names and this installation's
 * folder, so that nothing is lost with this process's memory.
 */

export interface SlurmPlacementOptions {
  readonly settings: SlurmHostSettings;
  /** Packs what a node needs to run a runner; or the runner's program itself, where every node sees it by this path. */
  readonly runner: { readonly bundle: () => Promise<RunnerBundle> } | { readonly entry: string };
}

const SlurmHandle = z.object({ placement: z.literal('slurm'), attemptId: z.string(), jobId: z.string().regex(/^\d+$/) });
type SlurmHandle = z.infer<typeof SlurmHandle>;

/** What an attempt's folder says of the last job that was submitted for it. */
const Record = SlurmHandle.extend({ tokenHash: z.string(), configFile: z.string().optional() });

const RECORD_NAME = 'job.json';
const CONFIG_PREFIX = 'config-';
const LOCK_NAME = 'placement.lock';

/** All attempts are looked after every few seconds: one question to the controller serves them all. */
const LISTING_MS = 1_000;
/** The controller sorts all waiting jobs for this question; a place in the queue may be a little old. */
const QUEUE_MS = 5_000;
const TERM_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 10_000;
/** A node that does not answer is given up by Slurm itself, after its KillWait and UnkillableStepTimeout. */
const CANCEL_TIMEOUT_MS = 120_000;
const ASK_EVERY_MS = 250;

const monotonicMs = () => performance.now();

/**
 * The job that a handle is of. Its number alone does not tell: a controller that lost its state counts from 1 again, and the number is
 * a stranger's by then.
 */
function jobOf(handle: RunnerHandle, jobs: readonly SlurmJob[]): SlurmJob | undefined {
  const { jobId, attemptId } = SlurmHandle.parse(handle);
  return jobs.find(({ id, name }) => id === jobId && name === jobName(attemptId));
}

export function slurmPlacement(options: SlurmPlacementOptions): CheckedPlacement {
  return new SlurmPlacement(options);
}

class SlurmPlacement implements CheckedPlacement {
  readonly name = 'slurm';
  readonly #options: SlurmPlacementOptions;
  readonly #slurm: SlurmCommands;
  readonly #jobs: SharedAnswer<SlurmJob[]>;
  readonly #queues = new Map<string, SharedAnswer<SlurmJob[]>>();

  constructor(options: SlurmPlacementOptions) {
    this.#options = options;
    const { slurmConf } = options.settings;
    this.#slurm = new SlurmCommands({ ...runnerEnvironment(), ...(slurmConf === null ? {} : { SLURM_CONF: slurmConf }) });
    this.#jobs = new SharedAnswer(() => this.#slurm.ownJobs(), monotonicMs);
  }

  async start(request: RunnerRequest): Promise<RunnerHandle> {
    const dir = this.#attemptDir(request.attemptId);
    // Others may walk through: a sandbox's own user reaches the workspace, and nothing that it could list.
    await mkdir(dir, { recursive: true, mode: 0o711 });
    return withFileLock(join(dir, LOCK_NAME), async () => {
      const tokenHash = createHash('sha256').update(request.token).digest('hex');
      const record = await this.#record(request.attemptId);
      const alive = (await this.#jobsOf(request.attemptId)).find((job) => endWords(job) === null);
      if (alive !== undefined) {
        // The same start once more: whoever asked first did not hear the answer.
        if (record?.jobId === alive.id && record.tokenHash === tokenHash) return SlurmHandle.parse(record);
        throw new AppError('conflict', 'A job of this attempt waits or runs in Slurm already. Stop it first.');
      }
      return this.#submit(request, dir, tokenHash);
    });
  }

  async #submit(request: RunnerRequest, dir: string, tokenHash: string): Promise<SlurmHandle> {
    const { settings } = this.#options;
    const { familyHash, resources: _resources, ...rest } = request;
    const base = settings.nodeDir ?? settings.sharedDir;
    const config: RunnerConfig = {
      ...rest,
      gatewayUrl: settings.gatewayUrl ?? request.gatewayUrl,
      familyDir: await this.#publishFamily(request.familyDir, familyHash),
      stateDir: this.#stateDir(request.attemptId),
      imageDir: join(base, 'images'),
      assetsDir: join(base, 'assets'),
    };
    const programs = await this.#programs();
    for (const name of await readdir(dir)) if (name.startsWith(CONFIG_PREFIX)) await rm(join(dir, name), { force: true });
    const configFile = join(dir, `${CONFIG_PREFIX}${randomUUID()}.json`);
    await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
    const logFile = join(dir, 'runner.log');
    await (await open(logFile, 'a', 0o600)).close();
    const script = jobScript({
      configFile,
      stateDir: config.stateDir,
      keepsStateDir: settings.nodeDir === null,
      launchScript: settings.launchScript,
      programs,
    });
    const jobId = await this.#slurm
      .submit(jobOptions(settings, request, { dir, logFile }), script)
      .catch((error: unknown) => this.#takenAllTheSame(request.attemptId, configFile, error));
    const handle: SlurmHandle = { placement: 'slurm', attemptId: request.attemptId, jobId };
    try {
      const path = join(dir, RECORD_NAME);
      await replaceFile(path, JSON.stringify({ ...handle, tokenHash, configFile }), 0o600);
    } catch (cause) {
      await this.#slurm.cancel(jobId);
      await rm(configFile, { force: true });
      throw new AppError(
        'sandbox_unavailable',
        `The shared folder ${settings.sharedDir} cannot be written to. Check that it is mounted here and has room.`,
        { cause },
      );
    }
    return handle;
  }

  /**
   * The number of a job that Slurm has though its answer was not heard, from a busy controller for one: without its config it would wait
   * for its turn, and then fail. Throws `error` where there is no such job; where that cannot be known, the config stays until the next start.
   */
  async #takenAllTheSame(attemptId: string, configFile: string, error: unknown): Promise<string> {
    const jobs = await this.#jobsOf(attemptId).catch(() => {
      throw error;
    });
    const job = jobs.find((one) => endWords(one) === null);
    if (job !== undefined) return job.id;
    await rm(configFile, { force: true });
    throw error;
  }

  async #programs(): Promise<NodePrograms> {
    const { settings, runner } = this.#options;
    const programs = 'entry' in runner ? ownPrograms(runner.entry) : await publishBundle(await runner.bundle(), settings.sharedDir);
    return settings.nodePath === null ? programs : { ...programs, node: settings.nodePath };
  }

  /** Copies a family to where every node sees it, once for each content. */
  async #publishFamily(familyDir: string, familyHash: string): Promise<string> {
    const families = join(this.#options.settings.sharedDir, 'families');
    const target = join(families, familyHash);
    if (await markUsed(target)) return target;
    await mkdir(families, { recursive: true, mode: 0o711 });
    const partial = join(families, `.${familyHash}.${randomUUID()}`);
    await cp(familyDir, partial, { recursive: true, verbatimSymlinks: true });
    await chmod(partial, 0o755);
    await publish(partial, target);
    await removeUnusedIn(families);
    return target;
  }

  async status(handle: RunnerHandle): Promise<RunnerStatus> {
    const { jobId } = SlurmHandle.parse(handle);
    const job = jobOf(handle, await this.#jobs.recent(LISTING_MS)) ?? jobOf(handle, await this.#jobs.fresh());
    const folderKept = this.#options.settings.nodeDir === null;
    if (job === undefined) return { state: 'gone', cause: `Slurm’s job ${jobId} ended some time ago.`, folderKept };
    const cause = endWords(job);
    if (cause !== null) {
      const node = failedNode(job, await this.#hasBegun(handle.attemptId, job));
      return { state: 'gone', cause, folderKept, ...(node === null ? {} : { failedNode: node }) };
    }
    const aside = asideWords(job);
    if (aside !== null) return { state: 'queued', reason: aside, ahead: null };
    if (job.state !== 'PENDING' && job.state !== 'CONFIGURING') return { state: 'running' };
    const ahead = job.state === 'PENDING' ? jobsAhead(job, await this.#queue(job.partitions)) : null;
    return { state: 'queued', reason: queueWords(job, ahead), ahead };
  }

  async stop(handle: RunnerHandle): Promise<void> {
    const { jobId } = SlurmHandle.parse(handle);
    const find = async () => jobOf(handle, await this.#jobs.fresh());
    const ended = async () => {
      const job = await find();
      return job === undefined || endWords(job) !== null;
    };
    const job = await find();
    if (job === undefined || endWords(job) !== null) return;
    if (job.state === 'RUNNING') {
      // Cancelling would leave a runner that does not listen the cluster's KillWait; the job's own script is faster.
      await this.#slurm.signal(jobId, 'TERM');
      if (await this.#until(ended, TERM_TIMEOUT_MS)) return;
      await this.#slurm.signal(jobId, 'USR2');
      if (await this.#until(ended, KILL_TIMEOUT_MS)) return;
    }
    await this.#slurm.cancel(jobId);
    if (await this.#until(ended, CANCEL_TIMEOUT_MS)) return;
    throw new AppError('unavailable', `Slurm has not ended job ${jobId} yet.`);
  }

  async #until(ended: () => Promise<boolean>, withinMs: number): Promise<boolean> {
    const untilMs = performance.now() + withinMs;
    while (performance.now() < untilMs) {
      if (await ended()) return true;
      await waitUntil(() => false, ASK_EVERY_MS);
    }
    return false;
  }

  async find(attemptId: string): Promise<RunnerHandle | null> {
    const jobs = await this.#jobsOf(attemptId);
    const newest = jobs.reduce<SlurmJob | null>((last, job) => (last === null || Number(job.id) > Number(last.id) ? job : last), null);
    // Slurm forgets a job minutes after its end; the folder still names it.
    if (newest === null) {
      const record = await this.#record(attemptId);
      return record === null ? null : SlurmHandle.parse(record);
    }
    return { placement: 'slurm', attemptId, jobId: newest.id };
  }

  async list(): Promise<RunnerHandle[]> {
    const ours = (await this.#jobs.fresh()).filter((job) => this.#attemptOf(job) !== null && endWords(job) === null);
    return ours.map((job) => ({ placement: 'slurm', attemptId: this.#attemptOf(job) ?? '', jobId: job.id }));
  }

  /** What lies on a node's own disk went with its job. */
  async remove(attemptId: string): Promise<void> {
    const dir = this.#attemptDir(attemptId);
    if (!(await isFolder(dir))) return;
    const work = async () => {
      if ((await this.#jobsOf(attemptId)).some((job) => endWords(job) === null)) {
        throw new AppError('conflict', 'A job of this attempt still waits or runs in Slurm.');
      }
      if (this.#options.settings.nodeDir === null) await removeFolder(this.#stateDir(attemptId));
      await removeFolder(dir);
    };
    await withFileLock(join(dir, LOCK_NAME), work).catch(async (error: unknown) => {
      // Somebody else removed it, and with it the lock.
      if (await isFolder(dir)) throw error;
    });
  }

  inspect(): Promise<HostInventory> {
    return clusterInventory(this.#slurm, this.#options.settings);
  }

  async warm({ familyDir, familyHash, assets }: WarmFamily): Promise<void> {
    const { nodeDir, sharedDir } = this.#options.settings;
    await this.#publishFamily(familyDir, familyHash);
    await this.#programs();
    if (assets.length === 0) return;
    if (nodeDir !== null) {
      throw new AppError(
        'conflict',
        'Each node fetches data into its own folder when it needs it. Leave the node folder out to have it fetched once.',
      );
    }
    await layAssets(assets, { dir: join(sharedDir, 'assets') });
  }

  async close(): Promise<void> {}

  #attemptDir(attemptId: string): string {
    return join(this.#options.settings.sharedDir, 'jobs', attemptFolderName(attemptId));
  }

  /** The runner's own folder, as a path of the node. */
  #stateDir(attemptId: string): string {
    const { nodeDir, sharedDir } = this.#options.settings;
    return join(nodeDir ?? sharedDir, 'runners', attemptFolderName(attemptId));
  }

  /** The attempt that a job of this installation is for; null for any other job. */
  #attemptOf(job: SlurmJob): string | null {
    const attemptId = attemptNamed(job.name);
    return attemptId !== null && job.workDir === join(this.#options.settings.sharedDir, 'jobs', attemptId) ? attemptId : null;
  }

  async #jobsOf(attemptId: string): Promise<SlurmJob[]> {
    return (await this.#jobs.fresh()).filter((job) => this.#attemptOf(job) === attemptId);
  }

  async #record(attemptId: string): Promise<z.infer<typeof Record> | null> {
    const text = await readFile(join(this.#attemptDir(attemptId), RECORD_NAME), 'utf8').catch(() => null);
    return text === null ? null : Record.parse(JSON.parse(text));
  }

  /** Whether a job's script ran: the first that it does is to take its config. */
  async #hasBegun(attemptId: string, { id }: SlurmJob): Promise<boolean> {
    const record = await this.#record(attemptId);
    if (record?.jobId !== id || record.configFile === undefined) return true;
    return (await stat(record.configFile).catch(() => null)) === null;
  }

  #queue(partitions: readonly string[]): Promise<SlurmJob[]> {
    const key = partitions.join(',');
    const queue = this.#queues.get(key) ?? new SharedAnswer(() => this.#slurm.pendingJobs(partitions), monotonicMs);
    this.#queues.set(key, queue);
    return queue.recent(QUEUE_MS);
  }
}
