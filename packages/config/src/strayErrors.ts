interface StrayErrorLog {
  fatal(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/**
 * Has a process of the platform end with code 1 at an error that nobody caught, after it stands in its log: what the process holds may be
 * half done, and nothing of it is the only copy. Its supervisor starts it anew, and what it left undone is found. A promise that
 * failed with nobody waiting for it leaves everything else as it was: it is logged.
 *
 * @param name of the process, as the log says it.
 */
export function endAtStrayErrors(name: string, log: StrayErrorLog): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, `an error that nobody caught; the ${name} ends and is started again`);
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'an error that nobody handled'));
}
