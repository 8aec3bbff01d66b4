import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { embeddedSocketDir } from '@plumbline/config';
import { type TemporaryFolder, temporaryFolder } from '@plumbline/testing/temporaryFolder';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase } from './client.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts';
import { applyMigrations } from './migrate.ts';
import { schemaDifference } from './schemaDifference.ts';

let folder: TemporaryFolder;
let server: EmbeddedPostgres | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await server?.stop();
  await folder.remove();
});

async function start(dataDir = folder.path): Promise<EmbeddedPostgres> {
  server = await startEmbeddedPostgres({ dataDir, socketDir: embeddedSocketDir(dataDir), durable: false });
  return server;
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

test('the server listens on its private socket alone, not as root, and leaves nothing when stopped', async () => {
  const { url, pid, stop } = await start();
  expect(await ask(url, "SELECT current_setting('listen_addresses') AS addresses")).toEqual({ addresses: '' });
  const uids = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  expect(uids?.[1]).not.toBe('0');
  await stop();
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(existsSync(join(embeddedSocketDir(folder.path), '.s.PGSQL.5432'))).toBe(false);
});

test('what was committed before a kill is there after the next start', async () => {
  const first = await start();
  await ask(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await start();
  expect(second.pid).not.toBe(first.pid);
  expect(await ask(second.url, 'SELECT n FROM kept')).toEqual({ n: 7 });
});

test('a running server is adopted, not started twice', async () => {
  const first = await start();
  const second = await start();
  expect(second).toMatchObject({ pid: first.pid, adopted: true });
});

test("a lock file that names somebody else's process does not keep the server from starting", async () => {
  const first = await start();
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  // The numbers of processes are given again: here, to this test.
  const lock = join(folder.path, 'postgres/data/postmaster.pid');
  const lines = existsSync(lock) ? readFileSync(lock, 'utf8').split('\n').slice(1) : [''];
  writeFileSync(lock, [String(process.pid), ...lines].join('\n'));
  const second = await start();
  expect(await ask(second.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
});

test('a data folder whose path is too long for a socket gets a short one', async () => {
  const dataDir = join(folder.path, 'a'.repeat(120));
  const { url, stop } = await start(dataDir);
  expect(await ask(url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  await stop();
  expect(existsSync(embeddedSocketDir(dataDir))).toBe(false);
});

test('two processes that migrate at once apply each migration once', async () => {
  const { url } = await start();
  const results = await Promise.all([applyMigrations(url), applyMigrations(url), applyMigrations(url)]);
  expect(results.flat()).toHaveLength(new Set(results.flat()).size);
  expect(results.flat().length).toBeGreaterThan(0);
  expect(await applyMigrations(url)).toEqual([]);
});

test('the migrations make exactly what the schema says', async () => {
  const { url } = await start();
  expect(await schemaDifference(url)).toBeNull();
});

test('a listener hears again after the server was killed, and is told that it may have missed something', async () => {
  const first = await start();
  const db = createDatabase(first.url);
  const heard: string[] = [];
  try {
    let onReconnect = () => {};
    const back = new Promise<void>((done) => {
      onReconnect = done;
    });
    // It listens once that is answered: a server that is killed before then leaves nobody who would come back.
    await db.listen('news', (payload) => heard.push(payload), { onReconnect });
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    await start();
    await back;
    await expect.poll(() => db.pool.query("NOTIFY news, 'again'").then(() => heard)).toContain('again');
  } finally {
    await db.close();
  }
});
