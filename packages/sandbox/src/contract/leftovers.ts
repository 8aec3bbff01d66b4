import assert from 'node:assert/strict';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { spawn as openPty } from '@lydell/node-pty';
import { allPids, processStat } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import type { Sandbox } from '../isolation/isolation.ts';
import { type ContractCheck, type ContractWorld, PATIENCE_MS, shell } from './contract.ts';

/** What sandboxes leave behind on their host: nothing, however many there were. */

/** As many as start side by side: a host has several attempts, whose lives meet. The first of them has a terminal, and now and then the second the internet. */
const AT_ONCE = 5;
const DISK_BYTES = 16 * 1024 ** 2;
/** Where groups may be: version 2, alone or beside version 1, and what sandboxes use of version 1. */
const HIERARCHIES = ['', 'unified', 'freezer', 'memory', 'pids', 'cpu', 'cpuacct'];

function childProcesses(): number {
  return allPids()
    .map(processStat)
    .filter((entry) => entry?.parent === process.pid && entry.state !== 'Z').length;
}

async function terminalsHeld(): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith('/dev/pt')).length;
}

/** A terminal whose shell has shown its prompt. */
async function openTerminal(sandbox: Sandbox): Promise<{ readonly ended: boolean }> {
  const { file, args, cwd, env } = sandbox.command('participant', ['/bin/bash', '--norc', '-i'], { tty: true, env: { PS1: 'ready> ' } });
  const terminal = { said: '', ended: false };
  const pty = openPty(file, args, { cwd, env });
  pty.onData((data) => (terminal.said += data));
  pty.onExit(() => (terminal.ended = true));
  assert.ok(await waitUntil(() => terminal.said.includes('ready> '), PATIENCE_MS), terminal.said);
  return terminal;
}

/** Whether a line of /proc/self/mountinfo is of this world's folders or its engine's: other tests mount on the same host. */
function isOurs(line: string, { child, dir }: ContractWorld): boolean {
  return line.includes(dir) || (child.name === 'docker' && line.includes(dirname(child.socketPath)));
}

/** The files that the host has as disks. */
async function disks(): Promise<string[]> {
  const names = (await readdir('/sys/block').catch(() => [])).filter((name) => name.startsWith('loop'));
  return Promise.all(names.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')));
}

/** The folders of some control groups, by their names under the mount. */
async function foldersIn(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => readdir(join('/sys/fs/cgroup', path), { withFileTypes: true }).catch(() => [])));
  return found.flat().flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** The groups that the engine of these tests made for its containers, all in one of its own name. */
async function containerGroups({ child }: ContractWorld): Promise<string[]> {
  if (child.name !== 'docker') return [];
  const own = basename(dirname(child.socketPath));
  return foldersIn(HIERARCHIES.map((name) => join(name, own)));
}

/** What this process and the kernel hold: descriptors, children, mounts, groups and containers of sandboxes made here. */
async function held(world: ContractWorld): Promise<Record<string, number>> {
  const groups = await foldersIn(HIERARCHIES);
  // Those that the engine of these tests knows, which keeps a folder for each: other engines run on the same host.
  const containers = world.child.name === 'docker' ? await readdir(join(dirname(world.child.socketPath), 'data/containers')) : [];
  return {
    descriptors: (await readdir('/proc/self/fd')).length,
    children: childProcesses(),
    mounts: (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => isOurs(line, world)).length,
    groups: groups.filter((name) => name.startsWith(`plumbline-c${process.pid}-`)).length,
    containers: containers.length,
    containerGroups: (await containerGroups(world)).length,
    disks: (await disks()).filter((path) => path.includes(world.dir)).length,
    terminals: await terminalsHeld(),
  };
}

export const leftoverChecks: ContractCheck[] = [
  {
    name: 'many sandboxes, made and destroyed, leave nothing behind',
    run: async (world) => {
      const { networkNone, networkInternet } = world.capabilities;
      const round = async ({ withTerminal = false, withInternet = false }) => {
        const internet = withInternet && networkNone && networkInternet;
        const spec = await world.spec({ diskBytes: DISK_BYTES, network: internet ? 'internet' : 'none' });
        const sandbox = await world.isolation.create(spec);
        // Each leaves its pipes open, which are waited for a little.
        await Promise.all((['participant', 'scorer'] as const).map((view) => shell(sandbox, view, '(sleep 1000 &) ; true')));
        // What brings the internet, and what keeps its namespace, are children of this process.
        if (internet) assert.match((await shell(sandbox, 'participant', 'cat /proc/net/route')).stdout.toString(), /tap0/);
        if (world.child.name === 'docker')
          assert.ok((await containerGroups(world)).length > 0, 'the groups of containers are not where they are counted');
        const terminal = withTerminal ? await openTerminal(sandbox) : null;
        await sandbox.destroy();
        assert.ok(await waitUntil(() => terminal?.ended !== false, PATIENCE_MS), 'a terminal outlives its sandbox');
        assert.ok((await stat(spec.workspaceDir)).isDirectory());
      };
      await round({ withTerminal: true, withInternet: true });
      // The kernel may still be giving back what the first round held, so that this counts it: what leaks, leaks at every round.
      const before = await held(world);
      for (let n = 0; n < world.manySandboxes; n += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, at) => round({ withTerminal: at === 0, withInternet: at === 1 && n % 2 === 0 })),
        );
      }
      const leftBehind = async () => {
        const after = await held(world);
        return Object.entries(after).flatMap(([what, many]) => (many > (before[what] ?? 0) ? [`${what}: ${many}`] : []));
      };
      assert.ok(
        await waitUntil(async () => (await leftBehind()).length === 0, PATIENCE_MS),
        `${(await leftBehind()).join(', ')}, before ${JSON.stringify(before)}`,
      );
    },
  },
];
