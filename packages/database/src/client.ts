/**
 * The one way to PostgreSQL: a connection pool, Prisma over the same pool, and LISTEN on a connection of its own.
 * Connections that die are replaced when they are next needed; whoever listens is told when notifications may have been missed.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/client.ts';
import { Listener, type ListenOptions } from './listener.ts';

export * from '../generated/client.ts';

export interface DatabaseOptions {
  /** Connections that the pool may hold, the listener's not counted. */
  poolMax?: number;
  /** Shown in `pg_stat_activity`. */
  applicationName?: string;
  /** Told of connections that die while idle. They are replaced by themselves, so this is for a log. */
  onConnectionError?: (error: Error) => void;
}

export interface Database {
  readonly url: string;
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /** Calls `onPayload` for each NOTIFY on the channel until the returned function is called. Survives a restart of the server. */
  listen(channel: string, onPayload: (payload: string) => void, options?: ListenOptions): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Connects lazily: nothing fails here when the server is away, the first query does. */
export function createDatabase(url: string, options: DatabaseOptions = {}): Database {
  const onConnectionError = options.onConnectionError ?? (() => {});
  const pool = new pg.Pool({
    connectionString: url,
    max: options.poolMax ?? 10,
    application_name: options.applicationName ?? 'plumbline',
    // A server that is starting or gone must be noticed by the caller, which retries, and not hang it.
    connectionTimeoutMillis: 10_000,
  });
  pool.on('error', onConnectionError);
  // One that dies in a transaction or with a lock fails what waits for it, which tells of it. The pool listens to idle ones alone, and a
  // death that nobody listens to ends the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { onConnectionError, onPoolError: onConnectionError }) });
  const listener = new Listener(url, onConnectionError);
  let closing: Promise<void> | undefined;
  const close = async () => {
    await listener.close();
    await prisma.$disconnect();
    await pool.end();
  };
  return {
    url,
    prisma,
    pool,
    listen: (channel, onPayload, listenOptions) => listener.listen(channel, onPayload, listenOptions),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
