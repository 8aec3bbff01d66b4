import { once } from 'node:events';
import { copyFile, mkdir, open, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@plumbline/core';
import { waitUntil } from '../../host/waiting.ts';
import { PYTHON } from '../inView.ts';
import type { HostCommand } from '../isolation.ts';
import type { Engine } from './engine.ts';

/** The way into a container, past the engine: a socket that its first process listens on. See `container_init.py`. */

const PROGRAMS = new URL('../../../python/', import.meta.url);
const CLIENT = fileURLToPath(new URL('container_door.py', PROGRAMS));
const INIT_NAME = 'container_init.py';
const OPEN_TIMEOUT_MS = 30_000;

/** Lays the folder that is mounted into a container as its door. */
export async function layDoor(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await copyFile(new URL(INIT_NAME, PROGRAMS), join(dir, INIT_NAME));
}

/** A host command that runs `argv` in the container behind the door with exactly `env`. */
export function doorCommand(door: string, argv: string[], env: Record<string, string>, cwd: string, tty: boolean): HostCommand {
  return {
    file: PYTHON,
    args: ['-I', '-S', CLIENT, door, cwd, tty ? 'tty' : 'pipes', '--', ...argv],
    // In one variable: what the view is given must not reach the programs of the host that prepare it.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', PLUMBLINE_VIEW_ENV: JSON.stringify(env) },
    cwd: '/',
  };
}

/** A socket's name has room for about a hundred letters, and a runner's folder may lie deeper: it is named by descriptor. */
async function connectTo(door: string): Promise<Socket> {
  const folder = await open(door);
  try {
    const socket = connect(`/proc/self/fd/${folder.fd}/door.sock`);
    await once(socket, 'connect');
    return socket;
  } finally {
    await folder.close();
  }
}

/** Has the folders that a container was given belong to this process's user again. */
export async function giveBack(door: string): Promise<void> {
  const socket = await connectTo(door);
  try {
    socket.write('G');
    await once(socket, 'data', { signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) });
  } finally {
    socket.destroy();
  }
}

/**
 * Waits until a container that was started answers, and holds it from then on: the container ends when the returned
 * connection does, and the other way round.
 */
export async function holdContainer(engine: Engine, name: string, door: string): Promise<Socket> {
  let socket: Socket | null = null;
  let gone = false;
  await waitUntil(async () => {
    socket = await connectTo(door).catch(() => null);
    gone = socket === null && (await engine.inspect(name))?.running !== true;
    return socket !== null || gone;
  }, OPEN_TIMEOUT_MS);
  const held = socket as Socket | null;
  if (held === null) {
    const said = await readFile(join(door, 'failed'), 'utf8').catch(() => '');
    throw new AppError('sandbox_unavailable', 'A container of the sandbox did not start. The log of its runner has the cause.', {
      cause: new Error(said || (gone ? 'its first process ended at once' : 'its first process does not answer')),
    });
  }
  held.write('L');
  await once(held, 'data', { signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) });
  // A connection that is cut is the same as one that is closed.
  held.on('error', () => undefined);
  held.resume();
  return held;
}
