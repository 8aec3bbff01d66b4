import { AppError } from '@plumbline/core';
import { JOBS, type JobData, type JobName, openJobQueue } from '@plumbline/database';
import type { PgBoss } from 'pg-boss';
import { buildDataset } from './buildDataset.ts';
import { indexRecording } from './indexRecording.ts';
import { provision } from './provision.ts';
import { retireRunner } from './runners.ts';
import type { Worker } from './worker.ts';

/** What each job does. A handler that throws is tried again by the queue. */
const HANDLERS: { [N in JobName]: (worker: Worker, data: JobData<N>) => Promise<void> } = {
  provision,
  retire: (worker, { attemptId }) => retireRunner(worker, attemptId),
  index: indexRecording,
  export: buildDataset,
};

/** Jobs of a kind that run side by side. Those that read whole recordings are done one at a time. */
const AT_ONCE: Record<JobName, number> = { provision: 4, retire: 4, index: 1, export: 1 };

/** After a failure to open the queue, the next try waits this long: the server may be starting. */
const REOPEN_AFTER_MS = 1_000;

export interface Jobs {
  /** Takes no more jobs and waits for those under way, 5 s at most; the queue hands the others out again. */
  stop(): Promise<void>;
}

/** Takes jobs from the queue, as soon as its database can be reached. */
export function startJobs(worker: Worker): Jobs {
  const { log, clock, db } = worker;
  let boss: PgBoss | null = null;
  let stopped = false;
  let wake: (() => void) | null = null;

  const open = async (): Promise<void> => {
    while (!stopped && boss === null) {
      try {
        const opened = await openJobQueue(db, {
          works: true,
          onError: (error) => log.warn({ error: String(error) }, 'the job queue had a failure'),
        });
        for (const name of Object.keys(JOBS) as JobName[]) await take(worker, opened, name);
        boss = opened;
      } catch (error) {
        log.warn({ error: String(error) }, 'cannot open the job queue yet; trying again');
        await new Promise<void>((resolve) => {
          const timer = clock.setTimer(REOPEN_AFTER_MS, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
      }
    }
  };
  const opening = open();

  return {
    async stop() {
      stopped = true;
      wake?.();
      await opening;
      await boss?.stop({ graceful: true, timeout: 5_000 });
    },
  };
}

async function take<N extends JobName>(worker: Worker, boss: PgBoss, name: N): Promise<void> {
  await boss.work(name, { pollingIntervalSeconds: 1, batchSize: 1, localConcurrency: AT_ONCE[name] }, async (jobs) => {
    for (const job of jobs) {
      try {
        await HANDLERS[name](worker, JOBS[name].parse(job.data) as JobData<N>);
      } catch (error) {
        if (error instanceof AppError && error.code === 'not_found') {
          worker.log.info({ job: name, data: job.data }, 'what a job is about is gone');
          continue;
        }
        worker.log.error({ job: name, data: job.data, error: String(error) }, 'a job failed; the queue tries it again');
        throw error;
      }
    }
  });
}
