/** For tests: a web process with one page, and Next's own proxy for upgrades. Arguments: its port, the gateway's port. */
import { createServer } from 'node:http';
import { proxyRequest } from 'next/dist/server/lib/router-utils/proxy-request.js';

const [port, gatewayPort] = process.argv.slice(2).map(Number);
const server = createServer((_request, response) => response.end('a page'));
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => {});
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://pages');
  const target = { protocol: 'http:', hostname: '127.0.0.1', port: String(gatewayPort), pathname, query: Object.fromEntries(searchParams) };
  proxyRequest(request, socket as never, target as never, head).catch(() => socket.destroy());
});
server.listen(port, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
// A test that was ended leaves nothing behind.
process.once('disconnect', () => process.exit());
