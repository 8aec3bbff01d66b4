import { describe, expect, test } from 'vitest';
import { hardwareProfile } from './hardwareProfile.ts';
import { type CalibrationRecord, calibrate, scaleFor } from './scale.ts';

const PUBLISHED = { startingScore: 1.56, referenceScore: 0.47, measuredOn: '1 × H100' };
const of = (solution: 'start' | 'reference', mean: number, atMs: number, profile = 'A'): CalibrationRecord => ({
  profile,
  solution,
  mean,
  sd: 0.01,
  n: 10,
  atMs,
});

describe('the scale of an attempt', () => {
  test('is its own profile’s newest calibration', () => {
    const calibrations = [
      of('start', 1.4, 1),
      of('start', 1.5, 2),
      of('reference', 0.4, 1),
      of('start', 9, 3, 'B'),
      of('reference', 8, 3, 'B'),
    ];
    expect(scaleFor(PUBLISHED, calibrations, 'A')).toEqual({
      startingScore: 1.5,
      referenceScore: 0.4,
      source: 'calibration',
      profile: 'A',
      note: null,
    });
  });

  test('is the published one, and says so, where the profile has no calibration or half of one', () => {
    for (const calibrations of [[], [of('start', 1.4, 1)], [of('start', 9, 3, 'B'), of('reference', 8, 3, 'B')]]) {
      const scale = scaleFor(PUBLISHED, calibrations, 'A');
      expect(scale).toMatchObject({ startingScore: 1.56, referenceScore: 0.47, source: 'published' });
      expect(scale.note).toBe('Normalised by the scores published for 1 × H100; there is no calibration on A.');
    }
    expect(scaleFor(PUBLISHED, [], null).note).toContain('hardware is not known');
  });

  test('has nothing to say where scores are shown raw', () => {
    expect(scaleFor({ ...PUBLISHED, referenceScore: null }, [], 'A').note).toBeNull();
  });
});

test('a calibration is mean, sample standard deviation and count', () => {
  expect(calibrate([1, 2, 3])).toEqual({ mean: 2, sd: 1, n: 3 });
  expect(calibrate([5])).toEqual({ mean: 5, sd: 0, n: 1 });
  expect(() => calibrate([])).toThrow(RangeError);
});

test('a hardware profile names GPUs by kind and number, and the processor where there are none', () => {
  const cpu = { cpus: 2, cpuModel: 'Intel(R)  Xeon(R) ' };
  expect(hardwareProfile({ ...cpu, gpuModels: ['H100', 'A100', 'H100'] })).toBe('1 × A100 + 2 × H100');
  expect(hardwareProfile({ ...cpu, gpuModels: [] })).toBe('2 × Intel(R) Xeon(R)');
});
