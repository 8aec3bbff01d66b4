import type { Server } from 'node:http';
import { type AddressInfo, Socket, type SocketConstructorOpts } from 'node:net';
import { type GatewayPlace, HandedUpgrade } from '@plumbline/protocol';

/**
 * Takes the sockets that the web process accepted, as if this server, which listens already, had accepted them itself; and says so.
 * Where no supervisor started this process nothing comes but through the port.
 */
export function takeHandedUpgrades(server: Server): void {
  if (process.send === undefined) return;
  process.on('message', (message, handle?: unknown) => {
    const handed = HandedUpgrade.safeParse(message);
    if (!handed.success || handle === undefined) return;
    // Half open as the sockets of Node's own server are.
    const socket = new Socket({ handle, allowHalfOpen: true } as SocketConstructorOpts);
    socket.unshift(handed.data.bytes);
    server.emit('connection', socket);
  });
  const { address, port } = server.address() as AddressInfo;
  const place: GatewayPlace = { t: 'gateway', at: `${address}:${port}` };
  process.send(place, () => {});
}
