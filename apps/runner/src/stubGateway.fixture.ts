import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  decodeRunnerFrame,
  encodeForwardedInput,
  type GatewayToRunner,
  type RunnerFrame,
  type RunnerHello,
  type RunnerToGateway,
} from '@plumbline/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

/** For tests: a gateway that keeps what a runner sends, acknowledges it, and takes its blobs, on real sockets. */
type Message = Exclude<RunnerToGateway, RunnerHello>;
export type StubEvent = Extract<Message, { t: 'event' }> & { data: Record<string, unknown> };

export class StubGateway {
  readonly hellos: RunnerHello[] = [];
  readonly messages: Message[] = [];
  readonly frames: RunnerFrame[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** The highest number that was ever acknowledged, as a database would keep it. */
  ackedN = 0;
  /** The highest number of a terminal that a database would know. */
  lastTerminal = 0;
  acknowledges = true;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  #runner: WebSocket | null = null;
  #nextCall = 1;

  constructor() {
    this.#http = createServer((request, response) => {
      const hash = request.url?.split('/').at(-1) ?? '';
      if (request.method === 'GET') {
        const blob = this.blobs.get(hash);
        response.writeHead(blob === undefined ? 404 : 200).end(blob);
        return;
      }
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const ok = createHash('sha256').update(body).digest('hex') === hash && request.headers.authorization === 'Bearer secret';
        if (ok) this.blobs.set(hash, body);
        response.writeHead(ok ? 204 : 400).end();
      });
    });
    this.#sockets = new WebSocketServer({ server: this.#http, maxPayload: 32 * 1024 * 1024 });
    this.#sockets.on('connection', (socket) => {
      this.#runner = socket;
      socket.on('close', () => {
        if (this.#runner === socket) this.#runner = null;
      });
      socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    });
  }

  /** What it listens on. */
  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** Listens on a free port of the loopback, or on a given one, and resolves with it. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#http.listen(port, '127.0.0.1', resolve));
    return (this.#http.address() as AddressInfo).port;
  }

  get events(): StubEvent[] {
    return this.messages.filter((message) => message.t === 'event') as StubEvent[];
  }

  /** Numbers of all that arrived, in order of arrival. */
  readonly numbers: number[] = [];

  eventsOf(type: string): StubEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  output(terminal: number): string {
    return Buffer.concat(
      this.frames.flatMap((frame) => (frame.kind === 'output' && frame.terminal === terminal ? [frame.bytes] : [])),
    ).toString();
  }

  send(message: GatewayToRunner): void {
    this.#runner?.send(JSON.stringify(message));
  }

  input(tab: string, terminal: number, n: number, text: string, more = false): void {
    this.#runner?.send(encodeForwardedInput({ tab, terminal, n, more, bytes: Buffer.from(text) }));
  }

  /** Calls the runner; rejects with the error's code and message. */
  async call<T = Record<string, unknown>>(act: string, args: unknown = {}, timeoutMs = 90_000): Promise<T> {
    const id = `call-${this.#nextCall++}`;
    this.send({ t: 'call', id, act, args });
    const until = performance.now() + timeoutMs;
    while (performance.now() < until) {
      const answer = this.messages.find((message) => message.t === 'answer' && message.id === id);
      if (answer?.t === 'answer') {
        if (answer.error !== undefined) throw new Error(`${answer.error.code}: ${answer.error.message}`);
        return answer.result as T;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`no answer to ${act}`);
  }

  /** Cuts the link as a killed gateway would. */
  cut(): void {
    this.#runner?.terminate();
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const frame = decodeRunnerFrame(Buffer.from(data));
      if (frame === null) return;
      this.frames.push(frame);
      this.#took(frame.n);
      return;
    }
    const message = JSON.parse(data.toString()) as RunnerToGateway;
    if (message.t === 'hello') {
      this.hellos.push(message);
      this.send({
        t: 'attached',
        epoch: this.hellos.length,
        ackedN: this.ackedN,
        lastTerminal: this.lastTerminal,
        serverNowMs: Date.now(),
      });
      return;
    }
    if (message.t === 'ping') this.send({ t: 'pong', id: message.id });
    this.messages.push(message);
    if (message.t === 'event') this.#took(message.n);
  }

  #took(n: number): void {
    this.numbers.push(n);
    if (!this.acknowledges) return;
    this.ackedN = Math.max(this.ackedN, n);
    this.send({ t: 'ack', n });
  }
}
