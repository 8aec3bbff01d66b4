import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

/** A socket's path is at most 107 bytes on Linux; this leaves room for its name. */
const LONGEST_SOCKET_DIR = 90;

/**
 * The folder of the embedded server's socket: within the data folder, or, where that path is too long for a socket, a short
 * one whose name is made from it. Every process of an installation computes the same.
 */
export function embeddedSocketDir(dataDir: string, env: Record<string, string | undefined> = process.env): string {
  const root = join(resolve(dataDir), 'postgres');
  const usual = join(root, 'socket');
  if (Buffer.byteLength(usual) <= LONGEST_SOCKET_DIR) return usual;
  const uid = process.getuid?.() ?? 0;
  const base = env.XDG_RUNTIME_DIR && uid !== 0 ? env.XDG_RUNTIME_DIR : '/tmp';
  return join(base, `plumbline-${uid}-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
}

/** Where the embedded server of a data folder listens when it runs. */
export function embeddedDatabaseUrl(dataDir: string, env: Record<string, string | undefined> = process.env): string {
  return `postgresql://plumbline@localhost/plumbline?host=${encodeURIComponent(embeddedSocketDir(dataDir, env))}`;
}
