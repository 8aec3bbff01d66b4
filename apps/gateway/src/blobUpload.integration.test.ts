import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BLOB_MAX_BYTES, BLOB_PART_BYTES } from '@plumbline/protocol';
import { temporaryFolder } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

let rig: GatewayRig;
/** Each upload's `Content-Range`, or its length, as the gateway got them. */
let came: string[];
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(async () => {
  for (const act of undo.splice(0).reverse()) await act();
  await rig.stop();
});
beforeEach(() => {
  came = [];
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The way from the runner to the gateway, wherever that listens now. */
async function way(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.method === 'PUT') came.push(request.headers['content-range'] ?? String(request.headers['content-length']));
    const { method, headers, url } = request;
    const onwards = httpRequest(`${rig.http.url}${url}`, { method, headers } as object, (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onwards.on('error', () => response.destroy());
    request.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/realtime/blobs`;
}

const execute = promisify(execFile);

/** Has a runner's own code, a process with an empty folder, upload these and get them back. Returns their hashes. */
async function uploaded(...contents: Buffer[]): Promise<string[]> {
  const folder = await temporaryFolder();
  undo.push(() => folder.remove());
  const files = contents.map((content, i) => {
    writeFileSync(join(folder.path, `made-${i}`), content);
    return join(folder.path, `made-${i}`);
  });
  const program = join(import.meta.dirname, '../../runner/src/blobs.fixture.ts');
  await execute(process.execPath, [program, await way(), rig.http.token, folder.path, ...files]);
  return contents.map(sha256);
}

function put(hash: string, range: string | null, body: Buffer): Promise<Response> {
  const { url, token } = rig.http;
  const headers = { authorization: `Bearer ${token}`, ...(range === null ? {} : { 'content-range': range }) };
  return fetch(`${url}/realtime/blobs/${hash}`, { method: 'PUT', headers, body: new Uint8Array(body) });
}

function get(hash: string): Promise<Response> {
  return fetch(`${rig.http.url}/realtime/blobs/${hash}`, { headers: { authorization: `Bearer ${rig.http.token}` } });
}

async function head(hash: string): Promise<{ status: number; offset: number }> {
  const { url, token } = rig.http;
  const answer = await fetch(`${url}/realtime/blobs/${hash}`, { method: 'HEAD', headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, offset: Number(answer.headers.get('upload-offset') ?? 0) };
}

describe('a blob that is uploaded', () => {
  it('comes back byte for byte, whether it is nothing, a part, a byte more, or several parts', async () => {
    await rig.attempt();
    await uploaded(...[0, BLOB_PART_BYTES, BLOB_PART_BYTES + 1, 3 * BLOB_PART_BYTES].map((bytes) => randomBytes(bytes)));
    expect(came.slice(0, 2)).toEqual(['0', String(BLOB_PART_BYTES)]);
    expect(came.slice(2).sort()).toEqual(
      [
        `bytes 0-${BLOB_PART_BYTES - 1}/${BLOB_PART_BYTES + 1}`,
        `bytes ${BLOB_PART_BYTES}-${BLOB_PART_BYTES}/${BLOB_PART_BYTES + 1}`,
        ...[0, 1, 2].map((n) => `bytes ${n * BLOB_PART_BYTES}-${(n + 1) * BLOB_PART_BYTES - 1}/${3 * BLOB_PART_BYTES}`),
      ].sort(),
    );
  });

  it('goes on behind the parts that are stored, though the gateway and the runner are others', async () => {
    await rig.attempt();
    const content = randomBytes(2 * BLOB_PART_BYTES + 5);
    const hash = sha256(content);
    const first = await put(hash, `bytes 0-${BLOB_PART_BYTES - 1}/${content.length}`, content.subarray(0, BLOB_PART_BYTES));
    expect(first.status).toBe(202);
    await rig.restart();
    await uploaded(content);
    expect(came.map((range) => range.split('-')[0])).toEqual([`bytes ${BLOB_PART_BYTES}`, `bytes ${2 * BLOB_PART_BYTES}`]);
  });

  it('is whole where a gateway ended between its last part and the word that it is', async () => {
    await rig.attempt();
    const content = randomBytes(BLOB_PART_BYTES + 7);
    const [hash = ''] = await uploaded(content);
    await rig.db.pool.query('DELETE FROM recording_blob WHERE hash = $1', [hash]);
    await rig.restart();
    expect(await head(hash)).toEqual({ status: 200, offset: 2 * BLOB_PART_BYTES });
    await uploaded(content);
    expect((await head(hash)).status).toBe(204);
  });

  it('is taken whole in one request too, which older runners make', async () => {
    await rig.attempt();
    const content = randomBytes(BLOB_PART_BYTES + 7);
    expect((await put(sha256(content), null, content)).status).toBe(204);
    expect(Buffer.from(await (await get(sha256(content))).arrayBuffer()).equals(content)).toBe(true);
  });

  it('is refused where its bytes are not what its name says, however it came, and leaves nothing in the store', async () => {
    await rig.attempt();
    const before = await rig.storedObjects();
    const content = randomBytes(BLOB_PART_BYTES + 7);
    const other = sha256(randomBytes(1));
    expect((await put(other, null, content)).status).toBe(400);
    expect((await put(other, `bytes 0-${BLOB_PART_BYTES - 1}/${content.length}`, content.subarray(0, BLOB_PART_BYTES))).status).toBe(202);
    // Another gateway has not seen the first part, and reads it back.
    await rig.restart();
    expect(
      (await put(other, `bytes ${BLOB_PART_BYTES}-${content.length - 1}/${content.length}`, content.subarray(BLOB_PART_BYTES))).status,
    ).toBe(400);
    expect(await head(other)).toEqual({ status: 200, offset: 0 });
    expect(await rig.storedObjects()).toBe(before);
  });

  it('is refused where parts before it are missing, where it is cut short, and above the bound', async () => {
    await rig.attempt();
    const part = randomBytes(BLOB_PART_BYTES);
    const hash = sha256(part);
    expect((await put(hash, `bytes ${BLOB_PART_BYTES}-${2 * BLOB_PART_BYTES - 1}/${3 * BLOB_PART_BYTES}`, part)).status).toBe(409);
    expect((await put(hash, `bytes 0-${BLOB_PART_BYTES - 1}/${3 * BLOB_PART_BYTES}`, part.subarray(1))).status).toBe(400);
    expect((await put(hash, `bytes 0-0/${BLOB_MAX_BYTES + 1}`, part.subarray(0, 1))).status).toBe(413);
    expect(await head(hash)).toEqual({ status: 200, offset: 0 });
  });
});
