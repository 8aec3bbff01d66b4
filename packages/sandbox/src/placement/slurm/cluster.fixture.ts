import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, existsSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@plumbline/testing/freePort';
import { hostEnvironment } from '../../host/hostEnvironment.ts';
import { allPids, commandLine, endTree, processStat } from '../../host/processTable.ts';
import { waitUntil } from '../../host/waiting.ts';

/** A real Slurm cluster on this machine: a controller, two nodes of four GPUs each, munge; all in one folder, on ports of its own. */

export const CLUSTER_NODES = ['gpu1', 'gpu2'] as const;
export type ClusterNode = (typeof CLUSTER_NODES)[number];
export const GPUS_PER_NODE = 4;

const PROGRAMS = { munged: '/usr/sbin/munged', slurmctld: '/usr/sbin/slurmctld', slurmd: '/usr/sbin/slurmd', sbatch: '/usr/bin/sbatch' };
const READY_WITHIN_MS = 120_000;
/** A controller that is killed before it has saved its state loses jobs. */
const STOP_WITHIN_MS = 30_000;
const MUNGE_KEY_BYTES = 1024;
const END_IN_MS = 5_000;

/** What is missing to run a cluster, in words; null where everything is there. */
export function missingForCluster(): string | null {
  for (const path of Object.values(PROGRAMS)) {
    try {
      accessSync(path);
    } catch {
      return `${path} is missing (Debian’s packages munge, slurmctld, slurmd and slurm-client)`;
    }
  }
  return null;
}

const GROUPS = '/sys/fs/cgroup';
/** Where Slurm keeps the groups of version 2 of all its nodes' jobs; it is systemd's to make. */
const GROUPS_SLICE = join(GROUPS, 'system.slice');

/** Whether this host has its control groups in version 2, with a limit of memory. */
export function hasGroupsOfVersion2(): boolean {
  const offered = existsSync(join(GROUPS, 'cgroup.controllers')) ? readFileSync(join(GROUPS, 'cgroup.controllers'), 'utf8') : '';
  return offered.split(/\s+/).includes('memory');
}

/** Jobs in groups of their own with a limit of memory, as labs have it; in version 2 with no GPU but their own as well. */
function groupConfiguration(inVersion2: boolean): string {
  const version = inVersion2 ? ['CgroupPlugin=cgroup/v2', 'IgnoreSystemd=yes', 'ConstrainDevices=yes'] : ['CgroupPlugin=cgroup/v1'];
  return [...version, `CgroupMountpoint=${GROUPS}`, 'ConstrainRAMSpace=yes', ''].join('\n');
}

/** What systemd does for a daemon to which it delegates control groups. */
async function delegateGroups(): Promise<void> {
  await mkdir(GROUPS_SLICE, { recursive: true });
  for (const folder of [GROUPS, GROUPS_SLICE]) await writeFile(join(folder, 'cgroup.subtree_control'), '+cpuset +cpu +memory +pids');
}

/** Ends all that is in a group of version 2 and in those below it, and removes them. */
async function removeGroups(folder: string): Promise<void> {
  await writeFile(join(folder, 'cgroup.kill'), '1').catch(() => undefined);
  const remove = async (path: string): Promise<boolean> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await remove(join(path, entry.name));
    return rmdir(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
  };
  await waitUntil(() => remove(folder), STOP_WITHIN_MS);
}

export interface ClusterOptions {
  /** Its jobs are in control groups, of the version that this host has. */
  readonly cgroups?: boolean;
  /** The device files of real GPUs. They are the first node's, and the second has none. */
  readonly gpuDevices?: readonly string[];
}

function configuration(dir: string, ports: readonly number[], { cgroups = false, gpuDevices }: ClusterOptions): string {
  const gres = (count: number) => (count === 0 ? '' : ` Gres=gpu:h100:${count}`);
  const host = hostname();
  const user = userInfo().username;
  const [controller, first, second] = ports;
  return `ClusterName=plumbline
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/munge
AuthInfo=socket=${dir}/munge/socket
CredType=cred/munge
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool-%n
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/${cgroups ? 'cgroup' : 'linuxproc'}
TaskPlugin=task/${cgroups ? 'cgroup' : 'none'}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
GresTypes=gpu
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
Prolog=${dir}/prolog.sh
KillWait=2
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=300
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PriorityType=priority/basic
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
NodeName=gpu1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=${first} CPUs=16 RealMemory=64000${gres(gpuDevices?.length ?? GPUS_PER_NODE)}
NodeName=gpu2 NodeHostname=${host} NodeAddr=127.0.0.1 Port=${second} CPUs=16 RealMemory=64000${gres(gpuDevices === undefined ? GPUS_PER_NODE : 0)} Feature=nvlink
PartitionName=gpus Nodes=gpu[1-2] Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=gpu[1-2] MaxTime=INFINITE State=UP PriorityTier=10
`;
}

