/** When the GPUs of an attempt stand idle so long that somebody should ask. Time is the attempt's own clock, so a pause is no idling. */

/** Kernels that run for less than this part of a sample are the driver's own, or a monitor's. */
const BUSY_FROM_PERCENT = 5;

/** Reading, planning and downloads take long; an hour without a kernel on rented GPUs is worth a question. */
export const GPU_IDLE_FLAG_MS = 3_600_000;

/** Whether any GPU is at work: one of several is enough. An average over time would hide a job that worked once and hangs since. */
export function isGpuBusy(gpus: readonly { usePercent: number }[]): boolean {
  return gpus.some(({ usePercent }) => usePercent >= BUSY_FROM_PERCENT);
}

/**
 * How long no GPU has been at work, in milliseconds on the attempt's clock; null where it has none or has not begun.
 *
 * @param busyElapsedMs What the clock showed when one was last seen at work; null for never.
 */
export function gpuIdleMs(attempt: { gpuCount: number; elapsedMs: number; busyElapsedMs: number | null }): number | null {
  if (attempt.gpuCount === 0) return null;
  return Math.max(0, attempt.elapsedMs - (attempt.busyElapsedMs ?? 0));
}
