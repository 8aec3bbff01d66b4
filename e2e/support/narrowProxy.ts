import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What browsers were sent over the wire, whatever in a page asked for it. */
export interface Delivered {
  requests: number;
  /** Of answers to requests, headers included. */
  bytes: number;
  /** Of tunnels. */
  tunnelBytes: number;
}

/** A network like some that people work from: it may be slow, and may let no WebSocket through. */
export class NarrowProxy {
  /** How much longer every answer takes. */
  delayMs = 0;
  /** Whether tunnels are made, which browsers ask for where a page opens a WebSocket. */
  allowsTunnels = true;

  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #near = new Map<Socket, 'requests' | 'tunnel'>();
  #requests = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#near.set(this.#keep(socket), 'requests'));
    server.on('request', async (asked, answer) => {
      this.#requests += 1;
      await sleep(this.delayMs);
      const forwarded = request(asked.url ?? '', { method: asked.method, headers: asked.headers }, (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
      });
      forwarded.on('error', () => answer.destroy());
      asked.pipe(forwarded);
    });
    server.on('connect', ({ url }, near: Socket) => {
      near.on('error', () => near.destroy());
      this.#near.set(near, 'tunnel');
      if (!this.allowsTunnels) return near.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      const { hostname, port } = new URL(`http://${url}`);
      const far = this.#keep(connect(Number(port), hostname, () => near.write('HTTP/1.1 200 OK\r\n\r\n')));
      far.on('error', () => near.destroy());
      near.pipe(far).pipe(near);
    });
  }

  static async start(): Promise<NarrowProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NarrowProxy(server);
  }

  /** What was sent so far. */
  get delivered(): Delivered {
    const sent = (by: 'requests' | 'tunnel') =>
      [...this.#near].reduce((sum, [socket, used]) => sum + (used === by ? socket.bytesWritten : 0), 0);
    return { requests: this.#requests, bytes: sent('requests'), tunnelBytes: sent('tunnel') };
  }

  /** Loses the tunnels that there are, as a network that is gone for a moment. */
  cutTunnels(): void {
    for (const [socket, used] of this.#near) if (used === 'tunnel') socket.destroy();
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
