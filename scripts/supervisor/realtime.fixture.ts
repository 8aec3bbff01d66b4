/**
 * For tests: a gateway that says first what it was asked and from which port, and then whatever it is told. Argument: its port.
 * SIGUSR2 has it leave its supervisor.
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { takeHandedUpgrades } from '../../apps/gateway/src/handedUpgrades.ts';

const port = Number(process.argv[2]);
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  const { url, headers } = request;
  socket.send(JSON.stringify({ pid: process.pid, url, headers, remotePort: request.socket.remotePort }));
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(port, '127.0.0.1', () => takeHandedUpgrades(server));
// A test that was ended leaves nothing behind.
const ended = () => process.exit();
process.once('disconnect', ended);
process.on('SIGUSR2', () => {
  process.off('disconnect', ended);
  process.disconnect();
});
