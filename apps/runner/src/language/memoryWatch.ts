import type { Clock, Timer } from '@plumbline/core';
import type { Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { LanguageServer } from './languageServer.ts';

/** A program that takes a gigabyte a second is seen before it has taken the last sixth of a small sandbox, or the kernel chooses. */
const LOOK_EVERY_MS = 100;
/** Shares of the limit: above the first the server is ended, and below the second, with room for it, it may come back. */
const ENDS_ABOVE = 0.85;
const RETURNS_BELOW = 0.6;

export interface MemoryWatchOptions {
  readonly sandbox: Pick<Sandbox, 'heldMemoryBytes'>;
  readonly server: Pick<LanguageServer, 'setShortOfMemory'>;
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Ends the language server before the participant's programs come to the limit of memory, which may end them. Returns how to stop. */
export function watchMemory({ sandbox, server, limitBytes, clock, logger }: MemoryWatchOptions): () => void {
  let stopped = false;
  let timer: Timer;
  const look = async () => {
    try {
      const heldBytes = await sandbox.heldMemoryBytes();
      if (heldBytes !== null && heldBytes > ENDS_ABOVE * limitBytes) server.setShortOfMemory(true);
      else if (heldBytes === null || heldBytes < RETURNS_BELOW * limitBytes) server.setShortOfMemory(false);
    } catch (error) {
      logger.debug({ err: error }, 'the sandbox’s memory could not be read');
    }
    if (!stopped) timer = clock.setTimer(LOOK_EVERY_MS, () => void look());
  };
  timer = clock.setTimer(LOOK_EVERY_MS, () => void look());
  return () => {
    stopped = true;
    timer.cancel();
  };
}
