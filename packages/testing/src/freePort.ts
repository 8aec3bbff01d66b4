import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below those that Linux gives to whoever asks for any: such a one is often somebody else's again before the program that is told of it
 * listens there.
 */
const FIRST = 20_000;
const END = 32_768;
const asked = new Set<number>();

/** A TCP port of the loopback address that nobody listens on now. Never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (asked.has(port)) continue;
    asked.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? done(false) : fail(error)));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
