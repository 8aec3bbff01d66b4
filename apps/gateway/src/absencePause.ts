import { AbsenceWatch } from './absence.ts';
import type { LiveAttempt } from './liveAttempt.ts';
import { pauseAttempt } from './pausing.ts';

/** Pauses one attempt whose expert is away from a sandbox that does nothing. */
export class AbsencePause {
  readonly #watch = new AbsenceWatch();

  /** Called about once a minute. Rejects where the runner does not answer; the next look asks again. */
  async look(attempt: LiveAttempt): Promise<void> {
    if (attempt.view.state !== 'running' || attempt.runner === null) return this.#watch.reset();
    const { processes } = await attempt.runner.call('sandbox.processes', {});
    const cpuMs = processes.reduce((sum, process) => sum + process.cpuMs, 0);
    const connected = attempt.browsers.size > 0;
    if (!this.#watch.look({ nowMs: attempt.gateway.time.nowMs(), connected, cpuMs })) return;
    // A pause would wait for the score, and come when the expert may be back: who is still away once it has ended is paused then.
    if (await attempt.scoring.isRunning()) return;
    this.#watch.reset();
    const note = 'No page was open for 30 minutes and nothing ran in the sandbox.';
    await pauseAttempt(attempt, { reason: 'absent', note, by: null });
  }
}
