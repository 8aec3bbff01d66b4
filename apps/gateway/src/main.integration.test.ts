import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort, temporaryFolder, testDatabase } from '@plumbline/testing';
import { expect, it, onTestFinished } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');
/** A fault of the process's own, where a test wants it. */
const FAULT = `data:text/javascript,process.on('SIGUSR2', () => { throw new Error('a planted fault'); })`;

it('a gateway with an error that nobody caught says so in its log, and ends, so that it is started again', async () => {
  const testing = await testDatabase({ poolMax: 2 });
  const folder = await temporaryFolder();
  onTestFinished(async () => {
    await testing.drop();
    await folder.remove();
  });
  const port = await freePort();
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: testing.url,
    PLUMBLINE_DATA_DIR: folder.path,
    GATEWAY_PORT: String(port),
    PUBLIC_URL: 'http://localhost:3999',
  };
  const gateway = spawn(process.execPath, ['--import', FAULT, MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void gateway.kill('SIGKILL'));
  let log = '';
  gateway.stdout.on('data', (chunk) => (log += chunk));
  const ended = once(gateway, 'close');
  await expect.poll(() => log).toContain('gateway listens');
  gateway.kill('SIGUSR2');
  expect(await ended).toEqual([1, null]);
  const said = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .at(-1);
  expect(said).toMatchObject({
    name: 'gateway',
    level: 60,
    err: { message: 'a planted fault' },
    msg: expect.stringContaining('nobody caught'),
  });
});
