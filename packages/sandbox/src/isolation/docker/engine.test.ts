import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { Engine } from './engine.ts';

/** Has a client talk to what answers in an engine's place. */
async function withEngine(answer: RequestListener, work: (engine: Engine) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder();
  const server = createServer(answer);
  const socketPath = join(folder.path, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  try {
    await work(new Engine(socketPath));
  } finally {
    server.closeAllConnections();
    server.close();
    await folder.remove();
  }
}

test.each([
  ['python', 'python:latest'],
  ['python:3.11', 'python:3.11'],
  ['registry.example.org:5000/lab/image', 'registry.example.org:5000/lab/image:latest'],
  ['registry.example.org:5000/lab/image:v2', 'registry.example.org:5000/lab/image:v2'],
  ['registry.example.org:5000/lab/image@sha256:00ff', 'registry.example.org:5000/lab/image@sha256:00ff'],
])('of %s one image is fetched, %s, and never all tags of it', async (name, asked) => {
  const requests: (string | null)[] = [];
  const answer: RequestListener = (request, response) => {
    requests.push(new URL(request.url ?? '', 'http://engine').searchParams.get('fromImage'));
    response.end('{"status":"done"}\n');
  };
  await withEngine(answer, (engine) => engine.pull(name, () => {}));
  expect(requests).toEqual([asked]);
});

const UNABLE = { status: 500, message: 'OCI runtime pause failed: unable to freeze: unknown' };

/** An engine that answers each call to pause with the next of these, and always with the last. */
function pausing(...answers: { status: number; message: string }[]) {
  let asked = 0;
  const answer: RequestListener = (request, response) => {
    if (request.method === 'GET') return response.end('{"Id":"a","State":{"Pid":1,"Running":true,"Paused":false}}');
    const { status, message } = answers[Math.min(asked++, answers.length - 1)] as (typeof answers)[number];
    response.writeHead(status).end(status === 204 ? undefined : JSON.stringify({ message }));
  };
  return { answer, asked: () => asked };
}

test('a container that its runtime could not stop at the first try is asked to stop again', async () => {
  const { answer, asked } = pausing(UNABLE, UNABLE, { status: 204, message: '' });
  await withEngine(answer, (engine) => engine.pause('a', 60_000));
  expect(asked()).toBe(3);
});

test('a container that does not stop in time is said not to have, in the words of the last try', async () => {
  const { answer, asked } = pausing(UNABLE);
  await withEngine(answer, (engine) => expect(engine.pause('a', 1_000)).rejects.toThrow(UNABLE.message));
  expect(asked()).toBeGreaterThan(1);
});

test('a container that is gone is not asked to stop again', async () => {
  const { answer, asked } = pausing({ status: 404, message: 'No such container: a' });
  await withEngine(answer, (engine) => expect(engine.pause('a', 60_000)).rejects.toThrow('No such container'));
  expect(asked()).toBe(1);
});
