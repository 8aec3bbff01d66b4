import { join } from 'node:path';
import { embeddedDatabaseUrl } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { readHeartbeats } from '@plumbline/database/heartbeats';
import { assertDiskRoom } from '@plumbline/storage';
import { platform } from '../../platform/server/platform.ts';

/** A check that takes longer than this has failed: whoever asks must get an answer at once, whatever is away. */
const CHECK_TIMEOUT_MS = 2_000;

export interface PartHealth {
  state: 'up' | 'down' | 'unknown';
  reason?: string;
  version?: string;
}

export interface Health {
  status: 'ok' | 'unavailable';
  version: string;
  parts: { web: PartHealth; gateway: PartHealth; worker: PartHealth; database: PartHealth; store: PartHealth };
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('unavailable', `no answer within ${CHECK_TIMEOUT_MS / 1000} s`)), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A server of one's own is asked no such thing: where its disk is, it alone knows. */
async function assertDatabaseRoom(): Promise<void> {
  const { databaseUrl, dataDir } = platform().settings;
  if (databaseUrl === embeddedDatabaseUrl(dataDir)) await within(assertDiskRoom(join(dataDir, 'postgres')));
}

function down(error: unknown, otherwise: string): PartHealth {
  return { state: 'down', reason: error instanceof AppError ? error.message : otherwise };
}

async function checkDatabase(): Promise<Pick<Health['parts'], 'database' | 'gateway' | 'worker'>> {
  const [heartbeats, room] = await Promise.all([
    within(readHeartbeats(platform().db)).catch(() => null),
    assertDatabaseRoom().then(
      () => null,
      (error: unknown) => down(error, 'its disk cannot be read'),
    ),
  ]);
  if (heartbeats === null) {
    const unknown: PartHealth = { state: 'unknown', reason: 'its heartbeat is in the database' };
    return { database: room ?? { state: 'down', reason: 'it does not answer' }, gateway: unknown, worker: unknown };
  }
  const part = (name: 'gateway' | 'worker'): PartHealth => {
    const beat = heartbeats.find((candidate) => candidate.name === name);
    if (!beat) return { state: 'down', reason: 'it has not started' };
    if (!beat.alive) return { state: 'down', reason: `no heartbeat for ${Math.round(beat.ageMs / 1000)} s`, version: beat.version };
    return { state: 'up', version: beat.version };
  };
  return { database: room ?? { state: 'up' }, gateway: part('gateway'), worker: part('worker') };
}

async function checkStore(): Promise<PartHealth> {
  try {
    await within(platform().store.check());
    return { state: 'up' };
  } catch (error) {
    return down(error, 'it cannot be read');
  }
}

/** The state of every part, asked for now. */
export async function readHealth(): Promise<Health> {
  const { version } = platform().settings;
  const [fromDatabase, store] = await Promise.all([checkDatabase(), checkStore()]);
  const parts = { web: { state: 'up', version } as PartHealth, ...fromDatabase, store };
  return { status: Object.values(parts).every((part) => part.state === 'up') ? 'ok' : 'unavailable', version, parts };
}
