import { PgBoss } from 'pg-boss';
import { z } from 'zod';
import type { Database } from './client.ts';
import type { Queryable } from './transaction.ts';

/**
 * Work for `worker`, queued in PostgreSQL. Any process may put a job in, in the transaction that makes it necessary; only the
 * worker takes jobs out. Every job may run twice, so each is written to be repeated.
 */
export const JOBS = {
  /** Start an attempt's runner. */
  provision: z.object({ attemptId: z.uuid() }),
  /** Stop an attempt's runner and give back what it holds. */
  retire: z.object({ attemptId: z.uuid() }),
  /** Make the index of a finished recording, for replays. */
  index: z.object({ attemptId: z.uuid() }),
  /** Build a dataset. */
  export: z.object({ exportId: z.uuid() }),
} as const;
export type JobName = keyof typeof JOBS;
export type JobData<N extends JobName> = z.infer<(typeof JOBS)[N]>;

/** A job that fails is tried again this often, with growing waits; then the sweep and staff are what is left. */
const QUEUE_OPTIONS = { retryLimit: 4, retryDelay: 2, retryBackoff: true, expireInSeconds: 3_600, notify: true } as const;

/** The system's clock, with timers that keep no process alive: one that only sends ends when it has nothing else to do. */
const IDLE_CLOCK = {
  now: () => Date.now(),
  setTimeout: (fn: () => void, delayMs: number) => setTimeout(fn, delayMs).unref(),
  setInterval: (fn: () => void, everyMs: number) => setInterval(fn, everyMs).unref(),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
  clearInterval: (timer: unknown) => clearInterval(timer as NodeJS.Timeout),
};

export interface JobQueueOptions {
  /** True in the worker alone: maintains the queue's tables and listens for jobs. */
  works?: boolean;
  onError?: (error: Error) => void;
}

/** Opens the queue, making its tables where they are missing. Safe from several processes at once. */
export async function openJobQueue(db: Database, options: JobQueueOptions = {}): Promise<PgBoss> {
  const works = options.works ?? false;
  const boss = new PgBoss({
    // The worker's own pool can listen; the others share the process's pool and only send.
    ...(works ? { connectionString: db.url, max: 3, useListenNotify: true } : { db: adapter(db.pool) }),
    application_name: 'plumbline jobs',
    schedule: false,
    supervise: works,
    ...(works ? {} : { clock: IDLE_CLOCK }),
  });
  boss.on('error', options.onError ?? (() => {}));
  await boss.start();
  for (const name of Object.keys(JOBS)) {
    if ((await boss.getQueue(name)) === null) await boss.createQueue(name, QUEUE_OPTIONS);
    // A queue that is known is not looked up again, so that a job sent within a transaction needs no second connection.
    await boss.findJobs(name, { id: '00000000-0000-4000-8000-000000000000' });
  }
  return boss;
}

const senders = new WeakMap<Database, Promise<PgBoss>>();

/** The queue as those processes use it that only send: opened at the first job, and again where opening failed. */
function senderOf(db: Database): Promise<PgBoss> {
  let sender = senders.get(db);
  if (sender === undefined) {
    sender = openJobQueue(db);
    senders.set(db, sender);
    sender.catch(() => senders.delete(db));
  }
  return sender;
}

/** Queues a job. */
export async function enqueue<N extends JobName>(db: Database, name: N, data: JobData<N>): Promise<void> {
  await (await senderOf(db)).send(name, JOBS[name].parse(data));
}

/** Queues a job unless one just like it waits already. One that is being done does not count: whoever does it may have died. */
export async function enqueueOnce<N extends JobName>(db: Database, name: N, data: JobData<N>): Promise<void> {
  const waiting = await (await senderOf(db)).findJobs(name, { data: JOBS[name].parse(data), queued: true, limit: 1 });
  if (waiting.length === 0) await enqueue(db, name, data);
}

/** Opens the queue for `enqueueWithin`. To be called before the transaction begins, which would otherwise wait for more connections. */
export async function prepareToEnqueue(db: Database): Promise<void> {
  await senderOf(db);
}

/** Queues a job if and only if the caller's transaction commits. */
export async function enqueueWithin<N extends JobName>(tx: Queryable, db: Database, name: N, data: JobData<N>): Promise<void> {
  await (await senderOf(db)).send(name, JOBS[name].parse(data), { db: adapter(tx) });
}

function adapter(on: Queryable): { executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> } {
  return { executeSql: (text, values) => on.query(text, values as unknown[]) };
}
