import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunnerConfig } from '@plumbline/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { localPlacement, type RunnerHandle } from './placement.ts';
import { waitUntil } from './waiting.ts';

const READ =
  "let text = ''; process.stdin.on('data', (part) => (text += part)); process.stdin.on('end', () => { const config = JSON.parse(text); console.log('runs', config.attemptId, config.token, Object.keys(process.env).includes('DATABASE_URL')); });";

let dir: string;
let handles: RunnerHandle[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-placement-'));
  handles = [];
  process.env['DATABASE_URL'] = 'postgresql://not-for-runners';
});
afterEach(async () => {
  delete process.env['DATABASE_URL'];
  for (const handle of handles) await localPlacement.stop(handle);
  await rm(dir, { recursive: true, force: true });
});

async function start(program: string): Promise<RunnerHandle> {
  const runnerEntry = join(dir, 'runner.mjs');
  await writeFile(runnerEntry, program);
  const config: RunnerConfig = {
    attemptId: 'attempt',
    token: 'token',
    gatewayUrl: 'ws://127.0.0.1:1/realtime/runner',
    stateDir: join(dir, 'state'),
    imageDir: dir,
    familyDir: dir,
    task: 'task',
    isolation: 'none',
    memoryBytes: null,
    maxProcesses: null,
    secrets: {},
  };
  const handle = await localPlacement.start(config, { runnerEntry });
  handles.push(handle);
  return handle;
}

const log = () => readFile(join(dir, 'state', 'runner.log'), 'utf8').catch(() => '');

it('a runner gets its config, and of this process’s environment no database', async () => {
  await start(`${READ} setInterval(() => {}, 1000);`);
  expect(await waitUntil(async () => (await log()) === 'runs attempt token false\n', 10_000)).toBe(true);
});

it('a runner is found again by what its folder says, and stops when asked', async () => {
  const handle = await start(
    `${READ} process.on('SIGTERM', () => { console.log('asked'); process.exit(0); }); setInterval(() => {}, 1000);`,
  );
  await waitUntil(async () => (await log()).startsWith('runs'), 10_000);
  const found = await localPlacement.find(join(dir, 'state'));
  expect(found).toEqual(handle);
  expect(await localPlacement.isAlive(handle)).toBe(true);
  await localPlacement.stop(handle);
  expect(await localPlacement.isAlive(handle)).toBe(false);
  expect(await log()).toContain('asked');
  await localPlacement.stop(handle);
});

it('a runner that does not listen is made to end', { timeout: 30_000 }, async () => {
  const handle = await start(`process.on('SIGTERM', () => {}); ${READ} setInterval(() => {}, 1000);`);
  await waitUntil(async () => (await log()).startsWith('runs'), 10_000);
  await localPlacement.stop(handle);
  expect(await localPlacement.isAlive(handle)).toBe(false);
});

it('another process with the same pid is not the runner, and is left alone', async () => {
  const stranger = { pid: process.pid, startTime: '1', stateDir: join(dir, 'state') };
  expect(await localPlacement.isAlive(stranger)).toBe(false);
  await localPlacement.stop(stranger);
  expect(await localPlacement.find(join(dir, 'nowhere'))).toBeNull();
});
