import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { loadAttempt, startAttempt } from '@plumbline/database';
import { exampleSettings, freePort, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PublicAddressWatch } from './publicAddressWatch.ts';

let testing: TestDatabase;
let pages: Server | null = null;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 4 });
});
afterAll(async () => {
  pages?.close();
  await testing.drop();
});

it('gives time back once the pages answer again as they do, whatever else answered in their place', async () => {
  const { db } = testing;
  const port = await freePort();
  const answerWith = async (status: number | null) => {
    pages?.closeAllConnections();
    pages?.close();
    pages = null;
    if (status === null) return;
    pages = createServer((request, response) => {
      response.statusCode = request.url === '/api/reachable' ? status : 404;
      response.end();
    }).listen(port, '127.0.0.1');
    await once(pages, 'listening');
  };
  const { attempt, expert } = await makeAttempt(db, { environmentSettings: exampleSettings() });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready' } });
  await startAttempt(db, attempt.id, expert.id);
  await db.pool.query(`UPDATE clock_event SET at = at - interval '1 minute'`);
  const kinds = async () => (await loadAttempt(db, attempt.id)).events.map(({ kind }) => kind);
  const watch = new PublicAddressWatch({ db, log: pino({ level: 'silent' }) }, `http://localhost:${port}`);

  await watch.look();
  expect(await db.prisma.publicAddress.count()).toBe(0);
  await answerWith(204);
  await watch.look();
  await answerWith(null);
  await watch.look();
  await db.pool.query(`UPDATE public_address SET reached_at = reached_at - interval '10 seconds'`);
  for (const status of [502, 200, 302]) {
    await answerWith(status);
    await watch.look();
  }
  expect(await kinds()).toEqual(['started']);
  await answerWith(204);
  await watch.look();
  expect(await kinds()).toEqual(['started', 'outage']);
  await watch.look();
  expect(await kinds()).toEqual(['started', 'outage']);
});
