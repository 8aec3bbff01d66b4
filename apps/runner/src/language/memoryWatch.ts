import type { Clock, Timer } from '@plumbline/core';
import type { Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { LanguageServer } from './languageServer.ts';

/** The quickest that programs are taken to fill memory, so that they are seen before they come to the bound. */
const FILLED_BYTES_PER_MS = 4_000_000;
/** At the bound itself this often: a gigabyte a second is seen before it has taken the last sixth of a small sandbox, or the kernel chooses. */
const LOOK_AFTER_LEAST_MS = 100;
/** A look has the kernel add up the group's memory, and ten a second were half of what an idle attempt's runner took of the processor. */
const LOOK_AFTER_MOST_MS = 1_000;
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
    let toBoundBytes = 0;
    try {
      const heldBytes = await sandbox.heldMemoryBytes();
      if (heldBytes !== null && heldBytes > ENDS_ABOVE * limitBytes) server.setShortOfMemory(true);
      else if (heldBytes === null || heldBytes < RETURNS_BELOW * limitBytes) server.setShortOfMemory(false);
      toBoundBytes = ENDS_ABOVE * limitBytes - (heldBytes ?? 0);
    } catch (error) {
      logger.debug({ err: error }, 'the sandbox’s memory could not be read');
    }
    const afterMs = Math.min(Math.max(toBoundBytes / FILLED_BYTES_PER_MS, LOOK_AFTER_LEAST_MS), LOOK_AFTER_MOST_MS);
    if (!stopped) timer = clock.setTimer(afterMs, () => void look());
  };
  timer = clock.setTimer(LOOK_AFTER_LEAST_MS, () => void look());
  return () => {
    stopped = true;
    timer.cancel();
  };
}
