/**
 * Named scenarios that fill a new installation. Each is idempotent: what is there already stays as it is.
 * Run by `npm start`; alone with `npm run seed -- NAME`.
 */
import { loadSettings } from '@plumbline/config';
import { createDatabase, type Database } from '@plumbline/database/client';
import { seedDemo } from './demo.ts';
import { seedEmpty } from './empty.ts';
import type { SeedFolders } from './finishedAttempt.ts';

/** Each returns the lines that tell a person what to do next. */
const SCENARIOS: Record<'demo' | 'empty' | 'none', (db: Database, folders: SeedFolders) => Promise<string[]>> = {
  demo: seedDemo,
  empty: seedEmpty,
  none: async () => [],
};

export type Scenario = keyof typeof SCENARIOS;

/** Fills the database as the scenario says and returns what to print. */
export async function seed({
  databaseUrl,
  scenario,
  folders,
}: {
  databaseUrl: string;
  scenario: Scenario;
  folders: SeedFolders;
}): Promise<string[]> {
  const db = createDatabase(databaseUrl, { poolMax: 2, applicationName: 'plumbline-seed' });
  try {
    return await SCENARIOS[scenario](db, folders);
  } finally {
    await db.close();
  }
}

if (import.meta.main) {
  const settings = loadSettings({ ...process.env, ...(process.argv[2] ? { PLUMBLINE_SEED: process.argv[2] } : {}) });
  for (const line of await seed({ databaseUrl: settings.databaseUrl, scenario: settings.seed, folders: settings.dirs })) console.log(line);
}
