import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureLocalHost, getHost, LOCAL_HOST_NAME, loadAttempt, moveAttempt, startAttempt } from '@plumbline/database';
import { type HostInventory, RunnerConfig } from '@plumbline/protocol';
import { loadRecordingKeys } from '@plumbline/recording';
import { localPlacement, type Placement, type RunnerHandle } from '@plumbline/sandbox';
import { folderStore } from '@plumbline/storage';
import {
  exampleSettings,
  FakeClock,
  makeAttempt,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  testDatabase,
} from '@plumbline/testing';
import { pino } from 'pino';
import { expect } from 'vitest';
import { HostReach } from './hostReach.ts';
import { provision } from './provision.ts';
import { reconcile } from './reconcile.ts';
import { notedRunner } from './runners.ts';
import { UnusedGrants } from './unusedGrants.ts';
import type { Worker } from './worker.ts';

/** A program with the life of a runner and none of its work: takes its config, notes it, and lives until it is told to end. */
const RUNNER = `
import { writeFileSync } from 'node:fs';
let text = '';
for await (const chunk of process.stdin) text += chunk;
writeFileSync('config.json', text);
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1000);
`;

export const SETTINGS = exampleSettings({ resources: { memory_gb: 2 } });

/** This machine, as its check finds it. */
export const INVENTORY: HostInventory = {
  gpus: [],
  cpus: 2,
  memoryBytes: 8 * 1024 ** 3,
  diskFreeBytes: null,
  diskWriteBytesPerSecond: null,
  clockOffsetMs: null,
  clockUncertaintyMs: null,
  nodes: null,
  kernel: '6.1.0',
  isolation: { name: 'none', capabilities: { gpus: true } },
  problems: [],
};

/** A worker on a database of its own, which starts real processes in the place of runners. */
export class WorkerRig {
  readonly worker: Worker;
  readonly folder: string;
  readonly clock: FakeClock;
  readonly placement: Placement;
  readonly #removed: () => Promise<void>;

  private constructor(parts: Pick<WorkerRig, 'worker' | 'folder' | 'clock' | 'placement'>, removed: () => Promise<void>) {
    this.worker = parts.worker;
    this.folder = parts.folder;
    this.clock = parts.clock;
    this.placement = parts.placement;
    this.#removed = removed;
  }

  static async open(): Promise<WorkerRig> {
    const testing: TestDatabase = await testDatabase({ poolMax: 20 });
    const folder: TemporaryFolder = await temporaryFolder();
    const runnerEntry = join(folder.path, 'runner.mjs');
    await writeFile(runnerEntry, RUNNER);
    const clock = new FakeClock();
    const local = localPlacement({
      runnerEntry,
      runnersDir: join(folder.path, 'runners'),
      imageDir: join(folder.path, 'images'),
      assetsDir: join(folder.path, 'assets'),
    });
    // A plain object, so that a test can spread it and break one of its acts.
    const placement: Placement = {
      name: local.name,
      start: (request) => local.start(request),
      status: (handle) => local.status(handle),
      stop: (handle) => local.stop(handle),
      find: (id) => local.find(id),
      list: () => local.list(),
      remove: (id) => local.remove(id),
    };
    const worker: Worker = {
      db: testing.db,
      placementOf: () => placement,
      inspectThisHost: async () => INVENTORY,
      store: folderStore(join(folder.path, 'store')),
      keys: await loadRecordingKeys(join(folder.path, 'keys')),
      clock,
      log: pino({ level: 'silent' }),
      host: {
        gatewayUrl: 'ws://127.0.0.1:4801/realtime/runner',
        publicGatewayUrl: 'wss://plumbline.example.org/realtime/runner',
        environmentsDir: '/opt/environments',
        isolation: 'none',
        docker: { baseImage: 'python:3.11', socketPath: '/var/run/docker.sock' },
        secretsFile: null,
        model: null,
      },
      workspaceRetentionMs: 30 * 24 * 3_600_000,
      timestampUrl: null,
    };
    await ensureLocalHost(testing.db, 'none');
    return new WorkerRig({ worker, folder: folder.path, clock, placement }, async () => {
      await testing.drop();
      await folder.remove();
    });
  }

