import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeInTree } from './cgroupTree.ts';

/** Folders as a node of version 2 shows them inside a Slurm job's batch step: what each would give a group that is made in it. */
const GIVES: Readonly<Record<string, string>> = {
  'system.slice': 'cpu memory pids',
  'system.slice/slurmstepd.scope': 'cpu memory',
  'system.slice/slurmstepd.scope/job_7': 'cpu memory',
  'system.slice/slurmstepd.scope/job_7/step_batch': '',
  'system.slice/slurmstepd.scope/job_7/step_batch/user': 'cpu memory',
  'system.slice/slurmstepd.scope/job_7/step_batch/user/task_0': '',
};
const USER = 'system.slice/slurmstepd.scope/job_7/step_batch/user';

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'plumbline-cgroup-'));
  for (const [path, gives] of Object.entries(GIVES)) {
    await mkdir(join(top, path, 'sandbox'), { recursive: true });
    await writeFile(join(top, path, 'cgroup.procs'), '');
    await writeFile(join(top, path, 'cgroup.controllers'), gives);
    await writeFile(join(top, path, 'sandbox/cgroup.controllers'), gives);
  }
});
afterEach(() => rm(top, { recursive: true, force: true }));

const made = (jobId: string | null, wanted: string[]) => makeInTree('sandbox', { own: join(top, USER, 'task_0'), top, jobId }, wanted);

test('a sandbox of a Slurm job stays inside the job’s group, with what limits that gives, though one further out gives more', async () => {
  expect(await made('7', ['memory', 'pids'])).toBe(join(top, USER, 'sandbox'));
});

test('outside a job it is made in the nearest group that gives every limit, and where none does in the nearest that gives most', async () => {
  expect(await made(null, ['memory', 'pids'])).toBe(join(top, 'system.slice/sandbox'));
  expect(await made(null, ['memory'])).toBe(join(top, USER, 'sandbox'));
  expect(await made(null, ['memory', 'hugetlb'])).toBe(join(top, USER, 'sandbox'));
  expect(await made(null, [])).toBe(join(top, USER, 'task_0/sandbox'));
});

test('where processes can be put nowhere there is none', async () => {
  expect(await makeInTree('sandbox', { own: join(top, 'absent'), top, jobId: '7' }, ['memory'])).toBeNull();
});
