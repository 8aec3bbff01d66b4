import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';

/**
 * What a sandbox may take of its host where its family names no limit: as much as leaves the host, the runner and the platform alive
 * whatever runs in it. A share and no number, since a family that names nothing runs on a laptop and on a machine with eight GPUs.
 */

const GIB = 1024 ** 3;
/** For the participant and for the scorer each: a fifth of the memory stays with the host. */
const MEMORY_SHARE = 0.4;
const DISK_SHARE = 0.5;
/** The file system of a larger one would take more than a quarter of a gigabyte before anything is in it. */
const DISK_MAX_BYTES = 50 * GIB;

export interface SandboxLimits {
  memoryBytes: number | null;
  cpus: number | null;
  diskBytes: number | null;
}

/** Memory of this machine, or of the part of it that a scheduler gave to this process. */
function memoryHereBytes(): number {
  const given = process.constrainedMemory();
  return given > 0 ? Math.min(given, totalmem()) : totalmem();
}

/** The limits with the host's share in the place of those that are null. `dir` is where the workspace will lie. */
export async function withHostShare<Limits extends SandboxLimits>(limits: Limits, dir: string): Promise<Limits> {
  const { bavail, bsize } = await statfs(dir);
  return {
    ...limits,
    memoryBytes: limits.memoryBytes ?? Math.floor(memoryHereBytes() * MEMORY_SHARE),
    cpus: limits.cpus ?? Math.max(1, availableParallelism() - 1),
    diskBytes: limits.diskBytes ?? Math.min(Math.floor(bavail * bsize * DISK_SHARE), DISK_MAX_BYTES),
  };
}
