import type { Database } from '@plumbline/database';
import type { RecordingKeys } from '@plumbline/recording';
import type { ObjectStore } from '@plumbline/storage';
import type { Logger } from 'pino';
import type { PortOrigin } from './ports/portOrigin.ts';
import type { PortStreams } from './ports/portStreams.ts';
import type { ServerTime } from './serverTime.ts';

/** What every part of this process shares. */
export interface Gateway {
  readonly db: Database;
  readonly store: ObjectStore;
  readonly keys: RecordingKeys;
  readonly time: ServerTime;
  readonly log: Logger;
  readonly version: string;
  /** Where pages of sandboxes are opened; null where the installation has no such host. */
  readonly portOrigin: PortOrigin | null;
  readonly portStreams: PortStreams;
}
