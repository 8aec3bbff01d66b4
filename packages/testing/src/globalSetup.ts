/** One PostgreSQL for a run of integration tests, in a folder of its own, gone afterwards. */
import { embeddedSocketDir } from '@plumbline/config';
import { startEmbeddedPostgres } from '@plumbline/database/embedded';
import { applyMigrations } from '@plumbline/database/migrate';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { temporaryFolder } from './temporaryFolder.ts';
import { TEMPLATE_DATABASE, withDatabase } from './testDatabase.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder();
  const server = await startEmbeddedPostgres({ dataDir: folder.path, socketDir: embeddedSocketDir(folder.path), durable: false });
  const stop = async () => {
    await server.stop();
    await folder.remove();
  };
  try {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
    await client.end();
    await applyMigrations(withDatabase(server.url, TEMPLATE_DATABASE));
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide('postgresUrl', server.url);
  return stop;
}
