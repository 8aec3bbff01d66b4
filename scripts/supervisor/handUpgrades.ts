import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayPlace } from '@plumbline/protocol';
import { HandleSender, type TcpHandle } from './handleSender.ts';
import { upgradeRequestBytes } from './upgradeRequest.ts';

/** What `rewrites` of apps/web/next.config.ts sends to the gateway. */
const GATEWAY_PATHS = '/realtime/';
/**
 * Hands the sockets of upgrade requests for the gateway, which this server accepts, to the gateway itself, by way of the supervisor.
 * Whatever is not handed over goes to those who listened for upgrades before: to Next, whose rewrite brings it to the gateway too.
 */
export function handUpgrades(server: Server): void {
  const sender = new HandleSender(process);
  let gatewayAt: string | null = null;
  process.on('message', (message) => {
    const place = GatewayPlace.safeParse(message);
    if (place.success) gatewayAt = place.data.at;
  });
  const next = server.listeners('upgrade');
  server.removeAllListeners('upgrade');
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const handle = handleOf(socket);
    if (handle !== null && gatewayAt !== null && sender.takesMore && request.url?.startsWith(GATEWAY_PATHS)) {
      const bytes = Buffer.concat([upgradeRequestBytes(request, gatewayAt), head, ...takeBuffered(socket)]);
      // What this process still read until the gateway has the socket would be lost.
      handle.reading = false;
      handle.readStop();
      socket.on('error', () => {});
      sender.send(handle, bytes, () => socket.destroy());
    } else {
      for (const listener of next) listener.call(server, request, socket, head);
    }
  });
}

/** Null for a socket into which this process has yet to write, the answer to a page's request before: it alone can do that. */
function handleOf(socket: Duplex): TcpHandle | null {
  if (!(socket instanceof Socket) || socket.writableLength > 0) return null;
  return (socket as Socket & { _handle: TcpHandle | null })._handle;
}

function takeBuffered(socket: Duplex): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk);
  return chunks;
}
