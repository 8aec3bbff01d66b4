import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HandleSender, type TcpHandle } from './handleSender.ts';

let server: Server;

beforeEach(async () => {
  server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => server.close());

/** One end that may be sent, and the other. */
async function socketPair(): Promise<{ ours: Socket; theirs: Socket; closed: Promise<unknown> }> {
  const connected = once(server, 'connection');
  const theirs = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => {});
  theirs.resume();
  const closed = new Promise((resolve) => theirs.once('close', resolve));
  return { ours: (await connected)[0] as Socket, theirs, closed };
}

test('what a process that stands still does not take is closed, and so is what comes when too much waits', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.kill('SIGSTOP');
  const sender = new HandleSender(child, { waitMaxMs: 50, waitingMax: 3 });
  const pairs: Awaited<ReturnType<typeof socketPair>>[] = [];
  while (pairs.length < 6) pairs.push(await socketPair());
  for (const { ours } of pairs) {
    const { _handle: handle } = ours as Socket & { _handle: TcpHandle };
    sender.send(handle, Buffer.from('request'), () => ours.destroy());
  }
  expect(pairs.map(({ ours }) => ours.destroyed)).toEqual([false, false, false, true, true, true]);
  // The first one is on its way, and lives for as long as it may arrive.
  await Promise.all(pairs.slice(1).map(({ closed }) => closed));
  expect(pairs.map(({ ours }) => ours.destroyed)).toEqual(pairs.map(() => true));
  expect(pairs[0]?.theirs.destroyed).toBe(false);
  child.kill('SIGKILL');
  await pairs[0]?.closed;
});
