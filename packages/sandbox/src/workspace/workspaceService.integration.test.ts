import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Sandbox } from '../isolation/isolation.ts';
import { type FileChange, WorkspaceService } from './workspaceService.ts';

const PROGRAMS = fileURLToPath(new URL('../../python', import.meta.url));

let home: string;
let store: string;
let service: WorkspaceService;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'plumbline-service-'));
  store = await mkdtemp(join(tmpdir(), 'plumbline-store-'));
  const command = (_view: string, [file = '', ...args]: string[]) => ({ file, args, cwd: home, env: { PATH: process.env.PATH } });
  service = new WorkspaceService({ paths: { assets: PROGRAMS, home, store }, command } as unknown as Sandbox);
});
afterEach(async () => {
  await service.close();
  for (const dir of [home, store]) await rm(dir, { recursive: true });
});

/** The process that works on this workspace. */
async function program(): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const line = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : '';
    if (line.includes('workspace_service.py') && line.includes(home)) return Number(pid);
  }
  throw new Error('no program works on the workspace');
}

it('a program that died is replaced by the next request, and what was watched is watched again', async () => {
  await writeFile(join(home, 'open.py'), 'a');
  const changes: FileChange[] = [];
  service.listeners.add((change) => changes.push(change));
  await service.watch(['open.py']);
  const killed = await program();
  process.kill(killed, 'SIGKILL');
  const list = () => service.request('list', { path: '.', stamp: null });
  const isAnswered = () =>
    list().then(
      () => true,
      () => false,
    );
  await expect.poll(async () => (await isAnswered()) && (await program()) !== killed).toBe(true);
  // It has looked once when something is told that was made afterwards.
  let made = 0;
  const isLooking = async () => {
    made += 1;
    await writeFile(join(home, `new-${made}`), '');
    return changes.some(({ path }) => path.startsWith('new-'));
  };
  await expect.poll(isLooking, { interval: 200 }).toBe(true);
  // Of a file that is not watched it would be told that one is gone and another is new.
  await rename(join(home, 'open.py'), join(home, 'moved.py'));
  await expect.poll(() => changes).toContainEqual(expect.objectContaining({ op: 'renamed', path: 'open.py', to: 'moved.py' }));
});
