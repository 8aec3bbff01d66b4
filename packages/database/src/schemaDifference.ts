import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MIGRATIONS_DIR, readMigrations } from './migrate.ts';
import { NO_FILTER, withSchemaEngine } from './schemaEngine.ts';

const SCHEMA_FILE = fileURLToPath(new URL('../../../prisma/schema.prisma', import.meta.url));

/**
 * The SQL that turns what the migrations make into what `prisma/schema.prisma` says; null when they agree. `emptyUrl` is of an
 * empty database on a server that may be thrown away: the migrations are run in it.
 */
export async function schemaDifference(emptyUrl: string): Promise<string | null> {
  const from = { tag: 'migrations' as const, ...(await readMigrations(MIGRATIONS_DIR)) };
  const to = { tag: 'schemaDatamodel' as const, files: [{ path: SCHEMA_FILE, content: await readFile(SCHEMA_FILE, 'utf8') }] };
  const { stdout } = await withSchemaEngine(emptyUrl, (engine) =>
    engine.diff({ from, to, script: true, exitCode: null, filters: NO_FILTER }),
  );
  return !stdout || stdout.includes('This is an empty migration') ? null : stdout;
}
