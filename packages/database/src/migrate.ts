/**
 * Brings a database to the schema of `prisma/migrations`. Safe to call from several processes at once: one applies, the
 * others wait and find nothing to do. Prisma's own table is kept, so `prisma migrate deploy` understands what was done.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type MigrationList, NO_FILTER, withSchemaEngine } from './schemaEngine.ts';

/** The advisory lock's number, arbitrary and fixed for ever: "plumb" in ASCII. */
const MIGRATION_LOCK = 0x706c756d62;

export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** Reads a migrations folder in the form that the schema engine takes, oldest first. */
export async function readMigrations(dir: string): Promise<MigrationList> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.sort().map(async (path) => {
      const content = await readFile(join(dir, path, 'migration.sql'), 'utf8');
      return { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: content } } };
    }),
  );
  const lockfile = { path: 'migration_lock.toml', content: await readFile(join(dir, 'migration_lock.toml'), 'utf8').catch(() => null) };
  return { baseDir: dir, lockfile, shadowDbInitScript: '', migrationDirectories };
}

async function appliedChecksums(client: pg.Client): Promise<Map<string, string>> {
  const table = await client.query(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`);
  if (!table.rows[0].there) return new Map();
  const done = await client.query(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(done.rows.map((row) => [row.migration_name, row.checksum]));
}

/**
 * Applies what is missing and returns the names of what it applied. Throws when a migration fails, or when the database has
 * one that differs from the file of that name: such a file was edited after it had been applied.
 */
export async function applyMigrations(url: string, dir: string = MIGRATIONS_DIR): Promise<string[]> {
  const migrationsList = await readMigrations(dir);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await appliedChecksums(client);
    let complete = true;
    for (const { path, migrationFile } of migrationsList.migrationDirectories) {
      const checksum = applied.get(path);
      if (checksum === undefined) {
        complete = false;
      } else if (
        migrationFile.content.tag === 'ok' &&
        checksum !== createHash('sha256').update(migrationFile.content.value).digest('hex')
      ) {
        throw new Error(`The migration ${path} was changed after this database had applied it. Restore the file and add a new migration.`);
      }
    }
    if (complete) return [];
    const { appliedMigrationNames } = await withSchemaEngine(url, (engine) =>
      engine.applyMigrations({ migrationsList, filters: NO_FILTER }),
    );
    return appliedMigrationNames;
  } finally {
    // Ending the connection gives the lock back.
    await client.end();
  }
}
