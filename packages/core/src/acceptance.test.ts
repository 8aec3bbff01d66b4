import { describe, expect, test } from 'vitest';
import { type ExpectedHardware, type FoundGpu, type FoundHardware, hardwareChecks, startingScoreCheck } from './acceptance.ts';

const GB = 1024 ** 3;
const gpu: FoundGpu = {
  id: 'GPU-a',
  model: 'NVIDIA H100 80GB HBM3',
  driver: '535.129.03',
  memoryBytes: 80 * GB,
  memoryUsedBytes: 0.5 * GB,
  smClockMhz: 345,
  smClockMaxMhz: 1980,
  slowedDown: false,
};
const expected: ExpectedHardware = {
  need: { gpuCount: 1, gpuModel: 'h100', cpus: null, memoryBytes: null, exclusive: false, rootScorer: false },
  gpuIds: ['GPU-a'],
  drivers: new Map([['GPU-a', '535.129.03']]),
  diskWriteBytesPerSecond: 1e9,
};
const found = (gpus: FoundGpu[], more: Partial<FoundHardware> = {}): FoundHardware => ({
  gpus,
  gpuProblem: null,
  diskWriteBytesPerSecond: 9e8,
  ...more,
});
const failed = (hardware: FoundHardware, of = expected) =>
  hardwareChecks(of, hardware)
    .filter(({ passed }) => !passed)
    .map(({ check }) => check);

describe('a machine', () => {
  test('that is as it was granted passes, and each thing that was looked at is in the report', () => {
    const checks = hardwareChecks(expected, found([gpu]));
    expect(checks.every(({ passed }) => passed)).toBe(true);
    expect(checks.map(({ check }) => check)).toEqual(['GPUs', 'GPU 0: driver', 'GPU 0: memory free', 'GPU 0: clocks', 'Disk']);
  });

  test.each([
    ['another model', [{ ...gpu, model: 'NVIDIA A100-SXM4-80GB' }], 'GPUs'],
    ['another GPU than the leased one', [{ ...gpu, id: 'GPU-b' }], 'GPUs'],
    ['more GPUs than were leased', [gpu, { ...gpu, id: 'GPU-b' }], 'GPUs'],
    ['no GPU', [], 'GPUs'],
    ['another driver than at the last check', [{ ...gpu, driver: '550.54.15' }], 'GPU 0: driver'],
    ['memory that somebody else holds', [{ ...gpu, memoryUsedBytes: 20 * GB }], 'GPU 0: memory free'],
    ['clocks that heat holds down', [{ ...gpu, slowedDown: true }], 'GPU 0: clocks'],
  ])('with %s is refused', (_what, gpus, check) => {
    expect(failed(found(gpus as FoundGpu[]))).toContain(check);
  });

  test('whose GPUs cannot be asked is refused with what was said', () => {
    const checks = hardwareChecks(expected, found([], { gpuProblem: 'No devices were found' }));
    expect(checks[0]).toMatchObject({ passed: false, found: 'No devices were found' });
  });

  test('whose disk is far slower than at its check is refused; one that was never measured is not', () => {
    expect(failed(found([gpu], { diskWriteBytesPerSecond: 1e8 }))).toEqual(['Disk']);
    expect(failed(found([gpu], { diskWriteBytesPerSecond: 1e6 }), { ...expected, diskWriteBytesPerSecond: null })).toEqual([]);
  });

  test('a cluster that chose the GPUs itself passes by model and number', () => {
    expect(failed(found([{ ...gpu, id: 'GPU-z' }]), { ...expected, gpuIds: [], drivers: new Map() })).toEqual([]);
  });
});

describe('the starting score', () => {
  const calibration = { mean: 1.5, sd: 0.01, n: 10 };

  test('within its noise passes, and beyond it, or without a number, does not', () => {
    expect(startingScoreCheck({ status: 'scored', score: 1.53 }, calibration, null).passed).toBe(true);
    expect(startingScoreCheck({ status: 'scored', score: 1.55 }, calibration, null).passed).toBe(false);
    expect(startingScoreCheck({ status: 'crashed', score: null }, calibration, null)).toMatchObject({ passed: false, found: 'crashed' });
  });

  test('is only recorded where nobody calibrated this hardware, or too few times', () => {
    expect(startingScoreCheck({ status: 'crashed', score: null }, null, null)).toMatchObject({
      passed: true,
      expected: 'not calibrated on this hardware',
    });
    expect(startingScoreCheck({ status: 'scored', score: 9 }, { mean: 1, sd: 0, n: 1 }, null).passed).toBe(true);
  });

  test('may differ as twins of the machine do, however close the scores of one calibration lie', () => {
    const calibration = { mean: 1.8173, sd: 0.0059, n: 10 };
    const check = (score: number) => startingScoreCheck({ status: 'scored', score }, calibration, 0.47 - 1.56);
    expect(check(1.791)).toMatchObject({ passed: true, expected: '1.8173 ± 0.0436' });
    expect(check(1.87).passed).toBe(false);
    expect(startingScoreCheck({ status: 'scored', score: 0.26 }, { mean: 0.25, sd: 0, n: 5 }, 1).passed).toBe(false);
  });

  test('without noise has to be the same, but for rounding', () => {
    expect(startingScoreCheck({ status: 'scored', score: 0.25 }, { mean: 0.25, sd: 0, n: 5 }, null).passed).toBe(true);
    expect(startingScoreCheck({ status: 'scored', score: 0.26 }, { mean: 0.25, sd: 0, n: 5 }, null).passed).toBe(false);
  });
});
