import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hostEnvironment } from '../../host/hostEnvironment.ts';
import { signalProcess } from '../../host/processTable.ts';
import { waitUntil } from '../../host/waiting.ts';

/**
 * A machine that is reached over SSH: a real sshd in a network namespace with an address of its own, whose link can be cut.
 * Files and processes are this machine's, so that tests see what runs there.
 */

const SSHD = '/usr/sbin/sshd';
const READY_WITHIN_MS = 20_000;
const PORT = 22;
/**
 * Runs a program without the disks that are mounted below a folder. `ip netns exec` gives it all mounts of this machine as copies of its
 * own: disks of other tests' sandboxes would stay attached for as long as it runs.
 */
const ALONE =
  'below=$1; shift; awk -v "below=$below/" \'index($5, below) == 1 { print $5 }\' /proc/self/mountinfo | sort -r | ' +
  'while read -r at; do umount --lazy "$at"; done; exec "$@"';
/** Addresses of hardware that nobody made; each pair of ends is alone on its link, so that all may have the same. */
const HERE_MAC = '02:00:00:00:00:01';
const THERE_MAC = '02:00:00:00:00:02';

/** What is missing to make one, in words; null where everything is there. */
export function missingForSshHost(): string | null {
  if (process.getuid?.() !== 0) return 'only root can make a network namespace with an address';
  for (const path of [SSHD, '/usr/bin/ssh-keygen']) {
    try {
      accessSync(path);
    } catch {
      return `${path} is missing (Debian’s package openssh-server)`;
    }
  }
  try {
    execFileSync('ip', ['-V']);
  } catch {
    return 'ip is missing (Debian’s package iproute2)';
  }
  return null;
}

const run = promisify(execFile);

const ipSays = (look: readonly string[]) =>
  run('ip', [...look]).then(
    ({ stdout }) => stdout,
    (error: unknown) => String(error),
  );

export class SshMachine {
  readonly dir: string;
  /** The machine's own address, and that of this machine as it is seen from there. */
  readonly address: string;
  readonly gatewayAddress: string;
  readonly #name: string;
  #sshd: ChildProcess | null = null;
  readonly #relays: Server[] = [];

  private constructor(dir: string) {
    this.dir = dir;
    const id = randomBytes(2);
    this.#name = `plt${id.toString('hex')}`;
    // A network for tests (RFC 2544): nobody routes to it.
    const base = `198.18.${id[0]}.${(id[1] as number) & 0xfc}`.split('.');
    const at = (last: number) => [...base.slice(0, 3), Number(base[3]) + last].join('.');
    this.gatewayAddress = at(1);
    this.address = at(2);
  }

