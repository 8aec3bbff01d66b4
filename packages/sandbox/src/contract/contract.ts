import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '../host/waiting.ts';
import type { DockerOptions } from '../isolation/docker/docker.ts';
import type { Isolation, IsolationCapabilities, RunResult, Sandbox, SandboxSpec, View } from '../isolation/isolation.ts';
import { isolationNamed } from '../isolation/isolations.ts';
import { openWorkspace, type WorkspaceFiles } from '../workspace/workspaceFiles.ts';

/** How long what comes at once may take on a machine that does much else. */
export const PATIENCE_MS = 30_000;

/** For a command that its check ends itself. */
export const UNTIL_ENDED_MS = 600_000;

/** One promise of the contract, as a check that throws where it is broken. */
export interface ContractCheck {
  name: string;
  /** Where an isolation does not declare what this proves, it is not run. */
  needs?: (capabilities: IsolationCapabilities) => boolean;
  run: (world: ContractWorld) => Promise<void>;
}

/** An isolation, in words that another process can be given. */
export type ContractChild = { name: 'none' | 'bubblewrap' } | ({ name: 'docker' } & DockerOptions);

export function isolationOf(child: ContractChild): Isolation {
  return isolationNamed(child.name, child.name === 'docker' ? child : null);
}

/** What a check leaves running ends with the check's own clearing up: one that leaves more is not waited for. */
const SETTLED_MS = 2_000;

const MANY_SANDBOXES = 50;
/** Each is three containers and takes seconds on two cores. */
const MANY_CONTAINER_SANDBOXES = 10;

/** Makes sandboxes for checks, and ends them. */
export class ContractWorld {
  readonly isolation: Isolation;
  readonly capabilities: IsolationCapabilities;
  readonly dir: string;
  /** What `child.ts` is told, so that another process can make this isolation. */
  readonly child: ContractChild;
  /** How many sandboxes show whether one leaves something behind. */
  readonly manySandboxes: number;
  readonly #cleanups: ((isKept: boolean) => Promise<void>)[] = [];
  /** What checks take turns with, while none has it. */
  readonly #idle: Sandbox[] = [];
  readonly #ended = new WeakSet<Sandbox>();
  #made = 0;

  private constructor(world: Pick<ContractWorld, 'child' | 'isolation' | 'capabilities' | 'dir' | 'manySandboxes'>) {
    this.child = world.child;
    this.isolation = world.isolation;
    this.capabilities = world.capabilities;
    this.dir = world.dir;
    this.manySandboxes = world.manySandboxes;
  }

  static async open(
    child: ContractChild,
    { manySandboxes = child.name === 'docker' ? MANY_CONTAINER_SANDBOXES : MANY_SANDBOXES } = {},
  ): Promise<ContractWorld> {
    const isolation = isolationOf(child);
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-contract-'));
    const world = new ContractWorld({ child, isolation, capabilities: await isolation.capabilities(), dir, manySandboxes });
    await chmod(dir, 0o755);
    await mkdir(join(dir, 'family'));
    await writeFile(join(dir, 'family', 'family.py'), 'SECRET_OF_THE_SCORER = 1\n');
    return world;
  }

  get familyDir(): string {
    return join(this.dir, 'family');
  }

  async image(): Promise<string> {
    const image = await this.isolation.prepareImage({
      familyDir: this.familyDir,
      contentHash: 'contract-image',
      imageDir: join(this.dir, 'images'),
      install: async () => undefined,
    });
    return image.dir;
  }

  #workspaceDir(id: string): string {
    return join(this.dir, `${id}-workspace`);
  }

  async spec(changes: Partial<SandboxSpec> = {}): Promise<SandboxSpec> {
    const name = `c${process.pid}-${++this.#made}`;
    return {
      id: name,
      dir: join(this.dir, name),
      workspaceDir: this.#workspaceDir(name),
      imageDir: await this.image(),
      network: 'none',
      memoryBytes: 512 * 1024 * 1024,
      maxProcesses: 128,
      diskBytes: null,
      cpus: null,
      gpuIds: [],
      env: {},
      socketDir: join(this.dir, `${name}-run`),
      ...changes,
    };
  }

  async sandbox(changes: Partial<SandboxSpec> = {}): Promise<Sandbox> {
    const sandbox = await this.isolation.create(await this.spec(changes));
    this.later(() => sandbox.destroy());
    return sandbox;
  }

  /**
   * A sandbox as `spec` has it, its workspace and store empty: for promises that its making and its end have no part in, by checks that
   * leave nothing elsewhere. Others had it before, and will have it after this check, unless that fails.
   */
  async sharedSandbox(): Promise<Sandbox> {
    const sandbox = this.#idle.pop() ?? (await this.#makeShared());
    this.later(async (isKept) => {
      if (isKept && (await this.#isAsNew(sandbox))) this.#idle.push(sandbox);
      else await sandbox.destroy();
    });
    return sandbox;
  }

  async #makeShared(): Promise<Sandbox> {
    const sandbox = await this.isolation.create(await this.spec());
    sandbox.onEnded(() => this.#ended.add(sandbox));
    return sandbox;
  }

  /** Whether a check that is over left nothing in it. */
  async #isAsNew(sandbox: Sandbox): Promise<boolean> {
    if (this.#ended.has(sandbox) || sandbox.frozen) return false;
    if (!(await waitUntil(async () => (await sandbox.processes()).length === 0, SETTLED_MS))) return false;
    return this.empty(sandbox).then(
      () => true,
      () => false,
    );
  }

  /** Takes everything out of the workspace and the store, from the host. Node cannot remove what has too long a path. */
  async empty(sandbox: Sandbox): Promise<void> {
    await promisify(execFile)('find', [this.#workspaceDir(sandbox.id), sandbox.storeDir, '-mindepth', '1', '-delete']);
  }

  /** Ends what no check is using: for one that counts what there is. */
  async endShared(): Promise<void> {
    for (const sandbox of this.#idle.splice(0)) await sandbox.destroy();
  }

  async files(sandbox: Sandbox, options: { searchMs?: number } = {}): Promise<WorkspaceFiles> {
    const files = await openWorkspace(sandbox, options);
    this.later(() => files.close());
    return files;
  }

  /** Done at the end of a check, last first, and told whether its promise was kept. */
  later(cleanup: (isKept: boolean) => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  async run(check: ContractCheck): Promise<'kept' | 'not declared'> {
    if (check.needs && !check.needs(this.capabilities)) return 'not declared';
    let isKept = false;
    try {
      await check.run(this);
      isKept = true;
    } finally {
      for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup(isKept);
    }
    return 'kept';
  }

  async close(): Promise<void> {
    await this.endShared();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** A script in a view, with limits that no honest check comes near. */
export function shell(sandbox: Sandbox, view: View, script: string): Promise<RunResult> {
  return sandbox.run(view, ['/bin/sh', '-c', script], { timeoutMs: 60_000, maxOutputBytes: 1 << 20 });
}
