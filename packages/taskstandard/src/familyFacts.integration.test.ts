import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { loadFamily } from './family.ts';
import { installFamily } from './familyFacts.ts';
import type { Exec } from './taskHost.ts';

/** On the bare host: the steps of these tests write below a temporary folder alone. */
const exec: Exec = (argv, { input, cwd }) =>
  new Promise((resolve, reject) => {
    const child = spawn(argv[0] as string, argv.slice(1), { cwd, stdio: 'pipe' });
    const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (bytes: Buffer) => printed.stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => printed.stderr.push(bytes));
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      const [stdout, stderr] = [Buffer.concat(printed.stdout), Buffer.concat(printed.stderr)];
      resolve({ exitCode, signal, stdout, stderr, timedOut: false, truncated: false, outOfMemory: false });
    });
    // A step that reads nothing may have ended before it is told that there is nothing.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

test('the build steps of a family are done in their order, and files and folders land where COPY of an image puts them', async () => {
  const folder = await temporaryFolder();
  const [family, image] = [join(folder.path, 'copies'), join(folder.path, 'image')];
  await mkdir(join(family, 'assets', 'inner'), { recursive: true });
  await mkdir(image);
  await writeFile(join(family, 'copies.py'), 'class TaskFamily:\n    @staticmethod\n    def get_tasks():\n        return {"main": {}}\n');
  await writeFile(
    join(family, 'manifest.yaml'),
    'tasks: { main: {} }\nmeta: { plumbline: { direction: higher, submission: { paths: [a] } } }\n',
  );
  await writeFile(join(family, 'assets', 'one'), '1');
  await writeFile(join(family, 'assets', 'inner', '.two'), '2');
  await writeFile(
    join(family, 'build_steps.json'),
    JSON.stringify([
      { type: 'shell', commands: [`cd ${image}`, 'mkdir there && echo old > there/kept'] },
      { type: 'file', source: 'assets', destination: join(image, 'there') },
      { type: 'file', source: 'assets/', destination: join(image, 'new/deep') },
      { type: 'file', source: 'assets/one', destination: join(image, 'dir/of/') },
      { type: 'file', source: 'assets/one', destination: join(image, 'named/uno') },
      { type: 'shell', commands: [`cp ${image}/named/uno ${image}/last`] },
    ]),
  );
  await installFamily(exec, loadFamily(family), family);
  const text = (path: string) => readFile(join(image, path), 'utf8');
  expect(await Promise.all(['there/kept', 'there/one', 'there/inner/.two', 'new/deep/one', 'new/deep/inner/.two'].map(text))).toEqual([
    'old\n',
    '1',
    '2',
    '1',
    '2',
  ]);
  expect(await Promise.all(['dir/of/one', 'named/uno', 'last'].map(text))).toEqual(['1', '1', '1']);
  await folder.remove();
});
