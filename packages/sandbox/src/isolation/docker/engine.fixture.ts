import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { hostEnvironment } from '../../host/hostEnvironment.ts';
import { mountPoints } from '../../host/mounts.ts';
import { waitUntil } from '../../host/waiting.ts';
import { Engine } from './engine.ts';

/**
 * A Docker engine of the tests' own: private socket and folders, no bridge and no rule in the host's firewall, and a base
 * image made of this Debian's installed packages, so that no registry is asked.
 */

export const BASE_IMAGE = 'plumbline-test-base:latest';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** What a base image must have, and what the tests' scorers use. Their dependencies come with them. */
const PACKAGES = [
  'bash',
  'coreutils',
  'dash',
  'findutils',
  'git',
  'grep',
  'hostname',
  'libc-bin',
  'libstdc++6',
  'login',
  'mount',
  'python3',
  'sed',
  'tar',
  'util-linux',
];
/** Made when packages are set up, and so in no package's list. */
const GENERATED = [
  '/etc/ssl/certs/ca-certificates.crt',
  ...['auth', 'account', 'password', 'session', 'session-noninteractive'].map((name) => `/etc/pam.d/common-${name}`),
];
/** Git runs its plumbing without them, and they are half of the image. */
const LEFT_OUT = new Set(['perl', 'liberror-perl', 'git-man', 'debconf', 'openssl']);
const NOT_TAKEN =
  /^\/usr\/share\/(doc|man|locale|info|lintian|bash-completion|perl|zoneinfo)(\/|$)|^\/usr\/lib\/python3[^/]*\/(idlelib|test|lib2to3)(\/|$)/;

const run = promisify(execFile);
const OUTPUT = { maxBuffer: 256 * 1024 * 1024 };

interface Installed {
  name: string;
  version: string;
  depends: string[];
}

async function installedPackages(): Promise<Map<string, Installed>> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format of dpkg-query.
  const format = '${Package}\t${Version}\t${Pre-Depends}, ${Depends}\t${Provides}\n';
  const { stdout } = await run('dpkg-query', ['-W', '-f', format], OUTPUT);
  const found = new Map<string, Installed>();
  const provided = new Map<string, Installed>();
  for (const line of stdout.split('\n')) {
    const [name = '', version = '', depends = '', provides = ''] = line.split('\t');
    const bare = (list: string) => list.split(/[,|]/).map((one) => one.trim().split(/[\s:(]/)[0] ?? '');
    const entry = { name, version, depends: bare(depends).filter(Boolean) };
    found.set(name, entry);
    for (const other of bare(provides)) provided.set(other, entry);
  }
  for (const [name, entry] of provided) if (!found.has(name)) found.set(name, entry);
  return found;
}

async function closure(): Promise<Installed[]> {
  const installed = await installedPackages();
  const taken = new Map<string, Installed>();
  const take = (name: string): void => {
    const entry = installed.get(name);
    if (entry === undefined || taken.has(entry.name) || LEFT_OUT.has(entry.name)) return;
    taken.set(entry.name, entry);
    entry.depends.forEach(take);
  };
  take('ca-certificates');
  for (const name of PACKAGES) {
    if (!installed.has(name)) throw new Error(`the base image of the tests needs the package ${name}`);
    take(name);
  }
  return [...taken.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What Python keeps of its modules, as it is made when packages are set up: without it each start of Python reads all sources again. */
async function compiledPython(paths: ReadonlySet<string>): Promise<string[]> {
  const folders = new Set([...paths].filter((path) => path.endsWith('.py')).map((path) => join(dirname(path), '__pycache__')));
  const found = await Promise.all(
    [...folders].map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      const taken = names.filter((name) => paths.has(join(dirname(folder), `${name.split('.')[0]}.py`)));
      return taken.map((name) => join(folder, name));
    }),
  );
  return found.flat();
}

