import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readdir, realpath, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '@plumbline/core';
import { sync } from '@plumbline/storage';
import { mountPoints } from '../host/mounts.ts';
import { waitUntil } from '../host/waiting.ts';

/**
 * A workspace that is a disk of its own: a sparse file in the sandbox's folder that holds a file system of the task's bytes, mounted
 * for as long as the sandbox lives. So what fills it harms nobody else on the host, and it needs no quota on the host's own file
 * system. The bytes are a limit and not a reservation.
 */

const run = promisify(execFile);
const VOLUME_NAME = 'workspace.ext4';
const PROGRAMS = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LANG: 'C' };
/**
 * No bytes are kept back for root, and none are written before the participant writes. Twice the usual number of files: packages and
 * datasets are many small ones, and a small disk would run out of names long before it is full.
 */
const MKFS_ARGS = ['-q', '-F', '-m', '0', '-i', '8192'];
/** What is deleted inside gives its bytes back to the host. */
const MOUNT_OPTIONS = 'loop,nosuid,nodev,noatime,discard';
const PROBE_BYTES = 4 * 1024 ** 2;
const UNMOUNT_TIMEOUT_MS = 5_000;
const UNLIMITED =
  'The disk that this workspace takes is not limited: that takes the worker to be root, a local disk, loop devices, and the package e2fsprogs.';
const UNLIMITED_STILL = 'The disk that this workspace takes is not limited: the workspace is older than its limit.';

/** ext2 to ext4, XFS, Btrfs, ZFS, F2FS, overlay and tmpfs, as the kernel numbers them. */
const LOCAL_FILE_SYSTEMS = [0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xf2f52010, 0x794c7630, 0x01021994];

/** Another machine that has the same folder could mount the disk a second time, which destroys it. */
async function isLocal(dir: string): Promise<boolean> {
  return LOCAL_FILE_SYSTEMS.includes((await statfs(dir)).type >>> 0);
}

async function isMounted(dir: string): Promise<boolean> {
  const real = await realpath(dir).catch(() => null);
  return real !== null && (await mountPoints()).includes(real);
}

async function makeFileSystem(path: string, bytes: number): Promise<void> {
  const half = `${path}.half`;
  await rm(half, { force: true });
  const file = await open(half, 'wx', 0o600);
  await file.truncate(bytes).finally(() => file.close());
  await run('mkfs.ext4', [...MKFS_ARGS, half], { env: PROGRAMS });
  await sync(half);
  await rename(half, path);
}

async function mountFileSystem(path: string, dir: string): Promise<void> {
  const { mode } = await stat(dir);
  await run('mount', ['-t', 'ext4', '-o', MOUNT_OPTIONS, path, dir], { env: PROGRAMS });
  // It is made again where a check of the file system has found something.
  await rmdir(join(dir, 'lost+found')).catch(() => undefined);
  await chmod(dir, mode & 0o7777);
}

/** Whether this process can give a workspace a disk of its own, found out by doing it once. */
export async function canMakeVolumes(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const probe = await mkdtemp(join(tmpdir(), 'plumbline-volume-'));
  const [path, dir] = [join(probe, VOLUME_NAME), join(probe, 'mounted')];
  try {
    await mkdir(dir);
    await makeFileSystem(path, PROBE_BYTES);
    await mountFileSystem(path, dir);
    return true;
  } catch {
    return false;
  } finally {
    await unmountVolume(dir);
    await rm(probe, { recursive: true, force: true });
  }
}

/**
 * Mounts the workspace's disk, made of `bytes` at its first life; one that is there is used as it is. Without a limit, and on a host
 * that cannot, the workspace stays an ordinary folder. Idempotent.
 *
 * @returns warnings, for who runs the host.
 * @throws AppError `sandbox_unavailable` where a disk that was made before cannot be mounted.
 */
export async function mountVolume(sandboxDir: string, workspaceDir: string, bytes: number | null): Promise<string[]> {
  const path = join(sandboxDir, VOLUME_NAME);
  if (await isMounted(workspaceDir)) return [];
  await mkdir(workspaceDir, { recursive: true });
  const isThere = (await stat(path).catch(() => null)) !== null;
  if (!isThere && bytes === null) return [];
  if (!isThere && (process.getuid?.() !== 0 || !(await isLocal(sandboxDir)))) return [UNLIMITED];
  // A disk that is mounted over what is in the folder would hide it.
  if (!isThere && (await readdir(workspaceDir)).length > 0) return [UNLIMITED_STILL];
  try {
    if (!isThere) await makeFileSystem(path, bytes ?? 0);
    await mountFileSystem(path, workspaceDir);
    return [];
  } catch (error) {
    if (isThere)
      throw new AppError(
        'sandbox_unavailable',
        'The disk of this workspace cannot be mounted on its host. The log of its runner has the cause.',
        {
          cause: error,
        },
      );
    await rm(path, { force: true });
    await rm(`${path}.half`, { force: true });
    return [UNLIMITED];
  }
}

/** Unmounts the workspace's disk and keeps what is in it. Nothing to do where none is mounted. */
export async function unmountVolume(workspaceDir: string): Promise<void> {
  const unmount = (...options: string[]) => run('umount', [...options, workspaceDir], { env: PROGRAMS }).catch(() => undefined);
  const isGone = async () => {
    if (!(await isMounted(workspaceDir))) return true;
    await unmount();
    return !(await isMounted(workspaceDir));
  };
  // The kernel lets go of ended processes' folders a little later than it says that they have ended. Mounted again, it is the same disk.
  if (!(await waitUntil(isGone, UNMOUNT_TIMEOUT_MS))) await unmount('--lazy');
}
