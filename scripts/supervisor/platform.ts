/** The processes of one installation and the order in which they come and go. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { embeddedSocketDir, type Settings } from '@plumbline/config';
import type { EmbeddedPostgres } from '@plumbline/database/embedded';
import { Child, type ChildOptions, RESTART_WAITS_MS } from './child.ts';
import { generateClient } from './generateClient.ts';
import { Installation } from './installation.ts';
import { LogTail } from './logTail.ts';
import { identify } from './processIdentity.ts';
import { startAgain } from './startAgain.ts';
import { ensureSystemPackages, ensureUserNamespaces, requirementsOf } from './systemPackages.ts';
import { UpgradeRelay } from './upgradeRelay.ts';
import { buildWeb } from './webBuild.ts';

/** A cold `next dev` compiles the first page in this time with room to spare. */
const HEALTH_LIMIT_MS = 120_000;
const HEALTH_POLL_MS = 150;
const DATABASE_LIMIT_MS = 30_000;

export interface PlatformOptions {
  root: string;
  settings: Settings;
  /** What the children inherit below their settings. */
  env: NodeJS.ProcessEnv;
  development: boolean;
  /** Aborts the start, or ends the waiting, when somebody asks to stop. */
  signal: AbortSignal;
}

export class Platform {
  readonly #options: PlatformOptions;
  readonly #installation: Installation;
  readonly #tail: LogTail;
  readonly #version: string;
  #children: Child[] = [];
  #postgres: EmbeddedPostgres | undefined;
  #postgresRestart: Promise<void> = Promise.resolve();
  readonly #noRestart = new AbortController();
  #stopping = false;

  constructor(options: PlatformOptions) {
    this.#options = options;
    this.#installation = new Installation(options.settings.dataDir, options.settings.publicUrl);
    this.#tail = new LogTail(options.development);
    this.#version = versionOf(options.root, options.settings.version);
  }

  /** Takes the data folder. Throws when another supervisor has it. */
  claim(): Promise<void> {
    return this.#installation.claim();
  }

