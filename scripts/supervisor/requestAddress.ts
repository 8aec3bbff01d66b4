import type { IncomingMessage, Server } from 'node:http';

/**
 * Has each request of this server say in `x-forwarded-for` where it came from, before the server's own listeners see it: Next writes
 * that header only where a client did not. An `https` address of the pages means that a proxy stands before them, whose entry, the
 * last, is kept; otherwise nobody does, and what the client wrote there is not believed.
 */
export function nameAddresses(server: Server, publicUrl: string): void {
  const hasProxy = new URL(publicUrl).protocol === 'https:';
  server.prependListener('request', ({ headers, socket }: IncomingMessage) => {
    const written = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim();
    headers['x-forwarded-for'] = hasProxy && written ? written : (socket.remoteAddress ?? 'unknown');
  });
}
