import { expect, test } from 'vitest';
import { GPU_IDLE_FLAG_MS, gpuIdleMs, isGpuBusy } from './gpuUse.ts';

test('one GPU at work is enough', () => {
  expect(isGpuBusy([{ usePercent: 0 }, { usePercent: 60 }])).toBe(true);
  expect(isGpuBusy([{ usePercent: 0 }, { usePercent: 1 }])).toBe(false);
});

test('idling is counted from the last work, not averaged, and on the attempt’s own clock', () => {
  expect(gpuIdleMs({ gpuCount: 2, elapsedMs: 5_000_000, busyElapsedMs: 1_000_000 })).toBeGreaterThan(GPU_IDLE_FLAG_MS);
  expect(gpuIdleMs({ gpuCount: 2, elapsedMs: 5_000_000, busyElapsedMs: null })).toBe(5_000_000);
  expect(gpuIdleMs({ gpuCount: 2, elapsedMs: 900, busyElapsedMs: 1_000 })).toBe(0);
  expect(gpuIdleMs({ gpuCount: 0, elapsedMs: 5_000_000, busyElapsedMs: null })).toBeNull();
});
