import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import type { EventData } from '@plumbline/protocol';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Blobs } from './blobs.ts';

let dir: string;
let gateway: Server;
/** What the gateway answers to each blob; 204 where nothing is said. */
let answers: Map<string, number>;
let stored: string[];
let lost: EventData<'blob.lost'>[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-blobs-'));
  answers = new Map();
  stored = [];
  lost = [];
  gateway = createServer(answer);
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const hash = String(request.url).split('/').at(-1) ?? '';
  const status = answers.get(hash) ?? 204;
  request.resume().on('end', () => {
    if (status === 204) stored.push(hash);
    response.writeHead(status).end();
  });
}

afterEach(async () => {
  await new Promise((resolve) => gateway.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

async function openBlobs(): Promise<Blobs> {
  const { port } = gateway.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/realtime/blobs`;
  const logger = pino({ level: 'silent' });
  const blobs = new Blobs({ dir: join(dir, 'blobs'), url, token: 'token', clock: systemClock, logger, onLost: (of) => lost.push(of) });
  await blobs.open();
  return blobs;
}

async function add(blobs: Blobs, text: string, answer?: number): Promise<string> {
  const hash = createHash('sha256').update(text).digest('hex');
  if (answer !== undefined) answers.set(hash, answer);
  const path = join(dir, randomUUID());
  writeFileSync(path, text);
  await blobs.add(path, hash, false);
  return hash;
}

describe('blobs that a runner uploads', () => {
  it('go once they are stored', async () => {
    const blobs = await openBlobs();
    const hash = await add(blobs, 'a bundle');
    expect(await blobs.drained(20_000)).toBe(true);
    expect(stored).toEqual([hash]);
    expect(readdirSync(join(dir, 'blobs'))).toEqual([]);
    blobs.close();
  });

  it('stay where they are refused for their size, which is said once, are not called stored, and are offered again by each runner', async () => {
    const blobs = await openBlobs();
    const hash = await add(blobs, 'too large', 413);
    await blobs.uploaded(hash, 20_000);
    expect(readFileSync(join(dir, 'blobs', hash), 'utf8')).toBe('too large');
    expect(await blobs.drained(20_000)).toBe(false);
    blobs.close();
    const second = await openBlobs();
    await second.uploaded(hash, 20_000);
    second.close();
    expect(lost).toEqual([{ hash, bytes: 9, reason: 'too_large' }]);
    answers.clear();
    const next = await openBlobs();
    expect(await next.drained(20_000)).toBe(true);
    expect(stored).toEqual([hash]);
    next.close();
  });

  it('do not wait for one that the gateway never takes', async () => {
    const blobs = await openBlobs();
    await add(blobs, 'damaged by a loss of power', 400);
    const hash = await add(blobs, 'whole');
    await blobs.uploaded(hash, 20_000);
    expect(stored).toEqual([hash]);
    blobs.close();
  });

  it('are moved aside where they are damaged, which is said, and hold nothing up', async () => {
    const before = await openBlobs();
    // It keeps them, and reads nothing that is damaged under its hands.
    before.close();
    const damaged = await add(before, 'what the disk forgot');
    const whole = await add(before, 'what it kept');
    writeFileSync(join(dir, 'blobs', damaged), Buffer.alloc(20));
    const blobs = await openBlobs();
    expect(await blobs.drained(20_000)).toBe(true);
    expect(stored).toEqual([whole]);
    expect(lost).toEqual([{ hash: damaged, bytes: 20, reason: 'damaged' }]);
    expect(readdirSync(join(dir, 'blobs'))).toEqual(['damaged']);
    expect(readdirSync(join(dir, 'blobs', 'damaged'))).toEqual([damaged]);
    blobs.close();
    const next = await openBlobs();
    expect(await next.drained(20_000)).toBe(true);
    expect(lost).toHaveLength(1);
    next.close();
  });

  it('go on where the disk refuses what one of them needs, which is done once it lets it, and said once', async () => {
    const before = await openBlobs();
    before.close();
    const damaged = await add(before, 'what the disk forgot');
    writeFileSync(join(dir, 'blobs', damaged), Buffer.alloc(20));
    // No folder can be made of that name.
    writeFileSync(join(dir, 'blobs', 'damaged'), '');
    const blobs = await openBlobs();
    const whole = await add(blobs, 'what it kept');
    await blobs.uploaded(whole, 20_000);
    expect(stored).toEqual([whole]);
    rmSync(join(dir, 'blobs', 'damaged'));
    expect(await blobs.drained(20_000)).toBe(true);
    expect(readdirSync(join(dir, 'blobs', 'damaged'))).toEqual([damaged]);
    expect(lost).toEqual([{ hash: damaged, bytes: 20, reason: 'damaged' }]);
    blobs.close();
  });
});
