import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, type Database } from '@plumbline/database';
import { gpuDevices } from '@plumbline/sandbox/host/gpuDevices';
import { allPids } from '@plumbline/sandbox/host/processTable';
import { processesNaming } from '@plumbline/sandbox/placement/contractTrial';
import { hasGroupsOfVersion2, missingForCluster, SlurmCluster } from '@plumbline/sandbox/placement/slurm/cluster.fixture';
import { missingForSshHost, SshMachine } from '@plumbline/sandbox/placement/ssh/host.fixture';
import { isAbsent, isOtherwise } from '@plumbline/testing/absence';
import { prepareAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { GATEWAY_PORT, type PlatformUnderTest } from '../support/platform.ts';
import { plumb } from '../support/plumb.ts';
import { gpus, HELD_MIN_BYTES, model, Participant, untilFree } from './participant.ts';

/** A GPU that Slurm gives, and one of a machine over SSH: both are this machine's, behind a cluster's daemons and a link of their own. */

test.describe('attempts on GPUs of machines elsewhere', () => {
  test.skip(gpus.length === 0, 'nvidia-smi names no GPU on this machine');

  let db: Database;
  let dir: string;
  let people: Participant[];

  test.beforeAll(async ({ platform, signIn }) => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-elsewhere-'));
    // Sandboxes of root's runner enter it as users of their own.
    await chmod(dir, 0o755);
    db = createDatabase(platform.databaseUrl, { poolMax: 2 });
    people = await Participant.assigned(
      { db, platform, admin: await signIn('admin') },
      { study: 'GPUs elsewhere', people: 3, gpuCount: 1 },
    );
    await plumb(platform, 'host', 'drain', 'here');
  });

  test.afterAll(async ({ platform }) => {
    for (const person of people ?? []) person.leave();
    await plumb(platform, 'host', 'drain', 'here', '--undo');
    await db?.close();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  /** From *Prepare* to a sandbox that computes on one GPU, is scored there and has that recorded. */
  async function works(person: Participant, platform: PlatformUnderTest): Promise<void> {
    person.attemptId = await prepareAttempt(person.session, /GPU probe/);
    const checks = expect.arrayContaining(['GPUs', 'GPU 0: memory free', 'Starting score']);
    expect(await person.acceptances()).toEqual([{ passed: true, profile: `1 × ${gpus[0]?.model}`, checks }]);
    await person.session.mutate('attempt.start', { attemptId: person.attemptId });
    await person.enter();
    expect(await person.sh('python3 device.py count')).toBe('GPUs: 1\n');
    expect(await person.sh('ls -d /dev/nvidia[0-9]* | wc -l')).toBe('1\n');
    await person.compute();
    const busy = await person.sampleAtWork(platform);
    expect(busy.gpus).toEqual([expect.objectContaining({ memoryBytes: expect.any(Number) })]);
    expect(busy.gpus?.[0]?.memoryBytes).toBeGreaterThan(HELD_MIN_BYTES);
    expect(await person.score()).toMatchObject({ status: 'scored', score: 200, message: { gpus: 1 } });
    const after = await person.launches();
    await until('the computation goes on', async () => (await person.launches()) > after);
  }

  async function handsIn(person: Participant, platform: PlatformUnderTest): Promise<void> {
    await person.tab.request('submit', { confirm: true });
    await person.untilOver(platform);
    await untilFree();
  }

  /** The control groups of the participant's computation, as the kernel names them. */
  async function groupsAtWork(): Promise<string[]> {
    const groups: string[] = [];
    for (const pid of await allPids()) {
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (words === 'python3\0device.py\0') groups.push((await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).trim());
    }
    return groups;
  }

  function givenBySlurm(jobs: string, { cgroups, n }: { cgroups: boolean; n: number }): void {
    test(`a GPU that Slurm gives ${jobs} is the sandbox’s, and Slurm’s again when the attempt is over`, async ({ platform }) => {
      test.skip(isAbsent('an attempt with a GPU that Slurm places', missingForCluster()), 'Slurm is missing');
      const otherwise = cgroups && !hasGroupsOfVersion2() ? 'this host keeps its control groups in version 1' : null;
      test.skip(isOtherwise('a GPU of a job’s groups', otherwise), 'another version of control groups');
      const person = people[n] as Participant;
      const files = await gpuDevices(gpus.map(({ id }) => id));
      const cluster = await SlurmCluster.start({ cgroups, gpuDevices: files.filter((path) => /nvidia\d+$/.test(path)) });
      const name = `lab${n}`;
      try {
        const gateway = `ws://127.0.0.1:${GATEWAY_PORT}/realtime/runner`;
        const where = ['--slurm', join(dir, name), '--slurm-conf', cluster.confPath, '--gpu-type', `${model.toLowerCase()}=h100`];
        await plumb(platform, 'host', 'add', name, ...where, '--gateway-url', gateway);
        const { code, output } = await plumb(platform, 'host', 'check', name);
        expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`${gpus.length} × ${model.toLowerCase()}`) });
        const inUse = () => cluster.slurm('sinfo', '--noheader', '--nodes=gpu1', '--Format=GresUsed:40');
        expect(await inUse()).toMatch(/^gpu:h100:0/);
        await works(person, platform);
        expect(await inUse()).toMatch(/^gpu:h100:1/);
        const job = await cluster.slurm('squeue', '--noheader', '--format=%i');
        const inJob = cgroups ? expect.stringContaining(`/job_${job}/`) : expect.not.stringContaining('/job_');
        expect(await groupsAtWork()).toEqual([inJob]);
        await handsIn(person, platform);
        await until('the job has ended', async () => (await cluster.slurm('squeue', '--noheader')) === '');
        expect(await inUse()).toMatch(/^gpu:h100:0/);
      } finally {
        await plumb(platform, 'host', 'drain', name);
        await cluster.stop();
      }
    });
  }

  givenBySlurm('jobs', { cgroups: false, n: 0 });

  test('a GPU of a machine over SSH is in its inventory and the sandbox’s, and nothing runs there when the attempt is over', async ({
    platform,
  }) => {
    test.skip(isAbsent('an attempt with a GPU over SSH', missingForSshHost()), 'sshd is missing');
    const person = people[2] as Participant;
    const machine = await SshMachine.start();
    try {
      const far = join(dir, 'far');
      const key = ['--ssh', `${machine.user}@${machine.address}`, '--key-file', machine.keyFile, '--host-key', await machine.hostKey()];
      const gateway = `ws://${await machine.relay(GATEWAY_PORT)}/realtime/runner`;
      await plumb(platform, 'host', 'add', 'bench', ...key, '--data-dir', far, '--gateway-url', gateway);
      const { code, output } = await plumb(platform, 'host', 'check', 'bench');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`${gpus.length} × ${gpus[0]?.model}`) });
      await works(person, platform);
      expect(await person.lease()).toMatchObject({ state: 'held', gpuIds: [expect.stringMatching(/^GPU-/)] });
      await handsIn(person, platform);
      expect(await processesNaming([join(far, 'runners')])).toEqual([]);
    } finally {
      await plumb(platform, 'host', 'drain', 'bench');
      await machine.stop();
    }
  });

  givenBySlurm('jobs in control groups of version 2', { cgroups: true, n: 1 });
});
