import { setFlagsFromString } from 'node:v8';
import { endAtStrayErrors, loadSettings } from '@plumbline/config';
import { createDatabase, writeHeartbeat } from '@plumbline/database';
import { loadRecordingKeys } from '@plumbline/recording';
import { folderStore } from '@plumbline/storage';
import { pino } from 'pino';
import { AttemptRegistry } from './attemptRegistry.ts';
import type { Gateway } from './gateway.ts';
import { takeHandedUpgrades } from './handedUpgrades.ts';
import { PortOrigin } from './ports/portOrigin.ts';
import { PortStreams } from './ports/portStreams.ts';
import { PublicAddressWatch } from './publicAddressWatch.ts';
import { createGatewayServer } from './server.ts';
import { ServerTime } from './serverTime.ts';

/**
 * Beside so small a heap the buffers of a flood had V8 collect all of it after each megabyte or two, on four threads: half of what
 * the flood cost. The heap may grow to twice of what lives in it instead.
 */
setFlagsFromString('--heap-growing-percent=100');

const TIME_REFRESH_MS = 20_000;
const HEARTBEAT_MS = 2_000;

const settings = loadSettings();
const log = pino({ name: 'gateway', level: settings.logLevel });
endAtStrayErrors('gateway', log);
const db = createDatabase(settings.databaseUrl, {
  poolMax: 20,
  applicationName: 'plumbline-gateway',
  onConnectionError: (error) => log.warn({ error: String(error) }, 'a database connection was lost'),
});
const time = new ServerTime(async () => {
  const { rows } = await db.pool.query<{ ms: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms');
  return rows[0]?.ms ?? Number.NaN;
});
const gateway: Gateway = {
  db,
  store: folderStore(settings.dirs.store),
  keys: await loadRecordingKeys(settings.dirs.keys),
  time,
  log,
  version: settings.version,
  portOrigin: settings.portsUrl === null ? null : new PortOrigin(settings.portsUrl),
  portStreams: new PortStreams(),
};
const registry = new AttemptRegistry(gateway);
const server = createGatewayServer(gateway, registry, settings.publicUrl);

await retryUntilDone('read the database clock', () => time.refresh());
await retryUntilDone('listen for changes', async () => {
  await db.listen('plumbline_attempt', (id) => registry.changed(id), { onReconnect: () => registry.changedAll() });
  await db.listen('plumbline_session', (id) => registry.sessionsEnded(({ sessionId }) => sessionId === id), {
    onReconnect: () => void retryUntilDone('look for sign-ins that have ended', () => registry.endSignedOut()),
  });
});
server.listen(settings.gatewayPort, '127.0.0.1', () => {
  log.info({ port: settings.gatewayPort }, 'gateway listens');
  takeHandedUpgrades(server);
});
server.on('error', (error) => {
  log.fatal({ error: String(error) }, 'the gateway cannot listen');
  process.exit(1);
});

const timers = [
  setInterval(() => void time.refresh().catch(() => {}), TIME_REFRESH_MS),
  setInterval(() => void writeHeartbeat(db, 'gateway', settings.version).catch(() => {}), HEARTBEAT_MS),
];

const publicAddress = new PublicAddressWatch(gateway, settings.publicUrl);
publicAddress.start();

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  for (const timer of timers) clearInterval(timer);
  publicAddress.stop();
  if (process.connected) process.disconnect();
  server.close();
  await Promise.race([registry.close(), new Promise((resolve) => setTimeout(resolve, 5_000))]);
  await Promise.race([db.close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());

/** The database may start after this process, or be restarting: nothing is given up, and the log says what waits. */
async function retryUntilDone(what: string, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      log.warn({ error: String(error) }, `cannot ${what} yet; trying again`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
