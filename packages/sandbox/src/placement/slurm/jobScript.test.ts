import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { jobScript } from './jobScript.ts';

/** The code of the job, and what is left in its node's folder. With `asked`, the job is asked to end once its shell waits and the runner listens. */
async function endOf(runner: string, { asked }: { asked: boolean }): Promise<{ code: number | null; left: string[] }> {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await writeFile(at('runner'), runner);
  for (const name of ['config', 'leftovers']) await writeFile(at(name), '');
  // What is sourced by the job's shell: it says when it waits, and is slower than the runner's end.
  const launch = `wait() { echo waits; builtin wait "$@"; }
    kill() { builtin kill "$@" || return; [ "$1" = -0 ] || while builtin kill -0 "$runner"; do sleep 0.01; done; }`;
  await writeFile(at('launch'), launch);
  const script = jobScript({
    configFile: at('config'),
    stateDir: at('node/runner'),
    keepsStateDir: false,
    launchScript: at('launch'),
    programs: { node: '/bin/bash', runner: at('runner'), endLeftovers: at('leftovers') },
  });
  await writeFile(at('job'), script);
  const job = spawn('/bin/bash', [at('job')], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(job, 'close');
  let said = '';
  job.stdout.on('data', (chunk: Buffer) => {
    const before = said;
    said += chunk;
    const isReady = (text: string) => text.includes('waits') && text.includes('listens');
    if (asked && isReady(said) && !isReady(before)) job.kill('SIGTERM');
  });
  const [code] = await ended;
  const left = await readdir(at('node'));
  await folder.remove();
  return { code, left };
}

test('a runner that ends at the signal that is passed on to it has ended well, however soon it does, and its folder is removed', async () => {
  const listens = 'trap "exit 0" TERM; echo listens; while :; do sleep 0.01; done';
  expect(await endOf(listens, { asked: true })).toEqual({ code: 0, left: [] });
});

test('one that fails has the job fail, and its folder is kept', async () => {
  expect(await endOf('exit 3', { asked: false })).toEqual({ code: 3, left: ['runner'] });
});
