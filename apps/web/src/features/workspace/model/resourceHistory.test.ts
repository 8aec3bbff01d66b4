import { describe, expect, it } from 'vitest';
import { courseOf, HISTORY_MS, type UsedAt, withUse } from './resourceHistory.ts';

const used = (atMs: number, memoryBytes: number | null): UsedAt => ({
  atMs,
  use: { cpuPercent: null, memoryBytes, memoryLimitBytes: 400, diskFreeBytes: null, gpus: [], processes: null, warnings: [] },
});
const memory = (history: UsedAt[], most: number | null = null) =>
  courseOf(
    history,
    'Memory',
    (use) => use.memoryBytes,
    (value) => `${value} B`,
    most,
  );

describe('what the sandbox used over the last minutes', () => {
  it('ends with what is used now, and forgets what is older than is shown', () => {
    const history = [used(0, 1), used(1_000, 2)];
    expect(withUse(history, used(HISTORY_MS + 500, 3)).map(({ atMs }) => atMs)).toEqual([1_000, HISTORY_MS + 500]);
  });

  it('is drawn as shares of the limit, or of the most that was used where there is none', () => {
    const history = [used(0, 100), used(1_000, 200)];
    expect(memory(history, 400)?.points.map(({ share }) => share)).toEqual([0.25, 0.5]);
    expect(memory(history)?.points.map(({ share }) => share)).toEqual([0.5, 1]);
    expect(memory(history)?.now).toBe('200 B');
  });

  it('shows nothing of what the sandbox does not measure, or no longer does', () => {
    expect(memory([used(0, null)])).toBeNull();
    expect(memory([used(0, 100), used(1_000, null)])).toBeNull();
  });
});
