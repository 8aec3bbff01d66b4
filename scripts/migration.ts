/**
 * Writes the SQL of a new migration: what turns the existing migrations' result into `prisma/schema.prisma`.
 * Usage: npm run db:migration -- NAME. Read the file before committing it; partial indexes are written by hand.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedSocketDir } from '@plumbline/config';
import { startEmbeddedPostgres } from '@plumbline/database/embedded';
import { MIGRATIONS_DIR } from '@plumbline/database/migrate';
import { schemaDifference } from '@plumbline/database/schemaDifference';

const name = process.argv[2];
if (!name || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: npm run db:migration -- NAME, in lower case with underscores, for example add_reviews');
  process.exit(2);
}

const dataDir = await mkdtemp(join(tmpdir(), 'plumbline-migration-'));
const server = await startEmbeddedPostgres({ dataDir, socketDir: embeddedSocketDir(dataDir), durable: false });
try {
  const sql = await schemaDifference(server.url);
  if (sql === null) {
    console.log('The migrations already make this schema: nothing to write.');
  } else {
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const folder = join(MIGRATIONS_DIR, `${stamp}_${name}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'migration.sql'), sql);
    console.log(`Wrote ${join(folder, 'migration.sql')}`);
  }
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
