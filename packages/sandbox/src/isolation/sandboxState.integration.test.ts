import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '@plumbline/testing';
import { isAbsent } from '@plumbline/testing/absence';
import { expect, it } from 'vitest';
import { mountPoints } from '../host/mounts.ts';
import { isSameProcess, processStat } from '../host/processTable.ts';
import { endAllLeftovers, readRecord, writeRecord } from './sandboxState.ts';
import { canMakeVolumes, mountVolume, unmountVolume } from './workspaceVolume.ts';

const run = promisify(execFile);
const RECORD = { id: 'a', cgroups: [], hostUid: null, holder: null };
/** Each is a moment at which the runner may be killed. */
const REWRITES = 50;

const isSkipped = isAbsent(
  'the disk that a dead runner left',
  (await canMakeVolumes()) ? null : 'this host cannot give a workspace one of its own',
);

/** A process that a record may name, with a folder for records. */
async function besideProcess(work: (at: { folder: string; holder: { pid: number; startTime: string } }) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder();
  const process = spawn('sleep', ['1000']);
  await once(process, 'spawn');
  const { pid = 0, startTime = '' } = processStat(process.pid as number) ?? {};
  try {
    await work({ folder: folder.path, holder: { pid, startTime } });
  } finally {
    process.kill('SIGKILL');
    await folder.remove();
  }
}

it('what a participant wrote as if it were a record is not believed', () =>
  besideProcess(async ({ folder, holder }) => {
    const workspaceDir = join(folder, 'workspace');
    await mkdir(workspaceDir);
    await writeRecord(workspaceDir, { ...RECORD, holder });
    await endAllLeftovers(folder);
    expect(isSameProcess(holder.pid, holder.startTime)).toBe(true);
  }));

it('a record that is written anew can be read at every moment, so that whoever ends what a killed runner left knows of it', async () => {
  const folder = await temporaryFolder();
  await writeRecord(folder.path, RECORD);
  let isWriting = true;
  const written = (async () => {
    for (let n = 0; n < REWRITES; n++) await writeRecord(folder.path, RECORD);
    isWriting = false;
  })();
  let unread = 0;
  while (isWriting) if ((await readRecord(folder.path)) === null) unread++;
  await written;
  await folder.remove();
  expect(unread).toBe(0);
});

it('an engine that is away keeps nothing else of a dead runner from being ended, and is told in the end', () =>
  besideProcess(async ({ folder, holder }) => {
    const containers = { socketPath: join(folder, 'away.sock'), names: ['plumbline-away-participant'] };
    for (const name of ['a', 'z']) await mkdir(join(folder, name));
    await writeRecord(join(folder, 'a'), { ...RECORD, holder: null, containers });
    await writeRecord(join(folder, 'z'), { ...RECORD, holder });
    await expect(endAllLeftovers(folder)).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringContaining('does not answer at'),
    });
    await expect.poll(() => isSameProcess(holder.pid, holder.startTime)).toBe(false);
  }));

it.skipIf(isSkipped)('what a dead runner left is ended, and its disk unmounted and kept', () =>
  besideProcess(async ({ folder, holder }) => {
    const [sandboxDir, own] = [join(folder, 'sandbox'), join(folder, 'own.workspace')];
    await mkdir(sandboxDir);
    expect(await mountVolume(sandboxDir, own, 16 * 1024 ** 2)).toEqual([]);
    await writeFile(join(own, 'kept'), 'kept');
    const containers = { socketPath: join(folder, 'away.sock'), names: ['plumbline-a-participant'] };
    await writeRecord(sandboxDir, { ...RECORD, holder, workspaceDir: own, containers });
    await expect(endAllLeftovers(folder)).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await expect.poll(() => isSameProcess(holder.pid, holder.startTime)).toBe(false);
    await expect(readFile(join(own, 'kept'))).rejects.toThrow('ENOENT');
    expect(await mountVolume(sandboxDir, own, null)).toEqual([]);
    expect(await readFile(join(own, 'kept'), 'utf8')).toBe('kept');
    await expect(endAllLeftovers(folder)).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  }),
);

it('a workspace that has files and no disk of its own is left as it is, with a warning', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, 'workspace'));
  await writeFile(join(folder.path, 'workspace', 'earlier'), 'work');
  expect(await mountVolume(folder.path, join(folder.path, 'workspace'), 16 * 1024 ** 2)).toEqual([expect.stringMatching(/is not limited/)]);
  expect(await readFile(join(folder.path, 'workspace', 'earlier'), 'utf8')).toBe('work');
  await folder.remove();
});

it.skipIf(isSkipped)(
  'a disk is mounted once and unmounted whichever way leads to its folder, and none is made where another machine could mount it too',
  async () => {
    const folder = await temporaryFolder();
    const [real, link, shared] = ['real', 'link', 'shared'].map((name) => join(folder.path, name)) as [string, string, string];
    for (const dir of [real, shared]) await mkdir(dir);
    await symlink(real, link);
    const workspaceDir = join(link, 'workspace');
    const mounts = async () => (await mountPoints()).filter((point) => point === join(real, 'workspace'));
    for (const sandboxDir of [link, real]) expect(await mountVolume(sandboxDir, workspaceDir, 16 * 1024 ** 2)).toEqual([]);
    expect(await mounts()).toHaveLength(1);
    await unmountVolume(workspaceDir);
    expect(await mounts()).toEqual([]);
    // Not among those of a host's own disks, as those of a network are not.
    await run('mount', ['-t', 'ramfs', 'ramfs', shared]);
    try {
      expect(await mountVolume(shared, join(shared, 'workspace'), 16 * 1024 ** 2)).toEqual([expect.stringMatching(/is not limited/)]);
      expect(await readdir(shared)).toEqual(['workspace']);
    } finally {
      await run('umount', [shared]);
    }
    await folder.remove();
  },
);