  async close(): Promise<void> {
    for (const handle of await this.placement.list()) await this.placement.stop(handle);
    await this.#removed();
  }

  async scheduled(study: object = {}): Promise<{ id: string; userId: string }> {
    const { attempt, expert } = await makeAttempt(this.worker.db, { study, environmentSettings: SETTINGS });
    return { id: attempt.id, userId: expert.id };
  }

  /** An attempt whose runner lives, in `provisioning`. */
  async provisioned(): Promise<{ id: string; userId: string; runner: RunnerHandle }> {
    const { id, userId } = await this.scheduled();
    await moveAttempt(this.worker.db, id, 'provisioning');
    return { id, userId, runner: await this.provision(id) };
  }

  /** An attempt whose runner lives and whose clock runs. */
  async started(): Promise<{ id: string; userId: string; runner: RunnerHandle }> {
    const made = await this.provisioned();
    await moveAttempt(this.worker.db, made.id, 'ready');
    await startAttempt(this.worker.db, made.id, made.userId);
    return made;
  }

  /** Runs the job that starts an attempt's runner, and gives the runner that is noted then. */
  async provision(id: string): Promise<RunnerHandle> {
    await provision(this.worker, { attemptId: id });
    const handle = await this.handleOf(id);
    if (handle === null) throw new Error(`The attempt ${id} has no runner.`);
    return handle;
  }

  /** Compares a host, this machine unless another is named, with its leases. */
  async reconcile({
    worker = this.worker,
    name = LOCAL_HOST_NAME,
    reach = new HostReach(worker),
    unused = new UnusedGrants(),
  } = {}): Promise<void> {
    await reconcile(worker, await getHost(worker.db, name), { reach, unused });
  }

  /** Lets the clock of an attempt have begun `ms` earlier, and its snapshots lie as much earlier, its gateway alive. */
  async back(id: string, ms: number): Promise<void> {
    const { pool } = this.worker.db;
    await pool.query(
      `UPDATE clock_event SET at = at - $2 * interval '1 millisecond', data = CASE WHEN kind <> 'outage' THEN data
         ELSE data || jsonb_build_object('fromMs', (data->>'fromMs')::float8 - $2, 'toMs', (data->>'toMs')::float8 - $2) END
       WHERE attempt_id = $1`,
      [id, ms],
    );
    await pool.query(`UPDATE workspace_snapshot SET at = at - $2 * interval '1 millisecond' WHERE attempt_id = $1`, [id, ms]);
    await pool.query(
      `UPDATE attempt SET deadline_at = deadline_at - $2 * interval '1 millisecond', link_heartbeat_at = clock_timestamp() WHERE id = $1`,
      [id, ms],
    );
  }

  async lives(handle: RunnerHandle): Promise<boolean> {
    return (await this.placement.status(handle)).state === 'running';
  }

  async kill(handle: RunnerHandle): Promise<void> {
    process.kill(Number(handle.pid), 'SIGKILL');
    await expect.poll(() => this.lives(handle)).toBe(false);
  }

  /** The kinds of an attempt's clock events, in order. */
  async kinds(id: string): Promise<string[]> {
    return (await loadAttempt(this.worker.db, id)).events.map((event) => event.kind);
  }

  async handleOf(id: string): Promise<RunnerHandle | null> {
    return (await notedRunner(this.worker, (await loadAttempt(this.worker.db, id)).runnerPlacement))?.handle ?? null;
  }

  /** What a runner was started with, once it has noted it. */
  async configOf(id: string): Promise<RunnerConfig> {
    const path = join(this.folder, 'runners', id, 'config.json');
    await expect.poll(() => existsSync(path)).toBe(true);
    await expect.poll(async () => (await readFile(path, 'utf8')).length).toBeGreaterThan(10);
    return RunnerConfig.parse(JSON.parse(await readFile(path, 'utf8')));
  }
}
