import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings, type Settings, systemClock } from '@plumbline/config';
import type { Clock } from '@plumbline/core';
import { createDatabase, type Database } from '@plumbline/database/client';
import { folderStore, type ObjectStore, readOrCreateSync } from '@plumbline/storage';

/** What this process holds for its whole life. Made on first use: a build imports these modules and must not connect. */
export interface Platform {
  settings: Settings;
  db: Database;
  store: ObjectStore;
  clock: Clock;
}

const POOL_CONNECTIONS = 10;

// A development server loads modules again after a change, and must not open another pool each time.
const held = globalThis as typeof globalThis & { plumblinePlatform?: Platform; plumblineSettings?: Settings };

/** The settings alone, for what must work without a database. */
export function platformSettings(): Settings {
  held.plumblineSettings ??= loadSettings();
  return held.plumblineSettings;
}

export function platform(): Platform {
  if (!held.plumblinePlatform) {
    const settings = platformSettings();
    held.plumblinePlatform = {
      settings,
      db: createDatabase(settings.databaseUrl, { poolMax: POOL_CONNECTIONS, applicationName: 'plumbline-web' }),
      store: folderStore(settings.dirs.store),
      clock: systemClock,
    };
  }
  return held.plumblinePlatform;
}

/** The secret that session cookies are sealed with: made on the first start, kept in the data folder for its owner alone. */
export function authSecret(): string {
  const { dirs } = platformSettings();
  const path = join(dirs.keys, 'auth.secret');
  mkdirSync(dirs.keys, { recursive: true, mode: 0o700 });
  return readOrCreateSync(path, () => `${randomBytes(32).toString('base64url')}\n`, 0o600)
    .toString()
    .trim();
}
