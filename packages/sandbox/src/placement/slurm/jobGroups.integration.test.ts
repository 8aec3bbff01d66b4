import { mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractWorld } from '../../contract/contract.ts';
import { processStat } from '../../host/processTable.ts';
import { Cgroup } from '../../isolation/cgroups.ts';
import { readRecord } from '../../isolation/sandboxState.ts';
import { CLUSTER_NODES, missingForCluster, SlurmCluster } from './cluster.fixture.ts';

/** A cluster whose jobs are in control groups. The tree of version 2 has tests of its own, since a host has one of them for its controllers. */

const CHILD = fileURLToPath(new URL('../../contract/child.ts', import.meta.url));
const JOB_MEMORY_MIB = 1024;
/** The hierarchies in which this cluster keeps its jobs. */
const HIERARCHIES = ['freezer', 'memory'];

/** Another host has them in version 2. */
async function hasVersion1(): Promise<boolean> {
  const found: string[][] = await Promise.all(HIERARCHIES.map((name) => readdir(join('/sys/fs/cgroup', name)).catch(() => [])));
  return found.every((names) => names.includes('cgroup.procs'));
}

const isSkipped = isAbsent('a sandbox in its job’s groups', missingForCluster()) || !(await hasVersion1());

/** What this cluster's daemons made and leave. */
async function removeGroups(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeGroups(join(path, entry.name));
  }
  await rmdir(path).catch(() => undefined);
}

describe.skipIf(isSkipped)('a sandbox of a job', () => {
  let cluster: SlurmCluster;
  let world: ContractWorld;
  let dir: string;

  beforeAll(async () => {
    cluster = await SlurmCluster.start({ cgroups: true });
    world = await ContractWorld.open({ name: 'bubblewrap' });
    dir = await mkdtemp(join(tmpdir(), 'plumbline-job-'));
  });
  afterAll(async () => {
    await cluster?.stop();
    await world?.close();
    for (const hierarchy of HIERARCHIES)
      for (const node of CLUSTER_NODES) await removeGroups(join('/sys/fs/cgroup', hierarchy, `slurm_${node}`));
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  it('is inside the job’s own control groups, so that the job’s memory is its limit and the job’s end its end', async () => {
    const spec = await world.spec({ memoryBytes: null });
    await mkdir(spec.dir, { recursive: true });
    const output = join(dir, 'output');
    const words = [process.execPath, CHILD, 'hold', JSON.stringify(world.child), JSON.stringify(spec)];
    const command = words.map((word) => `'${word}'`).join(' ');
    const jobId = await cluster.slurm('sbatch', '--parsable', `--mem=${JOB_MEMORY_MIB}M`, `--output=${output}`, `--wrap=exec ${command}`);
    await expect.poll(() => readFile(output, 'utf8').catch(String), { timeout: 60_000 }).toBe('held\n');
    const record = await readRecord(spec.dir);
    const pids = (await Promise.all((record?.cgroups ?? []).map((folders) => Cgroup.existing(folders).pids()))).flat();
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) {
      const groups = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n').map((line) => line.split(':'));
      for (const hierarchy of HIERARCHIES) {
        const path = groups.find(([, name]) => name === hierarchy)?.[2] ?? '';
        expect(path, hierarchy).toContain(`/job_${jobId}/`);
        const ofJob = path.slice(0, path.indexOf(`/job_${jobId}/`) + `/job_${jobId}`.length);
        if (hierarchy !== 'memory') continue;
        const limit = await readFile(join('/sys/fs/cgroup/memory', ofJob, 'memory.limit_in_bytes'), 'utf8');
        expect(Number(limit)).toBe(JOB_MEMORY_MIB * 1024 ** 2);
      }
    }
    await cluster.slurm('scancel', jobId);
    const left = async () => {
      const stats = await Promise.all(pids.map(processStat));
      return stats.filter((found) => found !== null && found.state !== 'Z').length;
    };
    await expect.poll(left).toBe(0);
    for (const folders of record?.cgroups ?? []) await Cgroup.existing(folders).remove();
  });
});
