/**
 * LISTEN on one connection for all channels of a process, reconnected with back-off when it dies. PostgreSQL keeps no
 * notification for a listener that is away, so `onReconnect` tells the caller to look at the tables again.
 */
import pg from 'pg';

/** Waits between attempts to reconnect: short at first, because a restarted server is back within a second. */
const RECONNECT_WAITS_MS = [50, 100, 200, 500, 1000, 2000];

export interface ListenOptions {
  /** The connection was lost and is back: notifications between may have been missed. */
  onReconnect?: () => void;
}

interface Subscription {
  channel: string;
  onPayload: (payload: string) => void;
  onReconnect?: () => void;
}

export class Listener {
  readonly #url: string;
  readonly #onError: (error: Error) => void;
  readonly #subscriptions = new Set<Subscription>();
  #client: Promise<pg.Client> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(url: string, onError: (error: Error) => void) {
    this.#url = url;
    this.#onError = onError;
  }

  /** Throws when the server cannot be reached now; later losses are repaired in the background. */
  async listen(channel: string, onPayload: (payload: string) => void, options: ListenOptions = {}): Promise<() => Promise<void>> {
    const subscription: Subscription = { channel, onPayload, onReconnect: options.onReconnect };
    const client = await this.#connected();
    await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    this.#subscriptions.add(subscription);
    return async () => {
      this.#subscriptions.delete(subscription);
      const stillWanted = [...this.#subscriptions].some((other) => other.channel === channel);
      if (stillWanted || this.#closed || !this.#client) return;
      // A connection that is lost at this moment listens to nothing any more, which is what is asked for.
      await this.#client.then((current) => current.query(`UNLISTEN ${pg.escapeIdentifier(channel)}`)).catch(this.#onError);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#subscriptions.clear();
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.end();
  }

  #connected(): Promise<pg.Client> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#url, keepAlive: true, connectionTimeoutMillis: 10_000 });
    client.on('notification', ({ channel, payload }) => {
      for (const subscription of this.#subscriptions) {
        if (subscription.channel === channel) subscription.onPayload(payload ?? '');
      }
    });
    client.on('error', this.#onError);
    client.on('end', () => this.#lost());
    try {
      await client.connect();
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
    return client;
  }

  #lost(): void {
    this.#client = undefined;
    if (this.#closed || this.#subscriptions.size === 0 || this.#retryTimer) return;
    const waitMs = RECONNECT_WAITS_MS[Math.min(this.#failures, RECONNECT_WAITS_MS.length - 1)];
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#reconnect().catch((error: Error) => {
        this.#onError(error);
        this.#lost();
      });
    }, waitMs);
    // A process that only waits for a notification from a dead server may end.
    this.#retryTimer.unref();
  }

  async #reconnect(): Promise<void> {
    const client = await this.#connected();
    for (const channel of new Set([...this.#subscriptions].map((subscription) => subscription.channel))) {
      await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    }
    this.#failures = 0;
    for (const subscription of [...this.#subscriptions]) subscription.onReconnect?.();
  }
}
