import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { entererCommand } from './bubblewrap/enterer.ts';

/**
 * A network namespace with the internet and without the host: slirp4netns carries its connections out as an ordinary
 * user's, and routes that prohibit stand before everything that is private, link-local or the host's own.
 */
const SLIRP = '/usr/bin/slirp4netns';
const IP_PATHS = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'];
/** The name server that slirp4netns offers inside the namespace; it asks the host's own resolver. */
export const SLIRP_NAMESERVER = '10.0.2.3';
const START_TIMEOUT_MS = 10_000;

/** Loopback of the namespace itself is its own and stays. 10.0.2.0/24, which slirp4netns gives, is more specific than 10/8. */
const PROHIBITED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
];

const HOLD =
  'trap "" CHLD; ip="$1"; shift; "$ip" link set lo up || exit 1; echo up; read -r _ || exit 1; for net; do "$ip" route add prohibit "$net" || exit 1; done; echo routed; exec sleep infinity';

function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === 'IPv4' && !address.address.startsWith('127.'))
    .map((address) => `${address.address}/32`);
}

async function firstExisting(paths: string[]): Promise<string | null> {
  for (const path of paths)
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  return null;
}

async function line(stream: Readable, wanted: string, child: ChildProcess): Promise<void> {
  let text = '';
  const failed = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('it ended')));
    AbortSignal.timeout(START_TIMEOUT_MS).addEventListener('abort', () => reject(new Error('it did not start in time')));
  });
  failed.catch(() => undefined);
  while (!text.includes(wanted)) {
    const [chunk] = (await Promise.race([once(stream, 'data'), failed])) as [Buffer];
    text += chunk.toString('latin1');
  }
}

/** Rejects with `sandbox_unavailable` and the package to install where the host cannot give a namespace with the internet. */
export async function requireInternetTools(): Promise<string> {
  if (!(await firstExisting([SLIRP])))
    throw new AppError(
      'sandbox_unavailable',
      'This task needs the internet inside the sandbox. Install the package slirp4netns on the sandbox host.',
    );
  const ip = await firstExisting(IP_PATHS);
  if (ip === null)
    throw new AppError(
      'sandbox_unavailable',
      'This task needs the internet inside the sandbox. Install the package iproute2 on the sandbox host.',
    );
  if (process.getuid?.() !== 0 && !(await tunIsOpenToAll())) {
    throw new AppError(
      'sandbox_unavailable',
      'This task needs the internet inside the sandbox, and /dev/net/tun of the sandbox host is closed to this user. Give it mode 0666, or run the worker as root.',
    );
  }
  return ip;
}

async function tunIsOpenToAll(): Promise<boolean> {
  const entry = await stat('/dev/net/tun').catch(() => null);
  return entry !== null && (entry.mode & 0o006) === 0o006;
}

/** slirp4netns up to its target. --exit-fd: it ends when this process closes the pipe, by will or by dying. */
const SLIRP_COMMAND = [
  SLIRP,
  '--configure',
  '--mtu=65520',
  '--disable-host-loopback',
  '--enable-sandbox',
  '--enable-seccomp',
  '--ready-fd=3',
  '--exit-fd=4',
];
/**
 * slirp4netns leaves the root that it started in by unmounting all of it, and keeps only `/`, `/etc` and `/run` from telling
 * the host. What else the host shares (Docker's containers, named network namespaces) would be unmounted there too: as root it
 * begins where nothing is shared.
 */
const UNSHARED = ['/usr/bin/unshare', '--mount', '--propagation', 'private'] as const;

const NOT_GIVEN = 'The sandbox could not be given the internet. The log of its runner has the cause.';

/** One such namespace. It ends with `stop`, or with this process. */
export class InternetNamespace {
  readonly #holder: ChildProcess;
  readonly #slirp: ChildProcess;

  private constructor(holder: ChildProcess, slirp: ChildProcess) {
    this.#holder = holder;
    this.#slirp = slirp;
  }

  /** The process whose namespaces are to be joined. */
  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  static async start(uid: number | null): Promise<InternetNamespace> {
    const ip = await requireInternetTools();
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const holding = [
      '/usr/bin/unshare',
      '--user',
      '--map-root-user',
      '--net',
      '/usr/bin/setpriv',
      '--pdeathsig',
      'KILL',
      '/bin/sh',
      '-c',
      HOLD,
      'sh',
      ip,
    ];
    const holderCommand = entererCommand({ mode: 'launch', uid }, [...holding, ...PROHIBITED, ...hostAddresses()], env);
    const holder = spawn(holderCommand.file, holderCommand.args, {
      env: holderCommand.env,
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let slirp: ChildProcess | undefined;
    try {
      await line(holder.stdout, 'up\n', holder);
      // Where only root may open the tunnel device, slirp4netns starts as root and then shuts itself into an empty root
      // without capabilities (--enable-sandbox).
      const slirpUid = (await tunIsOpenToAll()) ? uid : null;
      const command = [...SLIRP_COMMAND, `--userns-path=/proc/${holder.pid}/ns/user`, String(holder.pid), 'tap0'];
      const isRoot = process.getuid?.() === 0 && slirpUid === null;
      const slirpCommand = entererCommand({ mode: 'launch', uid: slirpUid }, isRoot ? [...UNSHARED, ...command] : command, env);
      slirp = spawn(slirpCommand.file, slirpCommand.args, {
        env: slirpCommand.env,
        cwd: '/',
        stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
        detached: true,
      });
      slirp.stderr?.resume();
      await line(slirp.stdio[3] as Readable, '1', slirp);
      holder.stdin.write('go\n');
      await line(holder.stdout, 'routed\n', holder);
      return new InternetNamespace(holder, slirp);
    } catch (error) {
      holder.kill('SIGKILL');
      slirp?.kill('SIGKILL');
      throw new AppError('sandbox_unavailable', NOT_GIVEN, { cause: error });
    }
  }

  async stop(): Promise<void> {
    for (const child of [this.#slirp, this.#holder]) await endProcess(child);
  }
}

const run = promisify(execFile);

/**
 * Gives the empty network namespace of a running process the same internet. Root's right. It ends with `stop`, with this
 * process, or with the namespace.
 */
export async function joinInternet(pid: number): Promise<{ stop: () => Promise<void> }> {
  const ip = await requireInternetTools();
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const [unshare, ...unsharing] = UNSHARED;
  const slirp = spawn(unshare, [...unsharing, ...SLIRP_COMMAND, String(pid), 'tap0'], {
    env,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = () => endProcess(slirp);
  try {
    slirp.stderr?.resume();
    await line(slirp.stdio[3] as Readable, '1', slirp);
    const routes = [...PROHIBITED, ...hostAddresses()].map((net) => `${ip} route add prohibit ${net}`).join(' && ');
    await run('/usr/bin/nsenter', [`--net=/proc/${pid}/ns/net`, '/bin/sh', '-c', routes], { env, timeout: START_TIMEOUT_MS });
    return { stop };
  } catch (error) {
    await stop();
    throw new AppError('sandbox_unavailable', NOT_GIVEN, { cause: error });
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
