import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks until the answer is yes. The kernel tells of frozen and ended groups in files that cannot be waited on.
 * Resolves with false when `timeoutMs` passed without it.
 */
export async function waitUntil(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  let pauseMs = 1;
  while (!(await condition())) {
    if (performance.now() > end) return false;
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 25);
  }
  return true;
}
