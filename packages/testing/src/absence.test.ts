import { afterEach, expect, test, vi } from 'vitest';
import { isAbsent } from './absence.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('tests of what is missing are skipped out loud, and fail in continuous integration', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  vi.stubEnv('CI', '');
  expect(isAbsent('the placement slurm', 'slurmd is missing')).toBe(true);
  expect(warn).toHaveBeenCalledExactlyOnceWith('SKIPPED: the placement slurm: slurmd is missing.');
  vi.stubEnv('CI', 'true');
  expect(() => isAbsent('the placement slurm', 'slurmd is missing')).toThrow(
    'the placement slurm cannot be tested here: slurmd is missing.',
  );
  expect(isAbsent('the placement slurm', null)).toBe(false);
});
