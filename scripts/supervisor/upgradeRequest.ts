import type { IncomingMessage } from 'node:http';

/**
 * An upgrade request written anew for the gateway, with the very headers that Next's proxy would send it. The Host above all: the
 * gateway tells by it what is for a page of a sandbox, and nothing that came for the pages' port is.
 *
 * @param gatewayAt Host and port.
 */
export function upgradeRequestBytes({ method, url, headers }: IncomingMessage, gatewayAt: string): Buffer {
  const written = { ...headers, 'x-forwarded-host': headers.host ?? '', host: gatewayAt };
  const lines = Object.entries(written).flatMap(([name, values]) => [values ?? []].flat().map((value) => `${name}: ${value}\r\n`));
  return Buffer.from(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
}
