import { mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAbsent, isOtherwise } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractWorld } from '../../contract/contract.ts';
import { processStat } from '../../host/processTable.ts';
import { Cgroup } from '../../isolation/cgroups.ts';
import { BASE_IMAGE, TestEngine } from '../../isolation/docker/engine.fixture.ts';
import { Engine } from '../../isolation/docker/engine.ts';
import { readRecord } from '../../isolation/sandboxState.ts';
import { CLUSTER_NODES, missingForCluster, SlurmCluster } from './cluster.fixture.ts';

/** A cluster whose jobs are in control groups. The tree of version 2 has tests of its own, since a host has one of them for its controllers. */

const CHILD = fileURLToPath(new URL('../../contract/child.ts', import.meta.url));
const END_LEFTOVERS = fileURLToPath(new URL('./endLeftovers.ts', import.meta.url));
const JOB_MEMORY_MIB = 1024;
/** The hierarchies in which this cluster keeps its jobs. */
const HIERARCHIES = ['freezer', 'memory'];

/** Another host has them in version 2. */
async function hasVersion1(): Promise<boolean> {
  const found: string[][] = await Promise.all(HIERARCHIES.map((name) => readdir(join('/sys/fs/cgroup', name)).catch(() => [])));
  return found.every((names) => names.includes('cgroup.procs'));
}

const GROUPS = 'a sandbox in its job’s groups';
const isSkipped =
  isAbsent(GROUPS, missingForCluster()) ||
  isOtherwise(GROUPS, (await hasVersion1()) ? null : 'this host keeps its control groups in version 2');

/** What this cluster's daemons made and leave. */
async function removeGroups(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeGroups(join(path, entry.name));
  }
  await rmdir(path).catch(() => undefined);
}

describe.skipIf(isSkipped)('a sandbox of a job', () => {
  let cluster: SlurmCluster;
  let engine: TestEngine;
  let dir: string;

  beforeAll(async () => {
    cluster = await SlurmCluster.start({ cgroups: true });
    engine = await TestEngine.start();
    dir = await mkdtemp(join(tmpdir(), 'plumbline-job-'));
  }, 180_000);
  afterAll(async () => {
    await cluster?.stop();
    await engine?.stop();
    for (const hierarchy of await readdir('/sys/fs/cgroup'))
      for (const node of CLUSTER_NODES) await removeGroups(join('/sys/fs/cgroup', hierarchy, `slurm_${node}`));
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  /** The processes of a sandbox, from what is written down of it. */
  async function pidsOf(sandboxDir: string): Promise<number[]> {
    const record = await readRecord(sandboxDir);
    if (record?.containers === undefined) {
      return (await Promise.all((record?.cgroups ?? []).map((folders) => Cgroup.existing(folders).pids()))).flat();
    }
    const found = await Promise.all(record.containers.names.map((name) => new Engine(engine.socketPath).inspect(name)));
    return found.flatMap((container) => (container?.running ? [container.pid] : []));
  }

  it.each(['bubblewrap', 'docker'] as const)(
    'is inside the job’s own control groups, so that the job’s memory is its limit and the job’s end its end (%s)',
    { timeout: 120_000 },
    async (name) => {
      const world = await ContractWorld.open(name === 'docker' ? { name, baseImage: BASE_IMAGE, socketPath: engine.socketPath } : { name });
      const spec = await world.spec({ memoryBytes: null });
      await mkdir(spec.dir, { recursive: true });
      const output = join(dir, name);
      const words = [process.execPath, CHILD, 'hold', JSON.stringify(world.child), JSON.stringify(spec)];
      const command = words.map((word) => `'${word}'`).join(' ');
      const jobId = await cluster.slurm('sbatch', '--parsable', `--mem=${JOB_MEMORY_MIB}M`, `--output=${output}`, `--wrap=exec ${command}`);
      await expect.poll(() => readFile(output, 'utf8').catch(String), { timeout: 60_000 }).toBe('held\n');
      const record = await readRecord(spec.dir);
      const pids = await pidsOf(spec.dir);
      expect(pids.length).toBeGreaterThan(0);
      for (const pid of pids) {
        const groups = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n').map((line) => line.split(':'));
        for (const hierarchy of HIERARCHIES) {
          const path = groups.find(([, one]) => one === hierarchy)?.[2] ?? '';
          expect(path, hierarchy).toContain(`/job_${jobId}/`);
          const ofJob = path.slice(0, path.indexOf(`/job_${jobId}/`) + `/job_${jobId}`.length);
          if (hierarchy !== 'memory') continue;
          const limit = await readFile(join('/sys/fs/cgroup/memory', ofJob, 'memory.limit_in_bytes'), 'utf8');
          expect(Number(limit)).toBe(JOB_MEMORY_MIB * 1024 ** 2);
        }
      }
      await cluster.slurm('scancel', jobId);
      const left = async () => {
        const stats = pids.map(processStat);
        return stats.filter((found) => found !== null && found.state !== 'Z').length;
      };
      await expect.poll(left, { timeout: 30_000 }).toBe(0);
      for (const folders of record?.cgroups ?? []) await Cgroup.existing(folders).remove();
      await world.close();
    },
  );

  it('of containers leaves no group where the cluster makes none, once the job clears up', { timeout: 60_000 }, async () => {
    const output = join(dir, 'cleared');
    const script = [
      // As an engine makes it, which has one name for all hierarchies.
      'group=/sys/fs/cgroup/pids/slurm_$SLURMD_NODENAME/uid_$(id -u)/job_$SLURM_JOB_ID',
      'mkdir -p $group && ls -d $group',
      `'${process.execPath}' '${END_LEFTOVERS}' '${dir}'`,
      'ls -d $group || echo cleared',
    ].join('\n');
    const jobId = await cluster.slurm('sbatch', '--parsable', `--output=${output}`, `--wrap=${script}`);
    const lines = async () => (await readFile(output, 'utf8').catch(() => '')).trim().split('\n');
    await expect.poll(async () => (await lines()).at(-1), { timeout: 40_000 }).toBe('cleared');
    expect((await lines())[0]).toMatch(new RegExp(`/job_${jobId}$`));
  });
});
