/** Loaded into the web process before Next's server, which is thus the one of `next start` and not one of our own. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Server } from 'node:http';

/** Node's own news that a server of this process listens. */
const LISTENS = 'tracing:net.server.listen:asyncEnd';

// Worker threads load this file too. They have no channel, and need not wait for the rest.
if (process.send !== undefined) {
  const { handUpgrades } = await import('./handUpgrades.ts');
  const { nameAddresses } = await import('./requestAddress.ts');
  const listens = (message: unknown) => {
    const { server } = message as { server: unknown };
    if (!(server instanceof Server)) return;
    unsubscribe(LISTENS, listens);
    handUpgrades(server);
    nameAddresses(server, process.env.PUBLIC_URL ?? 'http://localhost');
  };
  subscribe(LISTENS, listens);
}
