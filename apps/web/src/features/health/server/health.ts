import { AppError } from '@plumbline/core';
import { readHeartbeats } from '@plumbline/database/heartbeats';
import { platform } from '../../platform/server/platform.ts';

/** A check that takes longer than this has failed: whoever asks must get an answer at once, whatever is away. */
const CHECK_TIMEOUT_MS = 2_000;
const ABSENT_OBJECT = '0'.repeat(64);

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

async function checkDatabase(): Promise<Pick<Health['parts'], 'database' | 'gateway' | 'worker'>> {
  const heartbeats = await within(readHeartbeats(platform().db)).catch(() => null);
  if (heartbeats === null) {
    const unknown: PartHealth = { state: 'unknown', reason: 'its heartbeat is in the database' };
    return { database: { state: 'down', reason: 'it does not answer' }, gateway: unknown, worker: unknown };
  }
  const part = (name: 'gateway' | 'worker'): PartHealth => {
    const beat = heartbeats.find((candidate) => candidate.name === name);
    if (!beat) return { state: 'down', reason: 'it has not started' };
    if (!beat.alive) return { state: 'down', reason: `no heartbeat for ${Math.round(beat.ageMs / 1000)} s`, version: beat.version };
    return { state: 'up', version: beat.version };
  };
  return { database: { state: 'up' }, gateway: part('gateway'), worker: part('worker') };
}

async function checkStore(): Promise<PartHealth> {
  try {
    await within(platform().store.has(ABSENT_OBJECT));
    return { state: 'up' };
  } catch {
    return { state: 'down', reason: 'it cannot be read' };
  }
}

/** The state of every part, asked for now. */
export async function readHealth(): Promise<Health> {
  const { version } = platform().settings;
  const [fromDatabase, store] = await Promise.all([checkDatabase(), checkStore()]);
  const parts = { web: { state: 'up', version } as PartHealth, ...fromDatabase, store };
  return { status: Object.values(parts).every((part) => part.state === 'up') ? 'ok' : 'unavailable', version, parts };
}
