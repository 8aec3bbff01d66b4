import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '@plumbline/testing/temporaryFolder';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Child } from './child.ts';
import { Installation } from './installation.ts';
import { identify, isRunning, type ProcessIdentity } from './processIdentity.ts';

let folder: TemporaryFolder;
const URL = 'http://localhost:3000';

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** A process that ignores the polite signal when asked to. */
function sleeper(stubborn = false): ProcessIdentity {
  const code = `${stubborn ? "process.on('SIGTERM', () => {});" : ''} setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ['-e', code], { detached: true, stdio: 'ignore' });
  return identify(child.pid as number) as ProcessIdentity;
}

test('a second start on the same data folder is refused and says who has it', async () => {
  const first = new Installation(folder.path, URL);
  await first.claim();
  const refusal = new Installation(folder.path, URL).claim();
  await expect(refusal).rejects.toThrow(`runs already on ${folder.path} (process ${process.pid}, ${URL})`);
  first.release();
  expect(existsSync(join(folder.path, 'supervisor.json'))).toBe(false);
  const next = new Installation(folder.path, URL);
  await next.claim();
  next.release();
});

test('what a killed supervisor left is ended, and a process that only has its number is not', async () => {
  const [left, other] = [sleeper(), sleeper()];
  const children = [
    { name: 'gateway', ...left },
    { name: 'worker', pid: other.pid, startTime: '1' },
  ];
  writeFileSync(join(folder.path, 'supervisor.json'), JSON.stringify({ pid: 1, startTime: '0', url: URL, stopping: false, children }));
  const installation = new Installation(folder.path, URL);
  await installation.claim();
  expect(isRunning(left)).toBe(false);
  expect(isRunning(other)).toBe(true);
  installation.release();
  process.kill(other.pid, 'SIGKILL');
});

test('a full stop ends the runners, and what one left that had died before', async () => {
  const [runner, left] = [sleeper(), sleeper()];
  mkdirSync(join(folder.path, 'runners/a'), { recursive: true });
  mkdirSync(join(folder.path, 'runners/b/sandbox'), { recursive: true });
  const record = { id: 'b', cgroups: [], hostUid: null, holder: left };
  writeFileSync(join(folder.path, 'runners/b/sandbox/sandbox.json'), JSON.stringify(record));
  writeFileSync(join(folder.path, 'runners/a/runner.json'), JSON.stringify(runner));
  await new Installation(folder.path, URL).endRunners();
  expect(isRunning(runner)).toBe(false);
  await expect.poll(() => isRunning(left)).toBe(false);
});

test('a child that dies is started again at once, and a stopped one is not', async () => {
  const started: ProcessIdentity[] = [];
  const child = new Child({
    name: 'clockwork',
    args: ['-e', "console.log('here'); setInterval(() => {}, 1000)"],
    cwd: folder.path,
    env: process.env,
    logsDir: folder.path,
    onStarted: (identity) => started.push(identity),
    onDied: () => {},
  });
  child.start();
  process.kill(started[0]?.pid as number, 'SIGKILL');
  await expect.poll(() => started.length, { timeout: 5000 }).toBe(2);
  await expect.poll(() => readFileSync(child.logFile, 'utf8')).toContain('here');
  await child.stop();
  expect(isRunning(started[1] as ProcessIdentity)).toBe(false);
  expect(started).toHaveLength(2);
});
