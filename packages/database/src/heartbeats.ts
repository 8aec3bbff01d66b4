import type { Database } from './client.ts';

export type ProcessName = 'gateway' | 'worker';

/** How often a process says that it is alive, and after how long a silence it is taken for dead. */
export const HEARTBEAT_EVERY_MS = 2_000;
export const HEARTBEAT_DEAD_AFTER_MS = 10_000;

/** Says that this process is alive. */
export async function writeHeartbeat(db: Database, name: ProcessName, version: string): Promise<void> {
  await db.pool.query(
    `INSERT INTO process_heartbeat (name, pid, version, at) VALUES ($1, $2, $3, clock_timestamp())
     ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, version = excluded.version, at = excluded.at`,
    [name, process.pid, version],
  );
}

export interface Heartbeat {
  name: ProcessName;
  pid: number;
  version: string;
  ageMs: number;
  alive: boolean;
}

/** The last word of each process that ever ran here. */
export async function readHeartbeats(db: Database): Promise<Heartbeat[]> {
  const { rows } = await db.pool.query(
    `SELECT name, pid, version, extract(epoch FROM clock_timestamp() - at)::float8 * 1000 AS "ageMs" FROM process_heartbeat ORDER BY name`,
  );
  return rows.map((row) => ({ ...row, alive: row.ageMs <= HEARTBEAT_DEAD_AFTER_MS }));
}
