import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const DISK_BYTES = 4 * 1024 ** 3;
/** FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: from now on nothing reaches the disk, what waits to be written included. */
const SHUT_DOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))`;

const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });

/**
 * A file system of its own whose power can fail: it then has what was synced, what its journal had committed and what had been written
 * back by chance, and nothing else. A disk that says that it has what it only keeps in its cache is not shown by it.
 */
export class Disk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #dir: string;
  #image: string;
  #losses = 0;

  constructor(dir: string) {
    this.#dir = dir;
    this.path = join(dir, 'data');
    this.#image = join(dir, 'disk-0');
    closeSync(openSync(this.#image, 'w'));
    truncateSync(this.#image, DISK_BYTES);
    run('mkfs.ext4', '-q', this.#image);
    mkdirSync(this.path);
    this.#mount();
  }

  /** What such a disk needs and this host has not; null where it has all. */
  static missing(): string | null {
    if (process.getuid?.() !== 0) return 'only root mounts file systems';
    try {
      run('losetup', '--find');
      return null;
    } catch (error) {
      return `no loop device: ${(error as Error).message}`;
    }
  }

  /** Whoever still writes is told that it failed. */
  cutPower(): void {
    run('python3', '-c', SHUT_DOWN, this.path);
  }

  /** Mounts what the disk had when its power failed, once nothing of before runs any more. */
  powerUp(): void {
    this.#losses += 1;
    const before = this.#image;
    this.#image = join(this.#dir, `disk-${this.#losses}`);
    // A copy: a sandbox of anybody's that was made meanwhile may have the old file system in its own view of the host, and keep it there.
    run('cp', '--sparse=always', before, this.#image);
    run('umount', '--lazy', this.path);
    rmSync(before);
    this.#mount();
  }

  remove(): void {
    run('umount', '--lazy', this.path);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #mount(): void {
    run('mount', '-o', 'loop', this.#image, this.path);
    run('chmod', '755', this.path);
  }
}
