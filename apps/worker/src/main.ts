import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endAtStrayErrors, loadSettings, systemClock } from '@plumbline/config';
import { createDatabase, HEARTBEAT_EVERY_MS, writeHeartbeat } from '@plumbline/database';
import { loadRecordingKeys, removeStrayBlobs } from '@plumbline/recording';
import { inspectThisHost, isolationNamed } from '@plumbline/sandbox';
import { folderStore } from '@plumbline/storage';
import { pino } from 'pino';
import { startJobs } from './jobs.ts';
import { Machines } from './machines.ts';
import { placementsOf } from './placements.ts';
import { publicSeedNotice } from './publicSeed.ts';
import { repeat } from './repeat.ts';
import { runSteps } from './steps.ts';
import { Sweep } from './sweep.ts';
import { Timestamps } from './timestamps.ts';
import type { Worker } from './worker.ts';
import { removeWorkspaces } from './workspaces.ts';

const SWEEP_EVERY_MS = 2_000;
const REMOVE_EVERY_MS = 5_000;
const TIMESTAMP_EVERY_MS = 5_000;

/** A sweep or job that does not end by itself is left to the next worker, which repeats it. */
const STOP_TIMEOUT_MS = 8_000;

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

const settings = loadSettings();
const log = pino({ name: 'worker', level: settings.logLevel });
endAtStrayErrors('worker', log);
const db = createDatabase(settings.databaseUrl, {
  // A job holds one connection for its lock and works on another.
  poolMax: 20,
  applicationName: 'plumbline-worker',
  onConnectionError: (error) => log.warn({ error: String(error) }, 'a database connection was lost'),
});

const worker: Worker = {
  db,
  placementOf: placementsOf({ repository, dirs: settings.dirs }),
  inspectThisHost: () => inspectThisHost({ dataDir: settings.dataDir, isolation: isolationNamed(settings.isolation, settings.docker) }),
  store: folderStore(settings.dirs.store),
  keys: await loadRecordingKeys(settings.dirs.keys),
  clock: systemClock,
  log,
  host: {
    gatewayUrl: `ws://127.0.0.1:${settings.gatewayPort}/realtime/runner`,
    publicGatewayUrl: `${settings.publicUrl.replace(/^http/, 'ws')}/realtime/runner`,
    environmentsDir: join(repository, 'environments'),
    isolation: settings.isolation,
    docker: settings.docker,
    secretsFile: settings.secretsFile,
    model: settings.model,
  },
  workspaceRetentionMs: settings.workspaceRetentionMs,
  timestampUrl: settings.timestampUrl,
};

const sweep = new Sweep(worker);
const machines = new Machines(worker);
const heartbeats = repeat(systemClock, HEARTBEAT_EVERY_MS, () => writeHeartbeat(db, 'worker', settings.version).then(() => true));
const sweeps = repeat(systemClock, SWEEP_EVERY_MS, () => sweep.run());
const machineCare = repeat(systemClock, SWEEP_EVERY_MS, () => machines.run());
// Apart from the others: removing a large workspace takes minutes, and an object store that is away fails.
const removals: Parameters<typeof runSteps>[1] = [
  ['workspaces', () => removeWorkspaces(worker)],
  ['stray blobs', () => removeStrayBlobs(worker).then(() => undefined)],
];
const workspaceCare = repeat(systemClock, REMOVE_EVERY_MS, () => runSteps(worker, removals));
const timestamps = new Timestamps(worker);
// Apart from the others too: an authority may take long to answer.
const timestampCare = repeat(systemClock, TIMESTAMP_EVERY_MS, () => runSteps(worker, [['time-stamps', () => timestamps.look()]]));
const jobs = startJobs(worker);
log.info('worker started');
const notice = publicSeedNotice(settings);
if (notice !== null) log.warn(notice);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  const late = new Promise((resolve) => systemClock.setTimer(STOP_TIMEOUT_MS, () => resolve(undefined)));
  await Promise.race([
    Promise.all([
      heartbeats.stop(),
      sweeps.stop(),
      machineCare.stop().then(() => machines.settled()),
      workspaceCare.stop(),
      timestampCare.stop(),
      jobs.stop(),
    ]).then(() => db.close()),
    late,
  ]);
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
