import { statfs } from 'node:fs/promises';
import { AppError } from '@plumbline/core';

/** With less than this left a disk is full for what the platform writes: PostgreSQL's log grows by 16 MiB at once. */
const DISK_FULL_BELOW_BYTES = 64 * 1024 * 1024;

/**
 * Looks at the disk below a folder, and writes nothing.
 *
 * @throws AppError `unavailable` where it is full, with how much is left; what the file system throws where it cannot be asked.
 */
export async function assertDiskRoom(dir: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const freeBytes = bavail * bsize;
  if (freeBytes < DISK_FULL_BELOW_BYTES)
    throw new AppError('unavailable', `its disk is full: ${Math.floor(freeBytes / 1024 ** 2)} MiB are left`);
}
