import { gpuSummary, gpuWords, isGpuModel, type ResourceNeed } from './leases/resources.ts';

/** The test that a machine passes before an attempt may begin on it: rules over what was found there, each with its words. */

export interface AcceptanceCheck {
  check: string;
  expected: string;
  found: string;
  passed: boolean;
}

export interface FoundGpu {
  id: string;
  model: string;
  driver: string;
  memoryBytes: number | null;
  memoryUsedBytes: number | null;
  smClockMhz: number | null;
  smClockMaxMhz: number | null;
  slowedDown: boolean | null;
}

/** What a runner found on its host, outside the sandbox. */
export interface FoundHardware {
  gpus: readonly FoundGpu[];
  /** Why the GPUs could not be asked; null where they could. */
  gpuProblem: string | null;
  diskWriteBytesPerSecond: number | null;
}

/** What the attempt was granted, and what the last check of the host found. */
export interface ExpectedHardware {
  need: ResourceNeed;
  gpuIds: readonly string[];
  /** By the host's inventory: driver of each GPU. */
  drivers: ReadonlyMap<string, string | null>;
  diskWriteBytesPerSecond: number | null;
}

/** A GPU with more than this in use belongs to somebody else as well; drivers and displays take less. */
const MEMORY_USED_MAX = 0.05;

/** Below this part of what the host's check measured, its disk is failing or somebody else's work fills it. */
const DISK_SPEED_MIN = 0.2;

/**
 * So many standard deviations a starting score may lie off. The test is made for every attempt, so a sound machine must hardly ever
 * fail it, and one whose timings are off by more than its noise must.
 */
const NOISE_SDS = 4;

/**
 * Scores that are taken one after another on one machine lie closer together than those of other hours and of its twins: on two H100s of one
 * kind the same kernel scored 1.817 (SD 0.006, ten in a row) and 1.791. So noise is never taken to be less than this part of the way
 * from the starting to the reference score.
 */
const NOISE_MIN_OF_SPAN = 0.04;

/** With fewer scores a standard deviation says too little to refuse a machine by. */
const CALIBRATION_MIN = 3;

/** For scores without noise: the rounding of two different processors. */
const RELATIVE_ROUNDING = 1e-6;

const gigabytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GB`;
const megabytesPerSecond = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MB/s`;

/** GPUs by model and number, driver, memory, clocks, and the disk. What cannot be found out of a GPU that was leased is a failure. */
export function hardwareChecks(expected: ExpectedHardware, found: FoundHardware): AcceptanceCheck[] {
  const { need, gpuIds, drivers } = expected;
  const checks: AcceptanceCheck[] = [];
  if (need.gpuCount > 0) {
    const right = found.gpus.filter((gpu) => isGpuModel(gpu.model, need.gpuModel) && (gpuIds.length === 0 || gpuIds.includes(gpu.id)));
    checks.push({
      check: 'GPUs',
      expected: gpuWords(need),
      found: found.gpuProblem ?? (gpuSummary(found.gpus) || 'none'),
      passed: found.gpuProblem === null && right.length === need.gpuCount && found.gpus.length === need.gpuCount,
    });
  }
  found.gpus.forEach((gpu, index) => {
    const name = `GPU ${index}`;
    const driver = drivers.get(gpu.id) ?? null;
    if (driver !== null) {
      checks.push({ check: `${name}: driver`, expected: driver, found: gpu.driver, passed: gpu.driver === driver });
    }
    const { memoryBytes, memoryUsedBytes, smClockMhz, smClockMaxMhz, slowedDown } = gpu;
    if (memoryBytes !== null && memoryUsedBytes !== null) {
      checks.push({
        check: `${name}: memory free`,
        expected: `at least ${gigabytes(memoryBytes * (1 - MEMORY_USED_MAX))} of ${gigabytes(memoryBytes)}`,
        found: gigabytes(memoryBytes - memoryUsedBytes),
        passed: memoryUsedBytes <= memoryBytes * MEMORY_USED_MAX,
      });
    }
    const clock = smClockMhz === null || smClockMaxMhz === null ? 'not told' : `${smClockMhz} of ${smClockMaxMhz} MHz`;
    checks.push({
      check: `${name}: clocks`,
      expected: 'not held down by heat or power',
      found: slowedDown === true ? `held down (${clock})` : clock,
      passed: slowedDown !== true,
    });
  });
  if (found.diskWriteBytesPerSecond !== null) {
    const before = expected.diskWriteBytesPerSecond;
    checks.push({
      check: 'Disk',
      expected: before === null ? 'not measured before' : `at least ${megabytesPerSecond(before * DISK_SPEED_MIN)}`,
      found: megabytesPerSecond(found.diskWriteBytesPerSecond),
      passed: before === null || found.diskWriteBytesPerSecond >= before * DISK_SPEED_MIN,
    });
  }
  return checks;
}

/**
 * Whether the starting solution scored here what it scored when this kind of machine was calibrated: within `NOISE_SDS` prediction
 * standard deviations, s·√(1 + 1/n), or `NOISE_MIN_OF_SPAN` where it has noise at all. Without a calibration any outcome is taken, and the
 * report says so. `span`: from the starting to the reference score; null where one of them is not known.
 */
export function startingScoreCheck(
  row: { status: string; score: number | null },
  calibration: { mean: number; sd: number; n: number } | null,
  span: number | null,
): AcceptanceCheck {
  const check = 'Starting score';
  const found = row.score === null ? row.status : String(row.score);
  if (calibration === null || calibration.n < CALIBRATION_MIN) {
    const why = calibration === null ? 'not calibrated on this hardware' : `too few scores to judge by (${calibration.n})`;
    return { check, expected: why, found, passed: true };
  }
  const { mean, sd, n } = calibration;
  const noise = sd === 0 ? 0 : Math.max(NOISE_SDS * sd * Math.sqrt(1 + 1 / n), Math.abs(span ?? 0) * NOISE_MIN_OF_SPAN);
  const off = Math.max(noise, Math.abs(mean) * RELATIVE_ROUNDING);
  return {
    check,
    expected: `${mean} ± ${Number(off.toPrecision(3))}`,
    found,
    passed: row.score !== null && Math.abs(row.score - mean) <= off,
  };
}
