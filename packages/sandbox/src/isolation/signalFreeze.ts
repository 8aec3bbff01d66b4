import { AppError } from '@plumbline/core';
import { type ProcessStat, processStat, signalProcess } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';

export const SIGNAL_WARNING =
  'Processes were stopped by signal: a shell may show its foreground job as stopped after the pause; `fg` brings it back.';

const STOP_TIMEOUT_MS = 5_000;

/** Stops every process that `list` finds, again and again until it finds none that still runs. */
export async function stopBySignal(list: () => Promise<ProcessStat[]>): Promise<void> {
  const stopped = await waitUntil(async () => {
    const running = (await list()).filter((stat) => stat.state !== 'T' && stat.state !== 'Z');
    for (const stat of running) signalProcess(stat.pid, 'SIGSTOP');
    return running.length === 0;
  }, STOP_TIMEOUT_MS);
  if (stopped) return;
  for (const stat of await list()) if (processStat(stat.pid)?.state === 'T') signalProcess(stat.pid, 'SIGCONT');
  throw new AppError('unavailable', 'The sandbox did not stop within five seconds, so the clock was not paused. Try again.');
}
