import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Starts what has ended, and tries again for as long as that fails: what is in the way, a full disk for one, may go. Waits as
 * `waitsMs` has it, the last of them from then on. Returns when it is started or `signal` aborts.
 */
export async function startAgain(
  start: () => Promise<void>,
  { waitsMs, signal, onFailed }: { waitsMs: readonly number[]; signal: AbortSignal; onFailed(error: Error): void },
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await start();
    } catch (error) {
      onFailed(error as Error);
      const waitMs = waitsMs[Math.min(failures, waitsMs.length - 1)];
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }
}
