/**
 * PostgreSQL from an npm package, on a private Unix socket and nothing else. The server is a process in a session of its own,
 * so that a terminal's Ctrl-C does not reach it; a server that outlived its starter is adopted, and what a killed one left is repaired.
 */
import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { firstBlockedFolder, type SystemUser, serverPrograms, serverUser } from './embeddedBinaries.ts';

const SOCKET_NAME = '.s.PGSQL.5432';
const DATABASE = 'plumbline';
/** Recovery after a kill replays the log since the last checkpoint: seconds, rarely more. */
const START_LIMIT_MS = 60_000;
const FAST_STOP_LIMIT_MS = 20_000;
const POLL_MS = 20;

export interface EmbeddedPostgresOptions {
  /** The installation's data folder: the server uses `postgres/` and `logs/postgres.log` in it. */
  dataDir: string;
  /** Where its socket lies; made private. Its path is at most 90 bytes long. */
  socketDir: string;
  /** False trades safety against power loss, not against a kill, for speed; for tests. */
  durable?: boolean;
  maxConnections?: number;
}

export interface EmbeddedPostgres {
  /** Of the database `plumbline`, which exists. */
  readonly url: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** True when the server was already running. */
  readonly adopted: boolean;
  /** Resolves when the server has ended, asked or not. */
  readonly exited: Promise<void>;
  /** Ends the server without waiting for clients to leave. */
  stop(): Promise<void>;
}

