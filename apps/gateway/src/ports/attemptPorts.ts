import { Agent, type ClientRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LiveAttempt } from '../liveAttempt.ts';
import { runnerOf } from '../pausing.ts';

/** Connections at once to one port, beyond those of WebSockets. A browser opens six to a host. */
const CONNECTIONS_MAX = 6;
/** An idle connection is a process of the sandbox: it is kept for the next request of a page that loads, and not longer. */
const IDLE_MS = 10_000;

/** One browser's request or WebSocket that is under way. */
interface Exchange {
  identity: { sessionId: string; actor: { userId: string } };
  destroy(): void;
}

/** Connections to what an attempt's sandbox serves: kept between requests, ended with the clock. */
export class AttemptPorts {
  readonly #attempt: LiveAttempt;
  readonly #agents = new Map<number, PortAgent>();
  readonly #exchanges = new Set<Exchange>();

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  agent(port: number): Agent {
    let agent = this.#agents.get(port);
    if (agent === undefined) {
      agent = new PortAgent(() => this.connect(port));
      this.#agents.set(port, agent);
    }
    return agent;
  }

  /** A new connection. @throws AppError that says why there is none. */
  connect(port: number): Promise<Duplex> {
    const { gateway } = this.#attempt;
    const runner = runnerOf(this.#attempt);
    return gateway.portStreams.dialled((stream) => runner.call('port.connect', { port, stream }));
  }

  /** Remembers an exchange until the returned function is called. */
  track(exchange: Exchange): () => void {
    this.#exchanges.add(exchange);
    return () => this.#exchanges.delete(exchange);
  }

  /** Ends every exchange and connection: the clock stands, or the attempt is over. */
  close(): void {
    for (const exchange of this.#exchanges) exchange.destroy();
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** The sign-ins whose exchanges are under way. */
  get sessionIds(): string[] {
    return [...this.#exchanges].map(({ identity }) => identity.sessionId);
  }

  /** Ends the exchanges of a sign-in. */
  closeOf(matches: (identity: Exchange['identity']) => boolean): void {
    for (const exchange of this.#exchanges) if (matches(exchange.identity)) exchange.destroy();
  }
}

/** Node's pool of connections, over streams that are no sockets of the host. */
class PortAgent extends Agent {
  readonly #connect: () => Promise<Duplex>;
  readonly #idle = new WeakMap<Duplex, NodeJS.Timeout>();

  constructor(connect: () => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: CONNECTIONS_MAX });
    this.#connect = connect;
  }

  override createConnection(_options: unknown, taken: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      (stream) => taken(null, stream),
      (error) => taken(error, undefined as never),
    );
  }

  override keepSocketAlive(stream: Duplex): boolean {
    this.#idle.set(
      stream,
      setTimeout(() => stream.destroy(), IDLE_MS),
    );
    return true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    clearTimeout(this.#idle.get(stream));
    // Node takes back what it listened for while the connection was idle, and takes it for a socket of the host, which has this.
    super.reuseSocket(Object.assign(stream, { ref: () => stream }), request);
  }
}
