import { loadSettings } from '@plumbline/config';
import { systemClock } from '@plumbline/config/systemClock';
import { toAppError } from '@plumbline/core';
import { pino } from 'pino';
import { readConfig } from './config.ts';
import { EXIT, Runner } from './runner.ts';

/**
 * The runner's process: one attempt, found by nobody, dialling out. `node main.ts` with the config on standard input;
 * `node main.ts --state-dir DIR` starts an earlier one again. Logs go to standard error and never hold input or tokens.
 */

/** A runner that cannot end cleanly in this time is ended; its sandbox goes with it. */
const END_WITHIN_MS = 8_000;

const logger = pino(
  { level: loadSettings().logLevel, base: { process: 'runner', pid: process.pid } },
  pino.destination({ dest: 2, sync: true }),
);

async function main(): Promise<void> {
  const flag = process.argv.indexOf('--state-dir');
  const config = await readConfig(flag === -1 ? undefined : process.argv[flag + 1]);
  let over = false;
  const end = (exitCode: number, reason: string) => {
    if (over) return;
    over = true;
    logger.info({ exitCode, reason }, 'the runner ends');
    setTimeout(() => {
      logger.error('the runner did not end in time');
      process.exit(EXIT.failed);
    }, END_WITHIN_MS).unref();
    runner
      .stop()
      .then(() => process.exit(exitCode))
      .catch((error) => {
        logger.error({ err: error }, 'the runner did not end cleanly');
        process.exit(EXIT.failed);
      });
  };
  const runner = new Runner({ config, clock: systemClock, logger: logger.child({ attempt: config.attemptId }), onOver: end });
  process.on('SIGTERM', () => end(EXIT.asked, 'SIGTERM'));
  process.on('SIGINT', () => end(EXIT.asked, 'SIGINT'));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      logger.fatal({ err: error }, 'the runner failed');
      end(EXIT.failed, event);
    });
  }
  await runner.start();
}

main().catch((error) => {
  const { code, message, cause } = toAppError(error);
  logger.fatal({ code, err: cause ?? error }, message);
  process.exit(EXIT.failed);
});