interface Places {
  root: string;
  cluster: string;
  socketDir: string;
  logFile: string;
  user: SystemUser | null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie answers signals too; it is gone all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A postmaster works in its cluster's folder, so this cannot mistake another process that was given the same number. */
function runsIn(pid: number, cluster: string): boolean {
  try {
    return isAlive(pid) && readlinkSync(`/proc/${pid}/cwd`) === cluster;
  } catch {
    return false;
  }
}

function pidInFile(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8').split('\n')[0] ?? '', 10);
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function makeFolder(path: string, mode: number, owner: SystemUser | null): void {
  mkdirSync(path, { recursive: true, mode });
  const stat = lstatSync(path);
  const uid = owner?.uid ?? process.getuid?.() ?? 0;
  if (!stat.isDirectory() || (stat.uid !== uid && process.getuid?.() !== 0)) {
    throw new Error(`${path} belongs to somebody else. Remove it, or set PLUMBLINE_DATA_DIR to a folder of your own.`);
  }
  if (owner && stat.uid !== owner.uid) chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
}

function preparePlaces({ dataDir, socketDir }: EmbeddedPostgresOptions): Places {
  const user = serverUser();
  const root = join(resolve(dataDir), 'postgres');
  mkdirSync(resolve(dataDir), { recursive: true });
  if (user) {
    // Passing through the data folder gives nothing away: each folder in it has its own mode.
    const { mode } = lstatSync(resolve(dataDir));
    chmodSync(resolve(dataDir), (mode & 0o7777) | 0o011);
    const blocked = firstBlockedFolder(resolve(dataDir), user);
    if (blocked) {
      throw new Error(
        `PostgreSQL runs as the user "${user.name}", who cannot pass through ${blocked}. ` +
          'Set PLUMBLINE_DATA_DIR to a folder that everybody can reach, for example /var/lib/plumbline.',
      );
    }
  }
  makeFolder(root, user ? 0o711 : 0o700, null);
  mkdirSync(join(resolve(dataDir), 'logs'), { recursive: true, mode: 0o700 });
  makeFolder(socketDir, 0o700, user);
  return { root, cluster: join(root, 'data'), socketDir, logFile: join(resolve(dataDir), 'logs', 'postgres.log'), user };
}

const identity = (user: SystemUser | null) => (user ? { uid: user.uid, gid: user.gid } : {});

async function initialise(places: Places, programs: string, durable: boolean): Promise<void> {
  if (existsSync(join(places.cluster, 'PG_VERSION'))) return;
  // Made beside and renamed: a cluster that is there is whole.
  const making = `${places.cluster}.making`;
  rmSync(making, { recursive: true, force: true });
  makeFolder(making, 0o700, places.user);
  const options = ['--username=plumbline', '--auth=trust', '--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', making, '--locale=C', ...options, ...(durable ? [] : ['--no-sync'])];
  try {
    await promisify(execFile)(join(programs, 'initdb'), args, {
      ...identity(places.user),
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    });
  } catch (error) {
    throw new Error(`PostgreSQL could not initialise ${places.cluster}: ${(error as { stderr?: string }).stderr?.trim() || error}`, {
      cause: error,
    });
  }
  renameSync(making, places.cluster);
}

/** Lock files name a process; one that is gone, or is not our server, keeps PostgreSQL from starting for nothing. */
function removeStaleLocks({ cluster, socketDir }: Places): void {
  for (const lock of [join(cluster, 'postmaster.pid'), join(socketDir, `${SOCKET_NAME}.lock`)]) {
    const pid = pidInFile(lock);
    if (pid === null || !runsIn(pid, cluster)) rmSync(lock, { force: true });
  }
  if (!existsSync(join(socketDir, `${SOCKET_NAME}.lock`))) rmSync(join(socketDir, SOCKET_NAME), { force: true });
}

function launch(places: Places, programs: string, options: EmbeddedPostgresOptions): { pid: number; exited: Promise<void> } {
  const settings: Record<string, string> = {
    listen_addresses: '',
    unix_socket_directories: places.socketDir,
    unix_socket_permissions: '0700',
    max_connections: String(options.maxConnections ?? 200),
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Small queries by the thousand: compiling them costs more than it saves.
    jit: 'off',
    ...(options.durable === false ? { fsync: 'off', full_page_writes: 'off' } : {}),
  };
  const args = ['-D', places.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = openSync(places.logFile, 'a', 0o600);
  const child = spawn(join(programs, 'postgres'), args, {
    ...identity(places.user),
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const exited = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  });
  child.unref();
  return { pid: child.pid ?? -1, exited };
}

async function untilGone(pid: number, cluster: string): Promise<void> {
  while (runsIn(pid, cluster)) await sleep(POLL_MS * 5, undefined, { ref: false });
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function makeDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const there = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (there.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}

/**
 * Starts the server of a data folder, or adopts the one that runs there. Resolves when it takes queries and the database exists.
 * Throws, with the end of the server's log, when it does not come up within a minute.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const places = preparePlaces(options);
  const urlOf = (database: string) => `postgresql://plumbline@localhost/${database}?host=${encodeURIComponent(places.socketDir)}`;
  const programs = serverPrograms(places.root, places.user);
  await initialise(places, programs, options.durable !== false);
  const deadline = performance.now() + START_LIMIT_MS;

  const running = pidInFile(join(places.cluster, 'postmaster.pid'));
  const adopted = running !== null && runsIn(running, places.cluster);
  let server = adopted ? { pid: running, exited: untilGone(running, places.cluster) } : undefined;
  while (!(server && (await canConnect(urlOf('postgres'))))) {
    if (performance.now() > deadline)
      throw new Error(`PostgreSQL did not start. The end of ${places.logFile}:\n${lastLines(places.logFile)}`);
    if (!server || !isAlive(server.pid)) {
      // A killed postmaster's children hold its shared memory for a moment longer, and a start in that moment is refused.
      if (server) await sleep(POLL_MS * 10);
      removeStaleLocks(places);
      server = launch(places, programs, options);
    }
    await sleep(POLL_MS);
  }
  await makeDatabase(urlOf('postgres'));

  const { pid, exited } = server;
  return {
    url: urlOf(DATABASE),
    pid,
    adopted,
    exited,
    async stop() {
      // A running server keeps nobody waiting, so neither does what watches it; its stop does.
      const waiting = setInterval(() => {}, FAST_STOP_LIMIT_MS);
      if (runsIn(pid, places.cluster)) {
        // SIGINT is PostgreSQL's fast stop: clients are cut, everything is written. SIGQUIT leaves the rest to recovery.
        process.kill(pid, 'SIGINT');
        const patience = performance.now() + FAST_STOP_LIMIT_MS;
        while (runsIn(pid, places.cluster) && performance.now() < patience) await sleep(POLL_MS);
        if (runsIn(pid, places.cluster)) process.kill(pid, 'SIGQUIT');
      }
      await exited;
      clearInterval(waiting);
      if (places.socketDir !== join(places.root, 'socket')) rmSync(places.socketDir, { recursive: true, force: true });
    },
  };
}
