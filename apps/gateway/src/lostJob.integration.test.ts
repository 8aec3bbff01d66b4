import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { elapsedMs } from '@plumbline/core';
import {
  addHost,
  ensureLocalHost,
  findLiveLease,
  findRestorePoint,
  getHost,
  LOCAL_HOST_NAME,
  listHosts,
  listScores,
  loadAttempt,
  moveAttempt,
  noteFoundWell,
  prepareAttempt,
  saveInventory,
  setHostDrained,
  startAttempt,
} from '@plumbline/database';
import {
  type HostInventory,
  type IsolationName,
  type RequestAct,
  type RequestArgs,
  SlurmHostSettings,
  SshHostSettings,
} from '@plumbline/protocol';
import { processesNaming } from '@plumbline/sandbox/placement/contractTrial';
import {
  CLUSTER_NODES,
  type ClusterNode,
  GPUS_PER_NODE,
  missingForCluster,
  SlurmCluster,
} from '@plumbline/sandbox/placement/slurm/cluster.fixture';
import { missingForSshHost, SshMachine } from '@plumbline/sandbox/placement/ssh/host.fixture';
import { loadFamily } from '@plumbline/taskstandard';
import { freePort, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAt, openTabAt } from './expertSocket.fixture.ts';

/** Gateway, worker and runner as their own processes, the runner out of its bundle: as a job of a real Slurm cluster, or on a machine over SSH. */

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const FAMILY = join(REPOSITORY, 'environments/practice');
const ORIGIN = 'http://localhost:3999';

/** What a night must not change: a file of nearly all that a copy may hold, one that can be run, links that lead somewhere and nowhere. */
const LAY_FILES = [
  'mkdir -p kept/deep',
  'head -c 45000000 /dev/urandom > kept/deep/big.bin',
  "printf '#!/bin/sh\\necho ran\\n' > kept/run.sh",
  'chmod 755 kept/run.sh',
  'ln -s run.sh kept/link',
  'ln -s ../nowhere kept/dangling',
  "touch 'kept/an empty one' kept/ünï",
  'ln -s deep kept/folder',
  // No copy holds so much.
  'truncate -s 60M too-large.bin',
].join(' && ');
const LIST_FILES =
  "(find kept ! -type d -printf '%p %y %m %s %l\\n' | sort; find kept -type f -print0 | sort -z | xargs -0 sha256sum; sh kept/run.sh)";

/** Stands in for NVIDIA's on a node, which has four GPUs. */
const NVIDIA_SMI = `#!/bin/sh
for n in 0 1 2 3; do
  uuid="GPU-0000000$n-0000-4000-8000-000000000000"
  case "$*" in
    *index,uuid*) echo "$n, $uuid" ;;
    *--id=*$uuid*) echo "$uuid, NVIDIA H100 80GB HBM3, 535.129.03, 81559, 4, 0, 345, 1980, Not Active" ;;
  esac
done
`;

