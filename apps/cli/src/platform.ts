import { loadSettings } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { createDatabase, type Database } from '@plumbline/database/client';
import { loadRecordingKeys, type RecordingKeys } from '@plumbline/recording';
import { folderStore, type ObjectStore } from '@plumbline/storage';

/** The installation that a command works on, found as the platform's own processes find it. */
export interface Platform {
  db: Database;
  store: ObjectStore;
  /** The keys of recordings; only who asks needs to be able to read them. */
  keys(): Promise<RecordingKeys>;
}

/** Opens the installation for one command and closes it afterwards, however the command ends. */
export async function withPlatform<T>(act: (platform: Platform) => Promise<T>): Promise<T> {
  const settings = loadSettings();
  const db = createDatabase(settings.databaseUrl, { poolMax: 4, applicationName: 'plumb' });
  try {
    await db.pool.query('SELECT 1').catch((error: unknown) => {
      const advice = settings.databaseEmbedded
        ? `No embedded database runs in ${settings.dataDir}. Start Plumbline with "npm start", or set DATABASE_URL or PLUMBLINE_DATA_DIR.`
        : 'The database at DATABASE_URL does not answer. Check that it runs and that the address is right.';
      throw new AppError('unavailable', advice, { cause: error });
    });
    return await act({ db, store: folderStore(settings.dirs.store), keys: () => loadRecordingKeys(settings.dirs.keys, { create: false }) });
  } finally {
    await db.close();
  }
}
