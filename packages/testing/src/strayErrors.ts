import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { freePort } from './freePort.ts';
import { temporaryFolder } from './temporaryFolder.ts';
import { testDatabase } from './testDatabase.ts';

/** Faults of a process's own, where a test wants them. */
const FAULTS = `data:text/javascript,
process.on('SIGUSR2', () => { throw new Error('a planted fault'); });
process.on('SIGHUP', () => { Promise.reject(new Error('a planted refusal')); });`;

/**
 * Runs a process of the platform, and expects of it what `endAtStrayErrors` says: that it logs a promise that failed and goes on, and that
 * it logs an error that nobody caught and ends with code 1.
 *
 * @param main file that the process runs.
 * @param ready what its log says once it works.
 */
export async function expectToEndAtStrayErrors(main: string, { name, ready }: { name: string; ready: string }): Promise<void> {
  const testing = await testDatabase({ poolMax: 2 });
  const folder = await temporaryFolder();
  onTestFinished(async () => {
    await testing.drop();
    await folder.remove();
  });
  const env = {
    NODE_ENV: 'production' as const,
    PATH: process.env['PATH'],
    DATABASE_URL: testing.url,
    PLUMBLINE_DATA_DIR: folder.path,
    GATEWAY_PORT: String(await freePort()),
    PUBLIC_URL: 'http://localhost:3999',
  };
  const child = spawn(process.execPath, ['--import', FAULTS, main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  child.stdout.on('data', (chunk) => (log += chunk));
  const lines = () => log.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
  const said = (msg: string) => lines().find((line) => line.msg.includes(msg));
  const ended = once(child, 'close');
  await expect.poll(() => said(ready)).toBeDefined();
  child.kill('SIGHUP');
  await expect.poll(() => said('nobody handled')).toMatchObject({ name, level: 50, err: { message: 'a planted refusal' } });
  child.kill('SIGUSR2');
  expect(await ended).toEqual([1, null]);
  expect(lines().at(-1)).toMatchObject({
    name,
    level: 60,
    err: { message: 'a planted fault' },
    msg: expect.stringContaining(`nobody caught; the ${name} ends`),
  });
}
