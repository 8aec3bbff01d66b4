import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Asset } from '@plumbline/taskstandard/settings';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layAssets } from './assetStore.ts';

/** Against a real server on loopback that cuts, refuses and lies. */

const DATA = randomBytes(300_000);
const SHA256 = createHash('sha256').update(DATA).digest('hex');

let base: string;
let dir: string;
let server: Server;
let requests: { url: string; range: string | undefined }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const serveRest = (request: IncomingMessage, response: ServerResponse) => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': DATA.length - from });
  response.end(DATA.subarray(from));
};

/** Sends `upTo` bytes and ends the connection once some of them are kept: what a client has not read is lost with it. */
const cutAt = (upTo: number) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-length': DATA.length });
  response.write(DATA.subarray(0, upTo));
  const partial = join(dir, 'sha256', `${SHA256}.partial`);
  const watch = setInterval(() => {
    if ((statSync(partial, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
    clearInterval(watch);
    response.socket?.end();
  }, 5);
};

function asset(changes: Partial<Asset> = {}): Asset {
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/train.bin`,
    sha256: SHA256,
    bytes: DATA.length,
    path: 'text/train.bin',
    for: 'everyone',
    ...changes,
  };
}

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'plumbline-assets-'));
  dir = join(base, 'cache');
  requests = [];
  answer = serveRest;
  server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(base, { recursive: true, force: true });
});

describe('a family’s data', () => {
  it('is fetched once for a host, however many runners ask at the same time, and nobody can write it', async () => {
    const laid = await Promise.all([layAssets([asset()], { dir }), layAssets([asset()], { dir }), layAssets([asset()], { dir })]);
    await layAssets([asset({ path: 'elsewhere.bin' })], { dir });
    expect(requests).toHaveLength(1);
    const path = join(laid[0].everyone ?? '', 'text/train.bin');
    expect(readFileSync(path).equals(DATA)).toBe(true);
    expect(statSync(path).mode & 0o222).toBe(0);
    expect(laid[0]).toEqual(laid[1]);
    expect(laid[0].scorer).toBeNull();
  });

  it('for the scorer lies apart from what everyone may read', async () => {
    const laid = await layAssets([asset(), asset({ path: 'heldout.bin', for: 'scorer' })], { dir });
    expect(readdirSync(laid.scorer ?? '')).toEqual(['heldout.bin']);
    expect(readdirSync(laid.everyone ?? '')).toEqual(['text']);
  });

  it('goes on where a cut connection stopped, in the same process and in the next', async () => {
    answer = (request, response) => (requests.length === 1 ? cutAt(100_000)(request, response) : serveRest(request, response));
    const seen: number[] = [];
    await layAssets([asset()], { dir, onProgress: (_, fraction) => seen.push(fraction) });
    expect(requests[1]?.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));

    const other = join(base, 'other');
    await mkdir(join(other, 'sha256'), { recursive: true });
    await writeFile(join(other, 'sha256', `${SHA256}.partial`), DATA.subarray(0, 250_000));
    await layAssets([asset()], { dir: other });
    expect(requests.at(-1)?.range).toBe('bytes=250000-');
  });

  it('is taken whole from a server that does not serve parts', async () => {
    await mkdir(join(dir, 'sha256'), { recursive: true });
    await writeFile(join(dir, 'sha256', `${SHA256}.partial`), DATA.subarray(0, 1000));
    answer = (_, response) => response.end(DATA);
    const { everyone } = await layAssets([asset()], { dir });
    expect(readFileSync(join(everyone ?? '', 'text/train.bin')).equals(DATA)).toBe(true);
  });

  it('needs no size where its checksum is known: it is whole when the checksum says so, also after a cut', async () => {
    const { bytes: _, ...unsized } = asset();
    answer = (request, response) => (requests.length === 1 ? cutAt(100_000)(request, response) : serveRest(request, response));
    const seen: number[] = [];
    const { everyone } = await layAssets([unsized], { dir, onProgress: (_, fraction) => seen.push(fraction) });
    expect(readFileSync(join(everyone ?? '', 'text/train.bin')).equals(DATA)).toBe(true);
    expect(requests[1]?.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(seen.at(-1)).toBe(1);

    // Whole already, but for its name: a server has no part after the last byte.
    const other = join(base, 'other');
    await mkdir(join(other, 'sha256'), { recursive: true });
    await writeFile(join(other, 'sha256', `${SHA256}.partial`), DATA);
    answer = (_, response) => response.writeHead(416).end();
    await layAssets([unsized], { dir: other });
    expect(readdirSync(join(other, 'sha256'))).toContain(SHA256);

    answer = (_, response) => response.end('short');
    await expect(layAssets([{ ...unsized, sha256: 'a'.repeat(64) }], { dir })).rejects.toThrow(/SHA-256 is [0-9a-f]{64}, another/);
    expect(readdirSync(join(dir, 'sha256'))).not.toContain(`${'a'.repeat(64)}.partial`);
  });

  it('that is not what the manifest names is refused by checksum or length, and never kept', async () => {
    const wrong = { sha256: 'a'.repeat(64) };
    await expect(layAssets([asset(wrong)], { dir })).rejects.toThrow(/SHA-256 is [0-9a-f]{64}, another than the manifest names/);
    await expect(layAssets([asset({ bytes: 10 })], { dir })).rejects.toThrow(/more than 10 bytes/);
    await expect(layAssets([asset({ bytes: DATA.length + 1 })], { dir })).rejects.toThrow(/bytes instead of/);
    expect(readdirSync(join(dir, 'sha256')).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
  });

  it('that cannot be reached is an error with file, address and what to do', async () => {
    answer = (_, response) => response.writeHead(404).end();
    const refused = layAssets([asset()], { dir });
    await expect(refused).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await expect(refused).rejects.toThrow(
      /text\/train\.bin could not be had from http:\/\/127.*404.*put the file with SHA-256 [0-9a-f]{64} at \//,
    );
    expect(requests).toHaveLength(1);
    const closed = asset().url.replace(/:\d+\//, ':2/');
    await expect(layAssets([asset({ url: closed })], { dir })).rejects.toThrow(/ECONNREFUSED|bad port/);
  });

  it('comes from a folder of the host as well, and one that was put there by hand is not fetched', async () => {
    const file = join(base, 'mirror.bin');
    await writeFile(file, DATA);
    const { everyone } = await layAssets([asset({ url: pathToFileURL(file).href })], { dir });
    expect(readFileSync(join(everyone ?? '', 'text/train.bin')).equals(DATA)).toBe(true);
    await rm(file);
    await layAssets([asset()], { dir });
    expect(requests).toEqual([]);
  });
});
