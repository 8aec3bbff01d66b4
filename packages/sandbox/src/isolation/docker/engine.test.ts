import { createServer } from 'node:http';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { Engine } from './engine.ts';

test.each([
  ['python', 'python:latest'],
  ['python:3.11', 'python:3.11'],
  ['registry.example.org:5000/lab/image', 'registry.example.org:5000/lab/image:latest'],
  ['registry.example.org:5000/lab/image:v2', 'registry.example.org:5000/lab/image:v2'],
  ['registry.example.org:5000/lab/image@sha256:00ff', 'registry.example.org:5000/lab/image@sha256:00ff'],
])('of %s one image is fetched, %s, and never all tags of it', async (name, asked) => {
  const folder = await temporaryFolder();
  const requests: (string | null)[] = [];
  const server = createServer((request, response) => {
    requests.push(new URL(request.url ?? '', 'http://engine').searchParams.get('fromImage'));
    response.end('{"status":"done"}\n');
  });
  const socketPath = join(folder.path, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  await new Engine(socketPath).pull(name, () => {});
  server.closeAllConnections();
  server.close();
  await folder.remove();
  expect(requests).toEqual([asked]);
});
