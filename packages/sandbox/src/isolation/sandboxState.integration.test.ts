import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, it } from 'vitest';
import { isSameProcess, processStat } from '../host/processTable.ts';
import { endAllLeftovers, writeRecord } from './sandboxState.ts';
import { canMakeVolumes, mountVolume } from './workspaceVolume.ts';

const RECORD = { id: 'a', cgroups: [], hostUid: null };

it('what a dead runner left is ended and unmounted, and what a participant wrote as if it were a record of it is not believed', async (context) => {
  const folder = await temporaryFolder();
  const bystander = spawn('sleep', ['1000']);
  await once(bystander, 'spawn');
  const first = await processStat(bystander.pid as number);
  const holder = { pid: first?.pid ?? 0, startTime: first?.startTime ?? '' };
  const lives = () => isSameProcess(holder.pid, holder.startTime);
  try {
    const [workspaceDir, sandboxDir] = ['workspace', 'sandbox'].map((name) => join(folder.path, name)) as [string, string];
    for (const dir of [workspaceDir, sandboxDir]) await mkdir(dir);
    await writeRecord(workspaceDir, { ...RECORD, holder });
    await endAllLeftovers(folder.path);
    expect(await lives()).toBe(true);

    if (!(await canMakeVolumes())) return context.skip('this host cannot give a workspace a disk of its own');
    const own = join(folder.path, 'own.workspace');
    expect(await mountVolume(sandboxDir, own, 16 * 1024 ** 2)).toEqual([]);
    await writeFile(join(own, 'kept'), 'kept');
    await writeRecord(sandboxDir, { ...RECORD, holder, workspaceDir: own });
    await endAllLeftovers(folder.path);
    await expect.poll(lives).toBe(false);
    await expect(readFile(join(own, 'kept'))).rejects.toThrow('ENOENT');
    expect(await mountVolume(sandboxDir, own, null)).toEqual([]);
    expect(await readFile(join(own, 'kept'), 'utf8')).toBe('kept');
    await endAllLeftovers(folder.path);
  } finally {
    bystander.kill('SIGKILL');
    await folder.remove();
  }
});

it('a workspace that has files and no disk of its own is left as it is, with a warning', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, 'workspace'));
  await writeFile(join(folder.path, 'workspace', 'earlier'), 'work');
  expect(await mountVolume(folder.path, join(folder.path, 'workspace'), 16 * 1024 ** 2)).toEqual([expect.stringMatching(/is not limited/)]);
  expect(await readFile(join(folder.path, 'workspace', 'earlier'), 'utf8')).toBe('work');
  await folder.remove();
});
