import { randomBytes } from 'node:crypto';
import { createDatabase, type Database, type DatabaseOptions } from '@plumbline/database/client';
import pg from 'pg';
import { inject } from 'vitest';

/** Migrated once by `globalSetup.ts`; copying it takes a tenth of the time that migrating does. */
export const TEMPLATE_DATABASE = 'plumbline_template';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the test run's own server: its maintenance database. */
    postgresUrl: string;
  }
}

export interface TestDatabase {
  url: string;
  db: Database;
  /** Closes `db` and removes the database. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/** The same server, another database of it. */
export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.toString();
}

/** A database of the test file's own: empty, with every table. Only in tests named `*.integration.test.ts`. */
export async function testDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  if (!serverUrl) throw new Error('testDatabase() needs the server of the integration project: name the file *.integration.test.ts');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`);
  const url = withDatabase(serverUrl, name);
  const db = createDatabase(url, options);
  return {
    url,
    db,
    async drop() {
      await db.close();
      await onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
