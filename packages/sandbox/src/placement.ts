import type { RunnerConfig } from '@plumbline/protocol';

/** A runner that was started, as it can be found again after a restart of the platform: pid and start time, never pid alone. */
export interface RunnerHandle {
  pid: number;
  /** Clock ticks since boot, as /proc/PID/stat has it. */
  startTime: string;
  stateDir: string;
}

export interface Placement {
  readonly name: string;
  /** Starts `runnerEntry` detached, with the config as one JSON document on its standard input. */
  start(config: RunnerConfig, options: { runnerEntry: string }): Promise<RunnerHandle>;
  isAlive(handle: RunnerHandle): Promise<boolean>;
  /** Asks it to end, makes it end after 10 s, and ends what it left running. Idempotent. */
  stop(handle: RunnerHandle): Promise<void>;
  /** The runner last started on this state folder, alive or not; null where none was. */
  find(stateDir: string): Promise<RunnerHandle | null>;
}
