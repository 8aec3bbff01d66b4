import { afterEach, expect, test, vi } from 'vitest';
import { isAbsent, isOtherwise } from './absence.ts';

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

test('tests that another kernel has are skipped out loud there, in continuous integration too', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  vi.stubEnv('CI', 'true');
  expect(isOtherwise('groups of version 1', 'this host has version 2')).toBe(true);
  expect(warn).toHaveBeenCalledExactlyOnceWith('SKIPPED: groups of version 1: this host has version 2.');
  expect(isOtherwise('groups of version 1', null)).toBe(false);
});
