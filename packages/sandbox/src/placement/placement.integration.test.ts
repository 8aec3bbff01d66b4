import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { waitUntil } from '../host/waiting.ts';
import { localPlacement } from './local.ts';
import type { Placement, RunnerHandle } from './placement.ts';

const READ =
  "let text = ''; process.stdin.on('data', (part) => (text += part)); process.stdin.on('end', () => { const config = JSON.parse(text); console.log('runs', config.attemptId, config.token, Object.keys(process.env).includes('DATABASE_URL')); });";

let dir: string;
let placement: Placement;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-placement-'));
  placement = localPlacement({ runnerEntry: join(dir, 'runner.mjs'), runnersDir: dir, imageDir: dir, assetsDir: dir });
  process.env['DATABASE_URL'] = 'postgresql://not-for-runners';
});
afterEach(async () => {
  delete process.env['DATABASE_URL'];
  for (const handle of await placement.list()) await placement.stop(handle);
  await rm(dir, { recursive: true, force: true });
});

async function start(program: string): Promise<RunnerHandle> {
  await writeFile(join(dir, 'runner.mjs'), program);
  return placement.start({
    attemptId: 'attempt',
    token: 'token',
    gatewayUrl: 'ws://127.0.0.1:1/realtime/runner',
    familyDir: dir,
    familyHash: 'hash',
    task: 'task',
    isolation: 'none',
    docker: null,
    memoryBytes: null,
    diskBytes: null,
    maxProcesses: null,
    cpus: null,
    gpuIds: [],
    restore: null,
    secrets: {},
    resources: { gpuCount: 0, gpuModel: null, cpus: null, memoryBytes: null, maxDurationMs: 60_000 },
  });
}

const log = () => readFile(join(dir, 'attempt', 'runner.log'), 'utf8').catch(() => '');

it('a runner gets its config, and of this process’s environment no database', async () => {
  await start(`${READ} setInterval(() => {}, 1000);`);
  expect(await waitUntil(async () => (await log()) === 'runs attempt token false\n', 10_000)).toBe(true);
});

it('a runner is found again by what its folder says, and stops when asked', async () => {
  const handle = await start(
    `${READ} process.on('SIGTERM', () => { console.log('asked'); process.exit(0); }); setInterval(() => {}, 1000);`,
  );
  await waitUntil(async () => (await log()).startsWith('runs'), 10_000);
  const found = await placement.find('attempt');
  expect(found).toEqual(handle);
  expect((await placement.status(handle)).state).toBe('running');
  await placement.stop(handle);
  expect((await placement.status(handle)).state).toBe('gone');
  expect(await log()).toContain('asked');
  await placement.stop(handle);
});

it('a runner that does not listen is made to end', { timeout: 30_000 }, async () => {
  const handle = await start(`process.on('SIGTERM', () => {}); ${READ} setInterval(() => {}, 1000);`);
  await waitUntil(async () => (await log()).startsWith('runs'), 10_000);
  await placement.stop(handle);
  expect((await placement.status(handle)).state).toBe('gone');
});

it('another process with the same pid is not the runner, and is left alone', async () => {
  const stranger: RunnerHandle = {
    placement: 'local',
    attemptId: 'attempt',
    pid: process.pid,
    startTime: '1',
    stateDir: join(dir, 'state'),
  };
  expect((await placement.status(stranger)).state).toBe('gone');
  await placement.stop(stranger);
  expect(await placement.find('nowhere')).toBeNull();
});