/** Each file under the one path that it really has: the folders of programs are links into /usr on most systems. */
async function filesOf(packages: Installed[]): Promise<string[]> {
  const { stdout } = await run('dpkg-query', ['-L', ...packages.map((entry) => entry.name)], OUTPUT);
  const listed = new Set([...stdout.split('\n').filter((path) => path.startsWith('/') && path !== '/.'), ...GENERATED]);
  const folders = new Map<string, string>();
  const paths = new Set(['/usr/lib', '/usr/lib64']);
  for (const path of listed) {
    const folder = dirname(path);
    if (!folders.has(folder)) folders.set(folder, await realpath(folder).catch(() => folder));
    const real = join(folders.get(folder) ?? folder, path.slice(folder === '/' ? 1 : folder.length + 1));
    if (NOT_TAKEN.test(real) || !(await stat(real).catch(() => null))) continue;
    paths.add(real);
  }
  for (const path of await compiledPython(paths)) paths.add(path);
  for (const link of ['/bin', '/sbin', '/lib', '/lib64', '/usr/bin/awk', '/usr/bin/which', '/etc/alternatives/which'])
    if (await stat(link).catch(() => null)) paths.add(link);
  return [...paths].sort();
}

/** The base image as a tar, made once for each set of installed versions. */
async function baseImageTar(): Promise<string> {
  const packages = await closure();
  const source = await readFile(import.meta.filename);
  const hash = createHash('sha256').update(source).update(JSON.stringify(packages)).digest('hex').slice(0, 16);
  const path = join('/var/tmp', `plumbline-test-base-${hash}.tar`);
  if (await stat(path).catch(() => null)) return path;
  const dir = await mkdtemp(join('/var/tmp', 'plumbline-base-'));
  try {
    const list = join(dir, 'files');
    await writeFile(list, (await filesOf(packages)).join('\n'));
    await mkdir(join(dir, 'own', 'etc'), { recursive: true });
    for (const name of ['tmp', 'var/tmp', 'root', 'home', 'proc', 'sys', 'dev', 'run', 'mnt', 'srv'])
      await mkdir(join(dir, 'own', name), { recursive: true });
    for (const name of ['tmp', 'var/tmp']) await chmod(join(dir, 'own', name), 0o1777);
    await chmod(join(dir, 'own', 'root'), 0o700);
    await writeFile(
      join(dir, 'own/etc/passwd'),
      'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    );
    await writeFile(join(dir, 'own/etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    await writeFile(join(dir, 'own/etc/shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o640 });
    const half = join(dir, 'base.tar');
    // The account files of this machine are no part of it.
    const excluded = ['etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow'].map((name) => `--exclude=/${name}`);
    await run('tar', ['-cf', half, '-P', '--no-recursion', '--numeric-owner', ...excluded, '-T', list], OUTPUT);
    await run('tar', ['-rf', half, '--numeric-owner', '--owner=0', '--group=0', '-C', join(dir, 'own'), '.'], OUTPUT);
    await rename(half, path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return path;
}

export interface EngineOptions {
  /** Where it finds programs before all other folders. */
  programsDir?: string;
  args?: readonly string[];
}

export class TestEngine {
  readonly socketPath: string;
  readonly #dir: string;
  readonly #options: EngineOptions;
  #daemon: ChildProcess | null = null;
  /** Its containers would outlive it. */
  #leavesContainers = false;

  private constructor(dir: string, options: EngineOptions) {
    this.#dir = dir;
    this.#options = options;
    this.socketPath = join(dir, 'docker.sock');
  }

  /** Starts an engine that has `BASE_IMAGE`. Root's right. */
  static async start(options: EngineOptions = {}): Promise<TestEngine> {
    const tar = await baseImageTar();
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-engine-'));
    const engine = new TestEngine(dir, options);
    try {
      await engine.#run([]);
      await engine.docker('import', tar, BASE_IMAGE);
      return engine;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** Resolves when a daemon answers. */
  async #run(more: readonly string[]): Promise<void> {
    const at = (name: string) => join(this.#dir, name);
    const args = [
      `--host=unix://${this.socketPath}`,
      `--data-root=${at('data')}`,
      `--exec-root=${at('exec')}`,
      `--pidfile=${at('pid')}`,
      // Its containers' groups in one of its own, apart from those of other engines on the same host.
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--cgroup-parent=/${basename(this.#dir)}`,
      '--bridge=none',
      '--iptables=false',
      '--ip-forward=false',
      ...(this.#options.args ?? []),
      ...more,
    ];
    let said = '';
    const path = [this.#options.programsDir, hostEnvironment()['PATH'], '/usr/sbin', '/sbin'].filter(Boolean).join(':');
    const env = { ...hostEnvironment(), PATH: path };
    const daemon = spawn('dockerd', args, { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    this.#daemon = daemon;
    daemon.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    let ended = false;
    for (const event of ['exit', 'error']) daemon.once(event, () => (ended = true));
    const answers = () =>
      access(this.socketPath)
        .then(() => new Engine(this.socketPath).info())
        .then(
          () => true,
          () => false,
        );
    await waitUntil(async () => ended || (await answers()), START_TIMEOUT_MS);
    if (!(await answers())) throw new Error(`dockerd did not start: ${said}`);
  }

  /** The daemon dies at once, and its containers go on, as after a crash. */
  async crash(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === null || daemon.exitCode !== null || daemon.signalCode !== null) return;
    this.#leavesContainers = true;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
    // It takes its containerd with it, which another daemon would wait for while anything is left of it.
    const containerd = `/proc/${(await readFile(join(this.#dir, 'exec/containerd/containerd.pid'), 'utf8')).trim()}`;
    await waitUntil(async () => (await stat(containerd).catch(() => null)) === null, STOP_TIMEOUT_MS);
  }

  /** After a crash: ends the containers that it finds, or takes them over. */
  async startAgain({ liveRestore }: { liveRestore: boolean }): Promise<void> {
    await this.#run(liveRestore ? ['--live-restore'] : []);
    this.#leavesContainers = liveRestore;
  }

  /** Has it answer nobody, until `wake`. */
  async hang(): Promise<void> {
    const daemon = this.#daemon;
    daemon?.kill('SIGSTOP');
    // One that is still being stopped may carry out what it is asked next.
    const tasks = `/proc/${daemon?.pid}/task`;
    const isStopped = async (task: string) => / T /.test((await readFile(join(tasks, task, 'stat'), 'utf8')).split(')').at(-1) ?? '');
    await waitUntil(async () => (await Promise.all((await readdir(tasks)).map(isStopped))).every(Boolean), STOP_TIMEOUT_MS);
  }

  wake(): void {
    this.#daemon?.kill('SIGCONT');
  }

  /** Lets every user of this machine use it. */
  async openToAll(): Promise<void> {
    await chmod(this.#dir, 0o755);
    await chmod(this.socketPath, 0o666);
  }

  /** The engine's own command, for what a test wants to see for itself. */
  async docker(...args: string[]): Promise<string> {
    return (await run('docker', ['--host', `unix://${this.socketPath}`, ...args], OUTPUT)).stdout;
  }

  /** The engine makes the group that holds its containers' own, and never removes it. */
  async #removeGroups(): Promise<void> {
    const mounts = await readdir('/sys/fs/cgroup').catch(() => []);
    for (const name of ['', ...mounts]) await rmdir(join('/sys/fs/cgroup', name, basename(this.#dir))).catch(() => undefined);
  }

  async stop(): Promise<void> {
    if (this.#leavesContainers) {
      await this.crash();
      await this.startAgain({ liveRestore: false });
    }
    const daemon = this.#daemon;
    if (daemon?.pid !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
      const ended = once(daemon, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
      daemon.kill('SIGTERM');
      await ended.catch(() => daemon.kill('SIGKILL'));
    }
    await this.#removeGroups();
    // The engine leaves what the host's network was named by, and one that crashed what it had mounted.
    const left = (await mountPoints()).filter((point) => point.startsWith(`${this.#dir}/`));
    for (const point of left.reverse()) await run('umount', [point]).catch(() => undefined);
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
