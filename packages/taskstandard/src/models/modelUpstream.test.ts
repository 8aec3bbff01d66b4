import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TemporaryFolder, temporaryFolder } from '@plumbline/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { standInUpstream } from './modelUpstream.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function standIn(script: string) {
  const path = join(folder.path, 'stand-in.sh');
  await writeFile(path, script);
  return standInUpstream({ file: '/bin/sh', args: [path], env: { PATH: '/usr/bin:/bin' }, cwd: folder.path });
}

test('a stand-in’s end is the end of what it prints: its last answer counts, and the next call is another one’s', async () => {
  // The first leaves its answer to a process that outlives it, and that waits for the second one's.
  const model = await standIn(`id() { printf '%s' "$line" | sed 's/.*"id":\\([0-9]*\\).*/\\1/'; }
if mkdir first 2>/dev/null; then
  read -r line
  (until [ -e answered ]; do sleep 0.02; done; echo "{\\"id\\":$(id),\\"status\\":200,\\"body\\":\\"of the first\\"}") &
  exit 0
fi
while read -r line; do echo "{\\"id\\":$(id),\\"status\\":200,\\"body\\":\\"of the second\\"}"; : > answered; done
`);
  const first = model.complete({});
  // What is asked before it has ended it does not read any more.
  await expect.poll(() => Promise.race([model.complete({}), sleep(200)])).toEqual({ status: 200, body: 'of the second' });
  expect(await first).toEqual({ status: 200, body: 'of the first' });
  model.close();
});
