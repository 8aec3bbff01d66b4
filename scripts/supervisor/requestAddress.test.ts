import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { nameAddresses } from './requestAddress.ts';

/** What a page's server is told of the sender's address, who wrote `written` there. */
async function toldAddress(publicUrl: string, written?: string): Promise<unknown> {
  let told: unknown;
  const server = createServer(({ headers }, response) => {
    told = headers['x-forwarded-for'];
    response.end();
  });
  nameAddresses(server, publicUrl);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await fetch(`http://127.0.0.1:${port}/`, { headers: written === undefined ? {} : { 'x-forwarded-for': written } });
  server.close();
  return told;
}

test('an address that a client makes up for itself is not believed where no proxy stands before the pages', async () => {
  expect(await toldAddress('http://localhost:3000', '10.1.2.3')).toBe('127.0.0.1');
  expect(await toldAddress('http://localhost:3000')).toBe('127.0.0.1');
});

test('a proxy’s own entry is believed, and none of those that the client sent it', async () => {
  expect(await toldAddress('https://plumbline.example.org', '10.1.2.3, 192.0.2.7')).toBe('192.0.2.7');
  expect(await toldAddress('https://plumbline.example.org')).toBe('127.0.0.1');
});