/** Any device stands for a GPU: Slurm counts them, and nothing opens them. */
const STAND_INS = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random'];

export class SlurmCluster {
  readonly dir: string;
  readonly confPath: string;
  readonly #daemons = new Map<string, ChildProcess>();
  /** The folders of its nodes' control groups of version 2, which outlive its daemons. */
  readonly #groups: readonly string[];

  private constructor(dir: string, inVersion2: boolean) {
    this.dir = dir;
    this.#groups = inVersion2 ? CLUSTER_NODES.map((node) => join(GROUPS_SLICE, `${node}_slurmstepd.scope`)) : [];
    this.confPath = join(dir, 'slurm.conf');
  }

  /** Starts everything and resolves once both nodes take jobs. */
  static async start(options: ClusterOptions = {}): Promise<SlurmCluster> {
    const inVersion2 = options.cgroups === true && hasGroupsOfVersion2();
    const cluster = new SlurmCluster(await mkdtemp(join(tmpdir(), 'plumbline-slurm-')), inVersion2);
    try {
      await cluster.#lay(options);
      cluster.#run('munged', [
        ...['--force', '--foreground', '--num-threads=2'],
        ...['socket', 'key-file', 'pid-file', 'log-file', 'seed-file'].map(
          (name) => `--${name}=${cluster.dir}/munge/${name.split('-')[0]}`,
        ),
      ]);
      const socket = () =>
        readFile(join(cluster.dir, 'munge/pid')).then(
          () => true,
          () => false,
        );
      if (!(await waitUntil(socket, READY_WITHIN_MS))) throw new Error('munged did not start');
      cluster.startController();
      for (const node of CLUSTER_NODES) cluster.startNode(node);
      await cluster.untilIdle();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async #lay(options: ClusterOptions): Promise<void> {
    const { dir } = this;
    // Slurm's and munge's clients walk through to the socket; whoever runs them.
    await chmod(dir, 0o755);
    for (const name of ['munge', 'state', ...CLUSTER_NODES.map((node) => `spool-${node}`)]) await mkdir(join(dir, name), { mode: 0o755 });
    await this.setProlog('exit 0');
    await writeFile(join(dir, 'munge/key'), crypto.getRandomValues(new Uint8Array(MUNGE_KEY_BYTES)), { mode: 0o600 });
    await writeFile(this.confPath, configuration(dir, await Promise.all([freePort(), ...CLUSTER_NODES.map(freePort)]), options));
    if (this.#groups.length > 0) await delegateGroups();
    await writeFile(join(dir, 'cgroup.conf'), groupConfiguration(this.#groups.length > 0));
    const nodes = options.gpuDevices === undefined ? 'gpu[1-2]' : 'gpu1';
    const devices = (options.gpuDevices ?? STAND_INS).map((device) => `NodeName=${nodes} Name=gpu Type=h100 File=${device}\n`);
    await writeFile(join(dir, 'gres.conf'), ['AutoDetect=off\n', ...devices].join(''));
  }

  /** Ends with this process, however that ends. */
  #run(name: keyof typeof PROGRAMS, args: string[], key: string = name): void {
    const log = openSync(join(this.dir, `${key}.log`), 'a');
    const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'TERM', PROGRAMS[name], ...args], {
      env: this.environment,
      stdio: ['ignore', log, log],
    });
    this.#daemons.set(key, child);
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...hostEnvironment(), SLURM_CONF: this.confPath };
  }

  startController(): void {
    this.#run('slurmctld', ['-D', '-f', this.confPath]);
  }

  stopController(): Promise<void> {
    return this.#end('slurmctld', 'SIGTERM');
  }

  startNode(node: ClusterNode): void {
    this.#run('slurmd', ['-D', '-N', node, '-f', this.confPath], node);
  }

  /**
   * A node that loses its power: its daemon and all that its jobs had started are gone at once, and no word of it reaches the controller,
   * which takes it for lost after `SlurmdTimeout`. Started again by `startNode`.
   */
  async failNode(node: ClusterNode): Promise<void> {
    await this.#end(node, 'SIGKILL');
    for (const pid of allPids()) {
      const stat = processStat(pid);
      // The script of a job, below the process that Slurm keeps beside it.
      if (stat !== null && (await commandLine(stat)).includes(join(this.dir, `spool-${node}`, 'job'))) await endTree(stat.parent);
    }
    await this.slurm('scontrol', 'update', `NodeName=${node}`, 'State=DOWN', 'Reason=power');
  }

  /** Runs one of Slurm's commands and resolves with what it printed. */
  async slurm(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(command, args, { env: this.environment });
    return stdout.trim();
  }

  /** A search path by which some of Slurm's commands are scripts of the test; each finds its real command as `"$REAL"`. */
  async replace(scripts: Readonly<Record<string, string>>): Promise<string> {
    const bin = await mkdtemp(join(this.dir, 'bin-'));
    for (const [name, script] of Object.entries(scripts)) {
      await writeFile(join(bin, name), `#!/bin/sh\nREAL=/usr/bin/${name}\n${script}\n`, { mode: 0o755 });
    }
    return `${bin}:${this.environment['PATH']}`;
  }

  /** Submits a job that holds GPUs of the cluster until it is cancelled, and resolves with its number. */
  async occupy(gpus: number, ...options: string[]): Promise<string> {
    return this.slurm('sbatch', '--parsable', '--output=/dev/null', `--gres=gpu:h100:${gpus}`, ...options, '--wrap=sleep 3600');
  }

  /** What every node runs before a job; a node on which it fails is drained by Slurm, until `mendNode`. */
  async setProlog(script: string): Promise<void> {
    await writeFile(join(this.dir, 'prolog.sh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  async mendNode(node: ClusterNode): Promise<void> {
    await this.setProlog('exit 0');
    await this.slurm('scontrol', 'update', `NodeName=${node}`, 'State=RESUME');
  }

  /** Slurm looks for such jobs every 30 s. An end that is set to now is refused where the controller reads it in the next second. */
  async hitTimeLimit(jobId: string): Promise<void> {
    const end = new Date(Date.now() + END_IN_MS);
    const localTime = new Date(end.getTime() - end.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    await this.slurm('scontrol', 'update', `JobId=${jobId}`, `EndTime=${localTime}`);
  }

  async state(jobId: string): Promise<string> {
    return this.slurm('squeue', '--noheader', '--states=all', '--format=%T', `--jobs=${jobId}`);
  }

  async untilState(jobId: string, state: string): Promise<void> {
    if (!(await waitUntil(async () => (await this.state(jobId)) === state, READY_WITHIN_MS))) {
      throw new Error(`job ${jobId} is ${await this.state(jobId)}, not ${state}`);
    }
  }

  async untilIdle(): Promise<void> {
    let said = '';
    const idle = async () => {
      said = await this.slurm('sinfo', '--noheader', '--partition=gpus', '--Node', '--format=%T').catch(String);
      return said === CLUSTER_NODES.map(() => 'idle').join('\n');
    };
    if (!(await waitUntil(idle, READY_WITHIN_MS))) throw new Error(`the nodes are not idle: ${said}`);
  }

  async #end(key: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#daemons.get(key);
    this.#daemons.delete(key);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(killer);
  }

  /** Cancels every job and resolves once none is left. */
  async cancelAll(): Promise<void> {
    const user = userInfo().username;
    await this.slurm('scancel', '--quiet', `--user=${user}`).catch(() => undefined);
    const none = async () => (await this.slurm('squeue', '--noheader').catch(() => '')) === '';
    await waitUntil(none, STOP_WITHIN_MS);
  }

  /** Cancels every job, ends the daemons and removes the folder. */
  async stop(): Promise<void> {
    await this.cancelAll();
    for (const key of [...this.#daemons.keys()].reverse()) await this.#end(key, 'SIGTERM');
    for (const folder of this.#groups) await removeGroups(folder);
    // What started a job's last steps tidies up after itself there, a moment longer than its node's daemon lives.
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
