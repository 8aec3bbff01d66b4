import { expect, test } from 'vitest';
import { jobGroupOf } from './jobGroup.ts';

test('a job’s group is found in both versions, and where hierarchies do not agree on it none is named', () => {
  const version1 = '6:freezer:/slurm_n1/uid_0/job_12/step_batch\n4:memory:/slurm_n1/uid_0/job_12/step_batch/task_0\n1:cpu:/\n0::/';
  expect(jobGroupOf(version1, '12')).toBe('/slurm_n1/uid_0/job_12');
  expect(jobGroupOf('0::/system.slice/slurmstepd.scope/job_12/step_batch/user/task_0', '12')).toBe('/system.slice/slurmstepd.scope/job_12');
  expect(jobGroupOf('4:memory:/slurm/job_12', '12')).toBe('/slurm/job_12');
  expect(jobGroupOf(version1, '1')).toBeNull();
  expect(jobGroupOf(version1, null)).toBeNull();
  expect(jobGroupOf('6:freezer:/a/job_12/step_batch\n4:memory:/b/job_12', '12')).toBeNull();
});
