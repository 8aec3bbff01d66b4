import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { loadSettings } from '@plumbline/config';
import { systemClock } from '@plumbline/config/systemClock';
import { AppError, toAppError } from '@plumbline/core';
import type { RunnerConfig } from '@plumbline/protocol';
import { withFileLock } from '@plumbline/sandbox/host/fileLock';
import { withHostShare } from '@plumbline/sandbox/host/hostShare';
import { pino } from 'pino';
import { emptyForRestore, readConfig } from './config.ts';
import { grantedGpus } from './grantedGpus.ts';
import { EXIT, Runner } from './runner.ts';

/**
 * The runner's process: one attempt, found by nobody, dialling out. `node main.ts` with the config on standard input;
 * `node main.ts --state-dir DIR` starts an earlier one again;
 * `--node NAME` and `--gpus LIST` name what a scheduler chose. Logs go to standard error and never hold input or tokens.
 */

/** A runner that cannot end cleanly in this time is ended; its sandbox goes with it. */
const END_WITHIN_MS = 8_000;
/** An earlier runner on the same folder may still be ending; two at once would spoil the journal. */
const LOCK_WITHIN_MS = 20_000;

// A heap that may grow to twice of what lives in it, as the gateway's: with less V8 collects all of it at every megabyte of a flood.
setFlagsFromString('--heap-growing-percent=100');

const logger = pino(
  { level: loadSettings().logLevel, base: { process: 'runner', pid: process.pid } },
  pino.destination({ dest: 2, sync: true }),
);

/** Serves the attempt until it is told to end or is of no use any more; resolves with the exit code. */
async function serve(config: RunnerConfig, node: string | null): Promise<number> {
  const over = new Promise<number>((resolve, reject) => {
    let ending = false;
    const end = (exitCode: number, reason: string) => {
      if (ending) return;
      ending = true;
      logger.info({ exitCode, reason }, 'the runner ends');
      setTimeout(() => {
        logger.error('the runner did not end in time');
        process.exit(EXIT.failed);
      }, END_WITHIN_MS).unref();
      runner.stop().then(() => resolve(exitCode), reject);
    };
    const runner = new Runner({ config, node, clock: systemClock, logger: logger.child({ attempt: config.attemptId }), onOver: end });
    process.on('SIGTERM', () => end(EXIT.asked, 'SIGTERM'));
    process.on('SIGINT', () => end(EXIT.asked, 'SIGINT'));
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        logger.fatal({ err: error }, 'the runner failed');
        end(EXIT.failed, event);
      });
    }
    runner.start().catch(reject);
  });
  return over;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { 'state-dir': { type: 'string' }, gpus: { type: 'string' }, node: { type: 'string' } } });
  const read = await readConfig(values['state-dir']);
  const { gpus } = values;
  const config = { ...(await withHostShare(read, read.stateDir)), ...(gpus !== undefined && { gpuIds: await grantedGpus(gpus) }) };
  const taking = new AbortController();
  const timer = setTimeout(
    () => taking.abort(new AppError('conflict', 'Another runner works on this state folder. End it first.')),
    LOCK_WITHIN_MS,
  );
  return withFileLock(
    join(config.stateDir, 'runner.lock'),
    () => {
      clearTimeout(timer);
      emptyForRestore(config);
      return serve(config, values.node || null);
    },
    taking.signal,
  );
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    const { code, message, cause } = toAppError(error);
    logger.fatal({ code, err: cause ?? error }, message);
    process.exit(EXIT.failed);
  },
);