  /** Returns when the first page can be opened. */
  async start(): Promise<void> {
    const startedMs = performance.now();
    const { root, settings, development, signal } = this.#options;
    ensureSystemPackages(requirementsOf(settings.isolation));
    if (settings.isolation === 'bubblewrap') ensureUserNamespaces();
    await assertPortIsFree('PORT', settings.port, settings.host);
    await assertPortIsFree('GATEWAY_PORT', settings.gatewayPort, '127.0.0.1');
    await generateClient(root, signal);
    signal.throwIfAborted();
    await Promise.all([development ? undefined : buildWeb(root, settings.gatewayPort, signal), this.#startDatabase()]);
    signal.throwIfAborted();
    const accounts = await this.#prepareDatabase();
    signal.throwIfAborted();
    this.#startChildren();
    await this.#untilHealthy();
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`\nPlumbline ${this.#version} is up after ${seconds} s: ${settings.publicUrl}`);
    for (const line of accounts) console.log(line);
    console.log('Ctrl-C stops it.\n');
  }

  untilStopped(): Promise<void> {
    const { signal } = this.#options;
    return new Promise((done) => {
      if (signal.aborted) done();
      // Children and files keep the event loop alive only while they have news; this keeps it between.
      const alive = setInterval(() => {}, 60_000);
      signal.addEventListener('abort', () => {
        clearInterval(alive);
        done();
      });
    });
  }

  /** Web, gateway, worker; then runners; then PostgreSQL: nobody loses the one it talks to while it says its last word. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#noRestart.abort();
    this.#installation.announceStop();
    console.log('Stopping …');
    for (const child of this.#children) await child.stop();
    await this.#installation.endRunners();
    // One that is being started would be left behind.
    await this.#postgresRestart;
    await this.#postgres?.stop();
    this.#tail.stop();
    this.#installation.release();
    console.log('Stopped.');
  }

  async #startDatabase(): Promise<void> {
    const { settings } = this.#options;
    if (!settings.databaseEmbedded) return;
    const { startEmbeddedPostgres } = await import('@plumbline/database/embedded');
    const server = await startEmbeddedPostgres({ dataDir: settings.dataDir, socketDir: embeddedSocketDir(settings.dataDir) });
    this.#postgres = server;
    const identity = identify(server.pid);
    if (identity) this.#installation.remember('postgres', identity);
    void server.exited.then(() => this.#databaseEnded(server));
  }

  #databaseEnded(server: EmbeddedPostgres): void {
    if (this.#stopping || this.#postgres !== server) return;
    console.log('postgres| ended and is started again.');
    this.#postgresRestart = startAgain(() => this.#startDatabase(), {
      waitsMs: RESTART_WAITS_MS,
      signal: this.#noRestart.signal,
      onFailed: ({ message }) => console.error(`postgres| ${message}`),
    });
  }

  async #prepareDatabase(): Promise<string[]> {
    const { settings, signal } = this.#options;
    const { applyMigrations } = await import('@plumbline/database/migrate');
    const deadline = performance.now() + DATABASE_LIMIT_MS;
    for (;;) {
      try {
        const applied = await applyMigrations(settings.databaseUrl);
        if (applied.length > 0) console.log(`Applied ${applied.length} migration${applied.length === 1 ? '' : 's'}.`);
        break;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // A server that is not there yet, or still starting up (57P03).
        if (!['ECONNREFUSED', 'ENOENT', '57P03'].includes(code ?? '') || performance.now() > deadline) throw error;
        await sleep(500, undefined, { signal });
      }
    }
    const { seed } = await import('../../prisma/seed/index.ts');
    return seed({ databaseUrl: settings.databaseUrl, scenario: settings.seed, folders: settings.dirs });
  }

  #startChildren(): void {
    const { root, settings, env, development } = this.#options;
    const next = join(root, 'node_modules/next/dist/bin/next');
    const watch = development ? ['--watch', '--watch-preserve-output'] : [];
    // In development others stand between the supervisor and the two: Next's and Node's own watchers.
    const relay = development ? null : new UpgradeRelay();
    const preload = relay === null ? [] : ['--import', pathToFileURL(join(import.meta.dirname, 'webPreload.ts')).href];
    const commands: Pick<ChildOptions, 'name' | 'args' | 'cwd' | 'onChannel'>[] = [
      {
        name: 'gateway',
        args: [...watch, join(root, 'apps/gateway/src/main.ts')],
        cwd: root,
        onChannel: relay?.gatewayStarted.bind(relay),
      },
      { name: 'worker', args: [...watch, join(root, 'apps/worker/src/main.ts')], cwd: root },
      {
        name: 'web',
        args: [...preload, next, development ? 'dev' : 'start', '--port', String(settings.port), '--hostname', settings.host],
        cwd: join(root, 'apps/web'),
        onChannel: relay?.webStarted.bind(relay),
      },
    ];
    const childEnv: NodeJS.ProcessEnv = {
      ...env,
      PORT: String(settings.port),
      HOST: settings.host,
      PUBLIC_URL: settings.publicUrl,
      GATEWAY_PORT: String(settings.gatewayPort),
      PORTS_URL: settings.portsUrl ?? '',
      DATABASE_URL: settings.databaseUrl,
      PLUMBLINE_DATA_DIR: settings.dataDir,
      PLUMBLINE_ISOLATION: settings.isolation,
      PLUMBLINE_DOCKER_BASE_IMAGE: settings.docker.baseImage,
      PLUMBLINE_DOCKER_SOCKET: settings.docker.socketPath,
      PLUMBLINE_SEED: settings.seed,
      PLUMBLINE_VERSION: this.#version,
      LOG_LEVEL: settings.logLevel,
      NODE_ENV: settings.nodeEnv,
      NEXTAUTH_URL: settings.publicUrl,
      NEXT_TELEMETRY_DISABLED: '1',
    };
    const started = commands.map((command) => {
      const child = new Child({
        ...command,
        env: childEnv,
        logsDir: settings.dirs.logs,
        onStarted: (identity) => this.#installation.remember(command.name, identity),
        onDied: (message) => console.log(`${command.name.padEnd(8)}| ${message}`),
      });
      this.#tail.follow(command.name, child.logFile);
      child.start();
      return child;
    });
    // Stopped in this order.
    this.#children = [started[2], started[0], started[1]] as Child[];
  }

  async #untilHealthy(): Promise<void> {
    const { settings, signal } = this.#options;
    const host = ['0.0.0.0', '::'].includes(settings.host) ? '127.0.0.1' : settings.host;
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${settings.port}/api/health`;
    const deadline = performance.now() + HEALTH_LIMIT_MS;
    let reason = 'nothing answers';
    while (performance.now() < deadline) {
      signal.throwIfAborted();
      try {
        const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(30_000) });
        if (answer.status === 200) return;
        reason = `${answer.status} ${(await answer.text()).slice(0, 500)}`;
      } catch (error) {
        reason = (error as Error).message;
      }
      await sleep(HEALTH_POLL_MS);
    }
    throw new Error(`Plumbline did not become healthy: ${reason}\nThe processes' logs are in ${settings.dirs.logs}`);
  }
}

/** The version with the commit that runs, where there is a checkout to tell. */
function versionOf(root: string, version: string): string {
  if (version.includes('+') || !existsSync(join(root, '.git'))) return version;
  try {
    const options = { cwd: root, encoding: 'utf8' as const, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };
    return `${version}+${execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim()}`;
  } catch {
    return version;
  }
}

function assertPortIsFree(setting: string, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on: ${error.message}`;
      fail(new Error(`Port ${port} of ${host} ${why}. Choose another one with ${setting}, for example ${setting}=${port + 1}.`));
    });
    server.listen(port, host, () => server.close(() => done()));
  });
}
