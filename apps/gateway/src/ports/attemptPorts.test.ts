import { once } from 'node:events';
import { createServer, request as requestOf } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LiveAttempt } from '../liveAttempt.ts';
import { AttemptPorts } from './attemptPorts.ts';

const server = createServer((request, response) => response.end(request.url));
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

it('a connection to a page is used again, and holds nothing of the requests before', async () => {
  const streams: Duplex[] = [];
  const dialled = async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const stream = Duplex.from({ readable: socket, writable: socket });
    streams.push(stream);
    return stream;
  };
  const ports = new AttemptPorts({ gateway: { portStreams: { dialled } }, runner: {} } as unknown as LiveAttempt);
  const listeners = [];
  for (let n = 0; n < 20; n += 1) {
    const asked = requestOf({ agent: ports.agent(8765), path: `/${n}` });
    asked.end();
    const [answer] = await once(asked, 'response');
    expect(String(await answer.toArray())).toBe(`/${n}`);
    // The agent has it back in the turn after.
    await new Promise(setImmediate);
    listeners.push(streams[0]?.listenerCount('error'));
  }
  ports.close();
  expect(streams).toHaveLength(1);
  expect(listeners.at(-1)).toBe(listeners[0]);
});
