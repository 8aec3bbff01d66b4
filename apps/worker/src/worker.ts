import type { Clock } from '@plumbline/core';
import type { Database, HostRecord } from '@plumbline/database';
import type { HostInventory, IsolationName, RunnerConfig } from '@plumbline/protocol';
import type { RecordingKeys } from '@plumbline/recording';
import type { Placement } from '@plumbline/sandbox';
import type { ObjectStore } from '@plumbline/storage';
import type { Logger } from 'pino';

/** What every job and every step of the sweep works with. */
export interface Worker {
  readonly db: Database;
  /** How runners are started on a host. */
  readonly placementOf: (host: HostRecord) => Placement;
  /** What this machine has now. */
  readonly inspectThisHost: () => Promise<HostInventory>;
  readonly store: ObjectStore;
  readonly keys: RecordingKeys;
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: RunnerHost;
  /** How long workspaces are kept after the review of their attempts. */
  readonly workspaceRetentionMs: number;
  /** The time-stamping authority of finished recordings; null where none is asked. */
  readonly timestampUrl: string | null;
}

/** What runners of this installation are given. */
export interface RunnerHost {
  /** ws://…/realtime/runner of the gateway, from this machine. */
  gatewayUrl: string;
  /** The same through the platform's public address, for other machines; a host's settings may name another. */
  publicGatewayUrl: string;
  /** Where families with a relative folder are. */
  environmentsDir: string;
  /** Of this machine; every other host has its own. */
  isolation: IsolationName;
  /** For every host whose isolation is docker. */
  docker: NonNullable<RunnerConfig['docker']>;
  /** Where the values of what task families require stand; null where there are none. */
  secretsFile: string | null;
  /** The provider of models behind environments; null where there is none. */
  model: { url: string; key: string } | null;
}