describe.skipIf(isAbsent('an attempt that Slurm places', missingForCluster()))('an attempt that Slurm places', () => {
  let testing: TestDatabase;
  let cluster: SlurmCluster;
  let dir: string;
  let port: number;
  const processes: ChildProcess[] = [];
  let worker: ChildProcess;
  let start: (app: 'gateway' | 'worker') => ChildProcess;
  let plumb: (...args: string[]) => Promise<unknown>;

  beforeAll(async () => {
    testing = await testDatabase({ poolMax: 5 });
    cluster = await SlurmCluster.start();
    dir = await mkdtemp(join(tmpdir(), 'plumbline-lost-'));
    await chmod(dir, 0o755);
    // Sandboxes of this machine are walked to by users of their own.
    await mkdir(join(dir, 'data'), { mode: 0o711 });
    port = await freePort();
    const env = {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      DATABASE_URL: testing.url,
      PLUMBLINE_DATA_DIR: join(dir, 'data'),
      GATEWAY_PORT: String(port),
      PUBLIC_URL: ORIGIN,
      LOG_LEVEL: 'error',
    };
    await ensureLocalHost(testing.db, 'bubblewrap');
    const settings = SlurmHostSettings.parse({
      sharedDir: join(dir, 'shared'),
      nodeDir: join(dir, 'node'),
      slurmConf: cluster.confPath,
      launchScript: join(dir, 'launch.sh'),
      gatewayUrl: `ws://127.0.0.1:${port}/realtime/runner`,
    });
    const addCluster = (name: string, reach: SlurmHostSettings, isolation: IsolationName = 'bubblewrap') =>
      addHost(testing.db, { name, reach: { placement: 'slurm', settings: reach }, isolation }, { by: null });
    await addCluster('lab', settings);
    await addCluster('shared', { ...settings, sharedDir: join(dir, 'shared-work'), nodeDir: null });
    // No node has NVIDIA's driver, which says which device is which GPU: that no isolation asks for.
    await addCluster('gpus', { ...settings, sharedDir: join(dir, 'shared-gpus') }, 'none');
    await useHost('gpus');
    await writeFile(join(dir, 'launch.sh'), launchScript());
    await mkdir(join(dir, 'bin'));
    await writeFile(join(dir, 'bin/nvidia-smi'), NVIDIA_SMI, { mode: 0o755 });
    await breakNode('none');
    plumb = (...args) => promisify(execFile)(process.execPath, [join(REPOSITORY, 'apps/cli/src/main.ts'), ...args], { env });
    start = (app) => {
      const child = spawn(process.execPath, [join(REPOSITORY, 'apps', app, 'src/main.ts')], { env, stdio: ['ignore', 2, 2] });
      processes.push(child);
      return child;
    };
    start('gateway');
    worker = start('worker');
  });
  afterAll(async () => {
    for (const child of processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await cluster?.stop();
    await testing?.drop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  /** Where no node is named as the broken one yet, the first that is given a job is it. */
  const launchScript = () =>
    `PATH=${dir}/bin:$PATH\n[ -e ${dir}/broken ] || echo "$SLURMD_NODENAME" > ${dir}/broken\n[ "$(cat ${dir}/broken)" != "$SLURMD_NODENAME" ]\n`;
  /** New attempts are placed on this host alone. */
  async function useHost(name: string): Promise<void> {
    for (const host of await listHosts(testing.db)) await setHostDrained(testing.db, host.name, host.name !== name, { by: null });
  }
  const breakNode = (node: 'none' | 'next') => (node === 'none' ? writeFile(join(dir, 'broken'), 'none') : rm(join(dir, 'broken')));

  const openTab = (userId: string, attemptId: string) => openTabAt({ db: testing.db, port, origin: ORIGIN }, userId, attemptId);
  const ask = <A extends RequestAct>(userId: string, attemptId: string, act: A, args: RequestArgs<A>) =>
    askAt({ db: testing.db, port, origin: ORIGIN }, { userId, attemptId, act, args });

  async function scheduled(gpus = 0): Promise<{ id: string; expert: { id: string } }> {
    const { db } = testing;
    const family = loadFamily(FAMILY);
    const settings = family.tasks['main']?.settings;
    const resources = { ...settings?.resources, ...(gpus > 0 && { gpu: { count_range: [gpus, gpus], model: 'h100' } }) };
    const { attempt, expert, environmentId } = await makeAttempt(db, {
      familyDir: FAMILY,
      environmentSettings: { ...settings, resources },
    });
    const data = { contentHash: family.contentHash, version: randomUUID() };
    await db.prisma.environment.update({ where: { id: environmentId }, data });
    return { id: attempt.id, expert };
  }

  it('says which GPUs it waits for and who is ahead, finds those of the job, leaves a node that does not start it, and when its job has to make room goes on on another node from the last snapshot, with the minutes given back and the large files named', {
    timeout: 480_000,
  }, async () => {
    const { db } = testing;
    const { id, expert } = await scheduled(4);
    const view = () => loadAttempt(db, id);

    const blockers = await Promise.all([1, 2, 3, 4].map(() => cluster.occupy(4, '--exclusive')));
    await prepareAttempt(db, id);
    await expect.poll(async () => (await view()).progress, { timeout: 180_000 }).toBe('Waiting for 4 × H100: 2 jobs ahead');
    await breakNode('next');
    await cluster.slurm('scancel', ...blockers);
    await expect.poll(async () => (await view()).state, { timeout: 180_000 }).toBe('ready');
    // Somebody mends the node, and says so.
    await breakNode('none');
    await noteFoundWell(db, (await getHost(db, 'gpus')).id);
    const tests = await db.prisma.acceptance.findMany({ where: { attemptId: id }, orderBy: { at: 'asc' } });
    expect(tests.map(({ passed }) => passed)).toEqual([false, true]);
    expect(tests.map(({ node }) => node).sort()).toEqual(['gpu1', 'gpu2']);
    // The numbers that Slurm gave the job, as the names that everything else goes by.
    expect(tests[1]).toMatchObject({ profile: expect.stringContaining('4 × NVIDIA H100') });
    expect(tests[1]?.report).toContainEqual({ check: 'GPUs', expected: '4 × H100', found: '4 × NVIDIA H100 80GB HBM3', passed: true });
    await startAttempt(db, id, expert.id);

    const tab = randomUUID();
    const write = (path: string, text: string) => ask(expert.id, id, 'file.write', { tab, path, text, baseHash: null });
    const read = (path: string) => ask(expert.id, id, 'file.read', { path });
    await expect.poll(() => write('kept.txt', 'kept').catch(() => null), { timeout: 60_000 }).not.toBeNull();
    const type = await openTab(expert.id, id);
    const openTerminal = () => ask(expert.id, id, 'terminal.open', { cols: 80, rows: 24 }).then(({ terminal }) => terminal);
    type(await openTerminal(), 'truncate -s 60M too-large.bin; echo before > typed.txt\r');
    await expect.poll(() => read('typed.txt').then(({ text }) => text, String), { timeout: 60_000 }).toBe('before\n');
    const leftOut = async () => (await findRestorePoint(db, id))?.skipped.map(({ path }) => path);
    await expect.poll(leftOut, { timeout: 90_000 }).toContain('too-large.bin');
    const storedAtMs = async () => {
      const { rows } = await db.pool.query<{ at: Date }>(
        `SELECT s.at FROM workspace_snapshot s JOIN recording_blob b ON b.attempt_id = s.attempt_id AND b.hash = s.bundle JOIN attempt a ON a.id = s.attempt_id
         WHERE s.attempt_id = $1 AND s.at > a.started_at`,
        [id],
      );
      return rows.map(({ at }) => at.getTime());
    };
    await expect.poll(storedAtMs, { timeout: 90_000 }).not.toEqual([]);
    const job = async () => {
      const said = await cluster.slurm('squeue', '--noheader', '--states=RUNNING', `--name=plumbline-${id}`, '--format=%i %N');
      const [number, node = ''] = said.split(' ');
      return { number, node };
    };
    const first = await job();
    const before = await view();
    const urgent = await cluster.occupy(GPUS_PER_NODE, '--partition=urgent', `--nodelist=${first.node}`);
    // A snapshot that finds nothing changed moves the last one's time: in the first job until that is lost, and again in the next.
    const shownAtSnapshots = new Set<number>();
    const kinds = async () => {
      for (const atMs of await storedAtMs()) shownAtSnapshots.add(elapsedMs(before.events, atMs, before.limits.limitMs));
      return (await view()).events.map(({ kind }) => kind);
    };
    await expect.poll(kinds, { timeout: 180_000 }).toEqual(['started', 'rollback', 'outage']);
    const after = await view();
    const rollback = after.events.find((event) => event.kind === 'rollback');
    expect(rollback?.reason).toMatch(/had to make room for another one.*in no copy and must be made again: too-large\.bin \(/);
    expect(shownAtSnapshots).toContain(rollback?.toElapsedMs);
    expect([first.node, (await job()).node].sort()).toEqual(CLUSTER_NODES);
    await cluster.slurm('scancel', urgent);
    await expect.poll(() => read('kept.txt').then(({ text }) => text, String), { timeout: 60_000 }).toBe('kept');
    // The tab that was open all the time types on in the new sandbox.
    type(await openTerminal(), 'echo after > typed.txt\r');
    await expect.poll(() => read('typed.txt').then(({ text }) => text, String), { timeout: 60_000 }).toBe('after\n');
    const now = await view();
    // The clock went on from the snapshot, and only since the sandbox answers again.
    const outage = now.events.find(({ kind }) => kind === 'outage');
    expect(elapsedMs(now.events, outage?.atMs ?? 0, now.limits.limitMs)).toBe(rollback?.toElapsedMs);
    expect(now.state).toBe('running');
    await moveAttempt(db, id, 'void');
  });

  it('loses nothing to a node that dies where the work lies in a shared folder, files that no copy holds included, and goes on on another', {
    timeout: 300_000,
  }, async () => {
    const { db } = testing;
    await useHost('shared');
    const { id, expert } = await scheduled();
    const nodeOf = () => cluster.slurm('squeue', '--noheader', '--states=RUNNING', `--name=plumbline-${id}`, '--format=%N');
    const view = () => loadAttempt(db, id);
    const read = (path: string) => ask(expert.id, id, 'file.read', { path }).then(({ text }) => text, String);
    await prepareAttempt(db, id);
    await expect.poll(async () => (await view()).state, { timeout: 120_000 }).toBe('ready');
    await startAttempt(db, id, expert.id);
    const type = await openTab(expert.id, id);
    let shell: number | null = null;
    const open = () => ask(expert.id, id, 'terminal.open', { cols: 80, rows: 24 }).then(({ terminal }) => terminal);
    const opened = async () => (shell = await open().catch(() => null));
    await expect.poll(opened, { timeout: 60_000 }).not.toBeNull();
    type(Number(shell), 'head -c 60000000 /dev/urandom > too-large.bin; sha256sum too-large.bin > sum; echo done > laid.txt\r');
    await expect.poll(() => read('laid.txt'), { timeout: 30_000 }).toBe('done\n');
    const died = (await nodeOf()) as ClusterNode;
    await cluster.failNode(died);
    await expect.poll(async () => (await view()).events.map(({ kind }) => kind), { timeout: 120_000 }).toEqual(['started', 'outage']);
    await expect.poll(opened, { timeout: 60_000 }).not.toBeNull();
    type(Number(shell), 'sha256sum -c sum > checked.txt\r');
    await expect.poll(() => read('checked.txt'), { timeout: 30_000 }).toBe('too-large.bin: OK\n');
    expect(CLUSTER_NODES.filter((node) => node !== died)).toEqual([await nodeOf()]);
    cluster.startNode(died);
    await moveAttempt(db, id, 'void');
    await expect.poll(() => findLiveLease(db, id), { timeout: 60_000 }).toBeNull();
  });

  it('hibernates on one machine and is woken on another by the next worker, with every byte, mode and link of its files, and the clock as it stood', {
    timeout: 300_000,
  }, async () => {
    const { db } = testing;
    await useHost('lab');
    const { id, expert } = await scheduled();
    const view = () => loadAttempt(db, id);
    const say = <A extends RequestAct>(act: A, args: RequestArgs<A>) => ask(expert.id, id, act, args);
    const read = (path: string) => say('file.read', { path }).then(({ text }) => text, String);
    await prepareAttempt(db, id);
    await expect.poll(async () => (await view()).state, { timeout: 120_000 }).toBe('ready');
    await startAttempt(db, id, expert.id);
    const type = await openTab(expert.id, id);
    const terminal = () => say('terminal.open', { cols: 80, rows: 24 }).then((opened) => opened.terminal);
    const opened = () => terminal().catch(() => null);
    let shell: number | null = null;
    await expect.poll(async () => (shell = await opened()), { timeout: 60_000 }).not.toBeNull();
    type(Number(shell), `${LAY_FILES}; ${LIST_FILES} > before.txt; echo done > laid.txt\r`);
    await expect.poll(() => read('laid.txt'), { timeout: 30_000 }).toBe('done\n');
    const before = String(await read('before.txt'));
    expect(before.split('\n').length).toBeGreaterThan(8);

    // From here on this worker does nothing any more, as one that was killed the moment the pause was committed.
    worker.kill('SIGSTOP');
    const paused = await say('pause', { reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 }).finally(() => worker.kill('SIGKILL'));
    expect(paused.state).toBe('paused');
    expect(await findLiveLease(db, id)).toMatchObject({ state: 'releasing' });
    await useHost(LOCAL_HOST_NAME);
    worker = start('worker');
    await expect.poll(() => findLiveLease(db, id), { timeout: 60_000 }).toBeNull();
    expect(await cluster.slurm('squeue', '--noheader', `--name=plumbline-${id}`)).toBe('');
    expect((await view()).state).toBe('paused');

    await say('wake', {});
    const resumed = () => say('resume', {}).then(({ state }) => state, String);
    await expect.poll(resumed, { timeout: 120_000, interval: 500 }).toBe('running');
    const leases = await db.prisma.lease.findMany({ where: { attemptId: id }, orderBy: { requestedAt: 'asc' }, include: { host: true } });
    expect(leases.map(({ state, host }) => [state, host?.name])).toEqual([
      ['released', 'lab'],
      ['held', LOCAL_HOST_NAME],
    ]);
    const { events, limits } = await view();
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'paused', 'woken', 'rollback', 'resumed']);
    const named = expect.stringMatching(/^the attempt came back on another machine.*too-large\.bin/);
    expect(events.find(({ kind }) => kind === 'rollback')).toMatchObject({ reason: named });
    const elapsed = (kind: string) => elapsedMs(events, events.find((event) => event.kind === kind)?.atMs ?? 0, limits.limitMs);
    expect(elapsed('resumed')).toBe(elapsed('paused'));

    await expect.poll(async () => (shell = await opened()), { timeout: 60_000 }).not.toBeNull();
    type(Number(shell), `${LIST_FILES} > after.txt; echo done > listed.txt\r`);
    await expect.poll(() => read('listed.txt'), { timeout: 30_000 }).toBe('done\n');
    expect(await read('after.txt')).toBe(before);
    await moveAttempt(db, id, 'void');
    await expect.poll(() => findLiveLease(db, id), { timeout: 60_000 }).toBeNull();
  });

  it.skipIf(isAbsent('an attempt over SSH', missingForSshHost()))(
    'over SSH goes on through a cut link and a killed worker in the same sandbox, is scored and ends',
    {
      timeout: 480_000,
    },
    async () => {
      const { db } = testing;
      const machine = await SshMachine.start();
      try {
        const gatewayUrl = `ws://${await machine.relay(port)}/realtime/runner`;
        const { address, user, keyFile } = machine;
        const far = join(dir, 'far');
        const settings = SshHostSettings.parse({ address, user, keyFile, hostKey: await machine.hostKey(), dataDir: far, gatewayUrl });
        await addHost(db, { name: 'bench', reach: { placement: 'ssh', settings }, isolation: 'bubblewrap' }, { by: null });
        await plumb('host', 'check', 'bench');
        const bench = await getHost(db, 'bench');
        // Its disk is this machine's, and by turns slow and fast for what else is done there.
        await saveInventory(db, bench.id, { ...(bench.inventory as HostInventory), diskWriteBytesPerSecond: null });
        await useHost('bench');
        const { id, expert } = await scheduled();
        const view = () => loadAttempt(db, id);
        const read = (path: string) => ask(expert.id, id, 'file.read', { path }).then(({ text }) => text, String);
        await prepareAttempt(db, id);
        await expect.poll(async () => (await view()).state, { timeout: 240_000 }).toBe('ready');
        await startAttempt(db, id, expert.id);
        const type = await openTab(expert.id, id);
        let shell: number | null = null;
        const opened = async () =>
          (shell = (await ask(expert.id, id, 'terminal.open', { cols: 80, rows: 24 }).catch(() => null))?.terminal ?? null);
        await expect.poll(opened, { timeout: 60_000 }).not.toBeNull();
        type(Number(shell), 'here=kept; echo $here > before.txt\r');
        await expect.poll(() => read('before.txt'), { timeout: 30_000 }).toBe('kept\n');

        await machine.cutLink();
        type(Number(shell), 'echo $here > after.txt\r');
        worker.kill('SIGKILL');
        worker = start('worker');
        await machine.mendLink();
        await expect.poll(() => read('after.txt'), { timeout: 60_000 }).toBe('kept\n');
        expect((await view()).events.map(({ kind }) => kind).filter((kind) => kind !== 'outage')).toEqual(['started']);

        await ask(expert.id, id, 'score', {});
        const scores = async () => (await listScores(db, id)).filter(({ trigger }) => trigger === 'participant').map(({ score }) => score);
        await expect.poll(scores, { timeout: 60_000 }).toEqual([0.575]);
        await ask(expert.id, id, 'submit', { confirm: true });
        await expect.poll(async () => (await view()).state, { timeout: 120_000 }).toBe('completed');
        await expect.poll(() => findLiveLease(db, id), { timeout: 60_000 }).toBeNull();
        expect(await processesNaming([join(far, 'runners')])).toEqual([]);
      } finally {
        await machine.stop();
      }
    },
  );
});
