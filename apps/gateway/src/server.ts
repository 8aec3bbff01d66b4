import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { BROWSER_FRAME_MAX_BYTES, RUNNER_FRAME_MAX_BYTES } from '@plumbline/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import type { AttemptRegistry } from './attemptRegistry.ts';
import { handleBlob } from './blobs.ts';
import { BlobUploads } from './blobUpload.ts';
import type { Gateway } from './gateway.ts';
import { PortProxy } from './ports/portProxy.ts';
import { handleStaffPause } from './staffPause.ts';

const PORT_STREAM_PATH = /^\/realtime\/ports\/([0-9a-f]{32})$/;
const FRAME_TOO_LARGE = 1009;
const FRAME_TOO_LARGE_WORDS = `A message was larger than ${BROWSER_FRAME_MAX_BYTES / 2 ** 20} MiB, which is the most that is taken at once.`;
const BLOB_PATH = /^\/realtime\/blobs\/([0-9a-f]{64})$/;

/** `ws` closes at a frame that is too large before it tells anybody, and without a word. */
class BrowserSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? (code === FRAME_TOO_LARGE ? FRAME_TOO_LARGE_WORDS : undefined));
  }
}

/**
 * The gateway's HTTP side: `/realtime/attempt` for browsers, `/realtime/runner` and `/realtime/blobs/…` for runners,
 * `/realtime/ports/…` for the streams that they dial, `/realtime/pause` for the web process, `/realtime/health`. Requests for a host name of the ports go to what a
 * sandbox serves, whatever their path. Listens on loopback only; browsers come by way of the web process or a reverse proxy.
 */
export function createGatewayServer(gateway: Gateway, registry: AttemptRegistry, publicOrigin: string): Server {
  // Terminal bytes are small and frequent: compressing each costs more latency than it saves.
  const browsers = new WebSocketServer({
    noServer: true,
    maxPayload: BROWSER_FRAME_MAX_BYTES,
    perMessageDeflate: false,
    WebSocket: BrowserSocket,
  });
  const runners = new WebSocketServer({ noServer: true, maxPayload: RUNNER_FRAME_MAX_BYTES, perMessageDeflate: false });

  const ports = new PortProxy(gateway, registry);
  const uploads = new BlobUploads(gateway);
  const portStreams = new WebSocketServer({ noServer: true, maxPayload: RUNNER_FRAME_MAX_BYTES, perMessageDeflate: false });

  const server = createServer((request, response) => {
    if (ports.serves(request)) return void ports.request(request, response);
    const path = pathOf(request);
    const blob = BLOB_PATH.exec(path)?.[1];
    if (blob !== undefined) {
      void handleBlob({ gateway, uploads }, request, response, blob);
    } else if (path === '/realtime/pause' && request.method === 'POST' && request.headers.origin === undefined) {
      void handleStaffPause({ gateway, registry }, request, response);
    } else if (path === '/realtime/health' && request.method === 'GET') {
      void health(gateway, registry).then((body) => {
        response.writeHead(body.ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    } else {
      response.writeHead(404).end();
    }
  });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (ports.serves(request)) return void ports.upgrade(request, socket, head);
    const path = pathOf(request);
    const stream = PORT_STREAM_PATH.exec(path)?.[1];
    if (path === '/realtime/attempt') {
      // A page of another site must not be able to use this one's tickets, nor probe for them.
      if (request.headers.origin !== publicOrigin) return refuse(socket, 403, `Origin must be ${publicOrigin}`);
      const ticket = new URL(request.url ?? '', 'http://gateway').searchParams.get('ticket') ?? '';
      browsers.handleUpgrade(request, socket, head, (ws) => void registry.acceptBrowser(ws, ticket));
    } else if (path === '/realtime/runner') {
      if (request.headers.origin !== undefined) return refuse(socket, 403, 'Runners only');
      runners.handleUpgrade(request, socket, head, (ws) => registry.acceptRunner(ws));
    } else if (stream !== undefined && request.headers.origin === undefined && gateway.portStreams.expects(stream)) {
      portStreams.handleUpgrade(request, socket, head, (ws) => gateway.portStreams.accept(stream, ws));
    } else {
      refuse(socket, 404, 'Not found');
    }
  });
  return server;
}

async function health(gateway: Gateway, registry: AttemptRegistry) {
  let database = 'ok';
  try {
    await gateway.db.pool.query({ text: 'SELECT 1', query_timeout: 2_000 } as { text: string });
  } catch (error) {
    database = String(error).slice(0, 200);
  }
  return { ok: database === 'ok', version: gateway.version, database, attempts: registry.size };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function refuse(socket: Duplex, status: number, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