  static async start(): Promise<SshMachine> {
    const machine = new SshMachine(await mkdtemp(join(tmpdir(), 'plumbline-ssh-')));
    try {
      await machine.#layNetwork();
      await machine.#layKeys();
      await machine.startSshd();
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  get keyFile(): string {
    return join(this.dir, 'client');
  }

  get user(): string {
    return userInfo().username;
  }

  /** As `ssh-keyscan` prints it, without the address. */
  async hostKey(): Promise<string> {
    return (await readFile(join(this.dir, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ').trim();
  }

  async #layNetwork(): Promise<void> {
    const name = this.#name;
    await run('ip', ['netns', 'add', name]);
    const ends = ['link', 'add', `${name}h`, 'address', HERE_MAC, 'type', 'veth', 'peer', 'name', 'eth0', 'address', THERE_MAC];
    await run('ip', [...ends, 'netns', name]);
    await run('ip', ['address', 'add', `${this.gatewayAddress}/30`, 'dev', `${name}h`]);
    await run('ip', ['link', 'set', `${name}h`, 'up']);
    await run('ip', ['-n', name, 'address', 'add', `${this.address}/30`, 'dev', 'eth0']);
    await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    // Each end knows the other for good: nothing is asked for while the link is cut, and nothing is held against it afterwards.
    await run('ip', ['neighbour', 'add', this.address, 'lladdr', THERE_MAC, 'nud', 'permanent', 'dev', `${name}h`]);
    await run('ip', ['-n', name, 'neighbour', 'add', this.gatewayAddress, 'lladdr', HERE_MAC, 'nud', 'permanent', 'dev', 'eth0']);
    // A cut is a rule before all others, and the kernel's first one, for its own addresses, cannot be stood before.
    await run('ip', ['-n', name, 'rule', 'add', 'pref', '1', 'lookup', 'local']);
    await run('ip', ['-n', name, 'rule', 'delete', 'pref', '0']);
  }

  async #layKeys(): Promise<void> {
    await chmod(this.dir, 0o755);
    for (const key of ['host', 'client']) {
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(this.dir, key)]);
    }
    await writeFile(join(this.dir, 'authorized'), await readFile(join(this.dir, 'client.pub')), { mode: 0o600 });
    await writeFile(
      join(this.dir, 'sshd_config'),
      [
        `Port ${PORT}`,
        `HostKey ${join(this.dir, 'host')}`,
        `AuthorizedKeysFile ${join(this.dir, 'authorized')}`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'UsePAM no',
        // The folders of tests lie in one that everybody may write to.
        'StrictModes no',
        `PidFile ${join(this.dir, 'sshd.pid')}`,
        'MaxSessions 50',
        // A driver's programs may lie where only this path leads; and the agent, which starts with each connection, is compiled once.
        `SetEnv PATH=${hostEnvironment()['PATH']} NODE_COMPILE_CACHE=${join(this.dir, 'compiled')}`,
        '',
      ].join('\n'),
    );
  }

  async startSshd(): Promise<void> {
    await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    const sshd = ['/usr/bin/setpriv', '--pdeathsig', 'TERM', SSHD, '-D', '-e', '-f', join(this.dir, 'sshd_config')];
    this.#sshd = spawn('ip', ['netns', 'exec', this.#name, '/bin/sh', '-c', ALONE, 'sh', tmpdir(), ...sshd], { stdio: 'ignore' });
    await this.#answering('sshd did not start');
  }

  /** @throws Error with what the machine looks like, where its sshd does not greet in time. */
  async #answering(problem: string): Promise<void> {
    const greets = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: this.address, port: PORT, timeout: 1_000 });
        const end = (greeted: boolean) => {
          socket.destroy();
          resolve(greeted);
        };
        socket.once('data', () => end(true));
        for (const event of ['error', 'timeout', 'close']) socket.once(event, () => end(false));
      });
    if (await waitUntil(greets, READY_WITHIN_MS)) return;
    const looks = [
      ['-n', this.#name, 'rule'],
      ['-n', this.#name, 'neighbour'],
      ['-n', this.#name, 'route', 'show', 'table', 'all'],
      ['neighbour', 'show', 'dev', `${this.#name}h`],
      ['route', 'get', this.address],
    ];
    const seen = await Promise.all(looks.map(async (look) => `ip ${look.join(' ')}:\n${await ipSays(look)}`));
    throw new Error([`${problem}. Exit code ${this.#sshd?.exitCode}, signal ${this.#sshd?.signalCode}.`, ...seen].join('\n'));
  }

  /**
   * No byte passes any more in either direction, and nobody is told. Both ends keep their carrier, addresses, routes and
   * neighbours, so that nothing has to find its way back when the link is mended.
   */
  async cutLink(): Promise<void> {
    await run('ip', ['-n', this.#name, 'rule', 'add', 'pref', '0', 'blackhole']);
  }

  async mendLink(): Promise<void> {
    await run('ip', ['-n', this.#name, 'rule', 'delete', 'pref', '0']);
    await this.#answering('the link was mended, and sshd does not answer');
  }

  /** What listens on this machine's loopback alone can be reached from there by this address. */
  async relay(port: number): Promise<string> {
    const relay = createServer((socket) => {
      const on = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [socket, on],
        [on, socket],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to);
    }).listen(0, this.gatewayAddress);
    this.#relays.push(relay);
    await once(relay, 'listening');
    return `${this.gatewayAddress}:${(relay.address() as AddressInfo).port}`;
  }

  async #pids(): Promise<number[]> {
    const { stdout } = await run('ip', ['netns', 'pids', this.#name]).catch(() => ({ stdout: '' }));
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  async stop(): Promise<void> {
    for (const relay of this.#relays) relay.close();
    const sshd = this.#sshd;
    if (sshd !== null && sshd.exitCode === null && sshd.signalCode === null) {
      const ended = once(sshd, 'exit');
      sshd.kill('SIGTERM');
      await ended;
    }
    // A session whose client went away while the link was cut waits for word of it. What runs beside is the test's to account for.
    for (const pid of await this.#pids()) {
      if ((await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'sshd') signalProcess(pid, 'SIGKILL');
    }
    await run('ip', ['netns', 'delete', this.#name]).catch(() => undefined);
    await run('ip', ['link', 'delete', `${this.#name}h`]).catch(() => undefined);
    await rm(this.dir, { recursive: true, force: true });
  }
}
