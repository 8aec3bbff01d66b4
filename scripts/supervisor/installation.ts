/** One supervisor per data folder, and what a killed one left: `supervisor.json` names it and its children. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, identify, isRunning, type ProcessIdentity } from './processIdentity.ts';

/** A supervisor that is about to end holds the lock this long at most: its children's patience, then PostgreSQL's. */
const TAKE_OVER_LIMIT_MS = 30_000;
const LEFTOVER_PATIENCE_MS = 5000;
/** A runner freezes nothing and saves nothing on the way out that its journal does not hold already. */
const RUNNER_PATIENCE_MS = 10_000;

interface SupervisorFile extends ProcessIdentity {
  url: string;
  stopping: boolean;
  children: (ProcessIdentity & { name: string })[];
}

function readJson<Shape>(path: string): Shape | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Shape;
  } catch {
    return null;
  }
}

export class Installation {
  readonly #dataDir: string;
  readonly #file: string;
  readonly #state: SupervisorFile;
  #lock: Server | undefined;

  constructor(dataDir: string, url: string) {
    this.#dataDir = dataDir;
    this.#file = join(dataDir, 'supervisor.json');
    this.#state = { ...(identify(process.pid) as ProcessIdentity), url, stopping: false, children: [] };
  }

  /** Takes the data folder for this process. Throws when another supervisor has it and means to keep it. */
  async claim(): Promise<void> {
    const deadline = performance.now() + TAKE_OVER_LIMIT_MS;
    let waited = false;
    while (!(await this.#takeLock())) {
      const owner = readJson<SupervisorFile>(this.#file);
      if (!owner?.stopping || performance.now() > deadline) {
        const who = owner && isRunning(owner) ? `process ${owner.pid}, ${owner.url}` : 'another process';
        throw new Error(
          `Plumbline runs already on ${this.#dataDir} (${who}). Stop that one with Ctrl-C, ` +
            'or give this one a folder and ports of its own: PLUMBLINE_DATA_DIR, PORT and GATEWAY_PORT.',
        );
      }
      if (!waited) console.log('The earlier Plumbline is still stopping; waiting for it …');
      waited = true;
      await sleep(100);
    }
    const left = readJson<SupervisorFile>(this.#file);
    for (const child of left?.children ?? []) {
      // A server that is left runs on: it is adopted, which saves its recovery.
      if (child.name === 'postgres' || !isRunning(child)) continue;
      console.log(`Ending ${child.name} (process ${child.pid}), which an earlier Plumbline left when it was killed.`);
      await endProcess(child, LEFTOVER_PATIENCE_MS);
    }
    this.#write();
  }

  /** Remembers the process that now does `name`'s work, for a start after this supervisor was killed. */
  remember(name: string, identity: ProcessIdentity): void {
    this.#state.children = [...this.#state.children.filter((child) => child.name !== name), { ...identity, name }];
    this.#write();
  }

  /** From now on a new start waits for this one's end instead of giving up. */
  announceStop(): void {
    this.#state.stopping = true;
    this.#write();
  }

  release(): void {
    rmSync(this.#file, { force: true });
    this.#lock?.close();
  }

  /**
   * Ends every runner of this data folder, and what one left that had died before. Their attempts go on, with the time given back,
   * when Plumbline starts again.
   */
  async endRunners(): Promise<void> {
    const { endAllLeftovers } = await import('@plumbline/sandbox/isolation/sandboxState');
    const runnersDir = join(this.#dataDir, 'runners');
    const ids = existsSync(runnersDir) ? readdirSync(runnersDir) : [];
    await Promise.all(
      ids.map(async (id) => {
        const runner = readJson<ProcessIdentity>(join(runnersDir, id, 'runner.json'));
        if (runner?.pid && runner.startTime) await endProcess({ pid: runner.pid, startTime: String(runner.startTime) }, RUNNER_PATIENCE_MS);
        await endAllLeftovers(join(runnersDir, id)).catch((error: Error) =>
          console.error(`The sandbox of ${id} could not be cleared up: ${error.message}`),
        );
      }),
    );
  }

  // An abstract socket: the kernel gives it to one process and takes it back when that one dies, whatever way.
  #takeLock(): Promise<boolean> {
    const name = createHash('sha256').update(this.#dataDir).digest('hex').slice(0, 32);
    const server = createServer((socket) => socket.destroy());
    return new Promise((done, fail) => {
      server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? done(false) : fail(error)));
      server.listen(`\0plumbline-${name}`, () => {
        server.unref();
        this.#lock = server;
        done(true);
      });
    });
  }

  #write(): void {
    const written = `${this.#file}.${process.pid}`;
    writeFileSync(written, JSON.stringify(this.#state, null, 2), { mode: 0o600 });
    renameSync(written, this.#file);
  }
}
