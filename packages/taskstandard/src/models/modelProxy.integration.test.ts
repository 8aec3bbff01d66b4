import { statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type ModelCall, ModelProxy, type ModelProxyOptions } from './modelProxy.ts';
import { endpointUpstream, standInUpstream } from './modelUpstream.ts';

/** The proxy between real sockets: a provider on HTTP on one side, a sandbox's program on a Unix socket on the other. */

const KEY = 'sk-of-the-deployment';
const settings = { name: 'a-model', usdPerMillion: { input: 1, output: 2 }, budgetUsd: { participant: 0.01, scorer: 1 }, standIn: null };
const usage = { prompt_tokens: 100, completion_tokens: 50 };

let dir: string;
let provider: Server;
let seen: { key: string | undefined; body: Record<string, unknown> }[] = [];
let answers: number[] = [];
let proxies: ModelProxy[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-model-'));
  provider = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    seen.push({ key: incoming.headers.authorization, body: JSON.parse(Buffer.concat(chunks).toString()) });
    response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'hello' } }], usage }));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const proxy of proxies) await proxy.close();
  proxies = [];
  seen = [];
  answers = [];
});

afterAll(async () => {
  provider.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(options: Partial<ModelProxyOptions> = {}): Promise<ModelProxy> {
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  const upstream = endpointUpstream({ url, key: KEY });
  const base = { path: join(dir, 'model.sock'), asker: 'participant' as const, settings, upstream, monoMs: () => performance.now() };
  const proxy = new ModelProxy({ ...base, ...options });
  await proxy.open();
  proxies.push(proxy);
  return proxy;
}

function ask(body: unknown, path = '/v1/chat/completions', socketPath = join(dir, 'model.sock')) {
  return new Promise<{ status: number; body: { error?: { code: string; message: string }; [key: string]: unknown } }>((resolve, reject) => {
    const request = httpRequest({ socketPath, path, method: body === undefined ? 'GET' : 'POST' }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
    });
    request.on('error', reject);
    request.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const messages = [{ role: 'user', content: 'hello' }];

it('adds the key on the way out, passes on only what it knows, and tells what each call cost', async () => {
  const calls: ModelCall[] = [];
  await open({ onCall: (call) => calls.push(call) });
  const answer = await ask({ messages, n: 2, max_tokens: 20, user: 'somebody', tools: [] });
  expect(answer).toMatchObject({ status: 200, body: { choices: [{ message: { content: 'hello' } }] } });
  expect(JSON.stringify(answer)).not.toContain(KEY);
  expect(seen).toEqual([{ key: `Bearer ${KEY}`, body: { messages, model: 'a-model', n: 2, max_tokens: 20 } }]);
  expect(calls).toMatchObject([{ asker: 'participant', model: 'a-model', status: 200, promptTokens: 100, completionTokens: 50 }]);
  expect(calls[0]?.costUsd).toBeCloseTo(0.0002);
  expect(calls[0]?.leftUsd).toBeCloseTo(0.0098);
  expect(await ask(undefined, '/v1/budget')).toMatchObject({ status: 200, body: { model: 'a-model', budget_usd: 0.01 } });
  expect(statSync(join(dir, 'model.sock')).mode & 0o777).toBe(0o666);
});

it('never spends more than the budget, whatever is asked at once, and goes on where an earlier life stopped', async () => {
  const proxy = await open();
  const results = await Promise.all(Array.from({ length: 40 }, () => ask({ messages, max_tokens: 4000 })));
  expect(results.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  const refused = results.filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, body } of refused) expect([status, body.error?.code]).toEqual([403, 'budget_spent']);
  expect(proxy.spentUsd).toBeLessThanOrEqual(0.01);
  await open({ path: join(dir, 'later.sock'), spentUsd: 0.0099999 });
  expect(await ask({ messages, max_tokens: 400 }, undefined, join(dir, 'later.sock'))).toMatchObject({ status: 403 });
});

it('answers nothing while the clock stands', async () => {
  let paused: string | null = 'The clock does not run.';
  await open({ closedBecause: () => paused });
  expect(await ask({ messages })).toMatchObject({ status: 503, body: { error: { code: 'paused', message: paused } } });
  expect(seen).toEqual([]);
  paused = null;
  expect((await ask({ messages })).status).toBe(200);
});

it('refuses another model, streams, and what is no request, with what to do', async () => {
  await open();
  for (const [body, reason] of [
    [{ messages, model: 'another' }, /only model here is a-model/],
    [{ messages, stream: true }, /Streaming is not offered/],
    [{ messages: 'hello' }, /"messages" must be a list/],
    [{ messages, n: 1000 }, /"n" must be a whole number from 1 to/],
    ['not json', /not JSON/],
    ['[', /not JSON/],
    [`{"messages":${'['.repeat(4_385)}${']'.repeat(4_385)}}`, /nested too deep/],
  ] as const) {
    const answer = await ask(body);
    expect(answer.status, JSON.stringify(body)).toBe(400);
    expect(answer.body.error?.message).toMatch(reason);
  }
  expect((await ask({ messages: ['x'.repeat(2_000_000)] })).status).toBe(413);
  expect((await ask(undefined, '/v1/models')).status).toBe(404);
  expect(seen).toEqual([]);
});

it('asks a provider that stumbles again, and calls one that goes on failing the platform’s fault', async () => {
  const proxy = await open();
  answers = [429];
  expect((await ask({ messages })).status).toBe(200);
  expect(proxy.providerFault).toBeNull();
  answers = [402];
  expect(await ask({ messages })).toMatchObject({ status: 502, body: { error: { code: 'provider_failed' } } });
  expect(proxy.providerFault).toBe("The model's provider answered 402.");
});

it('lets a program of the family stand in for a provider, and says so when it ends', async () => {
  const program = `import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    text = asked["request"]["messages"][0]["content"]
    if text == "die": sys.exit(3)
    print(json.dumps({"id": asked["id"], "status": 200, "body": {"choices": [{"message": {"content": text.upper()}}]}}), flush=True)
`;
  writeFileSync(join(dir, 'stand_in.py'), program);
  const upstream = standInUpstream({ file: '/usr/bin/python3', args: [join(dir, 'stand_in.py')], env: {}, cwd: dir });
  await open({ upstream, asker: 'scorer' });
  const texts = await Promise.all(['a', 'b', 'c'].map((content) => ask({ messages: [{ role: 'user', content }] })));
  expect(texts.map(({ body }) => (body as { choices: { message: { content: string } }[] }).choices[0]?.message.content)).toEqual([
    'A',
    'B',
    'C',
  ]);
  expect((await ask({ messages: [{ role: 'user', content: 'die' }] })).body.error?.code).toBe('provider_failed');
  upstream.close();
});
