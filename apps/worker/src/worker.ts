import type { Clock } from '@plumbline/core';
import type { Database } from '@plumbline/database';
import type { RecordingKeys } from '@plumbline/recording';
import type { Placement } from '@plumbline/sandbox';
import type { ObjectStore } from '@plumbline/storage';
import type { Logger } from 'pino';

/** What every job and every step of the sweep works with. */
export interface Worker {
  readonly db: Database;
  readonly placement: Placement;
  readonly store: ObjectStore;
  readonly keys: RecordingKeys;
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: RunnerHost;
}

/** Where runners of this installation live. */
export interface RunnerHost {
  /** The program that a runner is. */
  runnerEntry: string;
  /** ws://…/realtime/runner of the gateway. */
  gatewayUrl: string;
  /** Each runner's folder stands in it, named by the attempt. */
  runnersDir: string;
  imageDir: string;
  /** Where families with a relative folder are. */
  environmentsDir: string;
  isolation: 'bubblewrap' | 'none';
}
