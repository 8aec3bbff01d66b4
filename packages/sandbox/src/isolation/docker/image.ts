import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { z } from 'zod';
import { hostEnvironment } from '../../host/hostEnvironment.ts';
import { runHostCommand } from '../../host/hostProcess.ts';
import { logLine } from '../buildLog.ts';
import { buildOnce, installExec, installVariables } from '../image.ts';
import { AGENT_UID, IN_VIEW_PATHS, SYSTEM_PATH, viewEnvironment } from '../inView.ts';
import type { Exec, PreparedImage, PrepareImageOptions } from '../isolation.ts';
import { copyAssets } from '../sandboxState.ts';
import { containerSpec, DOOR_PATH, runnerLabel } from './containers.ts';
import { doorCommand, holdContainer, layDoor } from './door.ts';
import { type Engine, EngineError, type EngineImage } from './engine.ts';

/**
 * An image of the engine for a family: the base image, the Task Standard's accounts, and what the build steps and `install()`
 * made. What they left in /root, /protected and /home/agent is kept beside it and never part of it: a participant's
 * container is made of the same image.
 */

const REPOSITORY = 'plumbline-family';
const FACTS = 'docker.json';
/** The files of /protected and /home/agent as the build left them, with their owners. */
export const SEED = 'seed.tar';
const SEEDED = 'protected home/agent';
const STEP_TIMEOUT_MS = 10 * 60_000;

const Facts = z.object({ image: z.string() });

/** The engine's image of a folder that `prepareDockerImage` gave. */
export async function engineImageOf(engine: Engine, imageDir: string): Promise<EngineImage> {
  const image = await findEngineImage(engine, imageDir);
  if (image === null) {
    throw new AppError('sandbox_unavailable', 'The Docker engine no longer has the image of this environment. Prepare the attempt again.');
  }
  return image;
}

async function imageIdOf(imageDir: string): Promise<string | null> {
  const text = await readFile(join(imageDir, FACTS), 'utf8').catch(() => null);
  return text === null ? null : Facts.parse(JSON.parse(text)).image;
}

async function findEngineImage(engine: Engine, imageDir: string): Promise<EngineImage | null> {
  const id = await imageIdOf(imageDir);
  return id === null ? null : engine.findImage(id);
}

/** Has the engine forget the image of a folder that `prepareDockerImage` gave. Rejects while a container is made of it. */
export async function discardDockerImage(engine: Engine, imageDir: string): Promise<void> {
  const id = await imageIdOf(imageDir);
  if (id !== null) await engine.removeImage(id);
}

async function baseImageOf(engine: Engine, name: string, options: PrepareImageOptions): Promise<EngineImage> {
  const here = await engine.findImage(name);
  if (here !== null) return here;
  options.onLog?.(`Fetching the base image ${name}`);
  try {
    await engine.pull(name, (line) => options.onLog?.(logLine(line)), options.signal);
  } catch (error) {
    if (error instanceof AppError) throw error;
    options.signal?.throwIfAborted();
    throw new AppError(
      'sandbox_unavailable',
      `The base image ${name} is not on this host and could not be fetched. Make it known with \`docker pull\` or \`docker import\`, or name another one in PLUMBLINE_DOCKER_BASE_IMAGE.`,
      { cause: error },
    );
  }
  const fetched = await engine.findImage(name);
  if (fetched === null) throw new AppError('sandbox_unavailable', `The base image ${name} was fetched, and the engine does not have it.`);
  return fetched;
}

export async function prepareDockerImage(engine: Engine, baseImage: string, options: PrepareImageOptions): Promise<PreparedImage> {
  const base = await baseImageOf(engine, baseImage, options);
  // The same family on another base is another image.
  const key = `${options.contentHash}-${base.id.replace('sha256:', '').slice(0, 12)}`;
  const isStillThere = async (dir: string) => (await findEngineImage(engine, dir)) !== null;
  return buildOnce({ ...options, contentHash: key }, (dir) => build(engine, base, key, dir, options), isStillThere);
}

async function build(engine: Engine, base: EngineImage, key: string, dir: string, options: PrepareImageOptions): Promise<void> {
  const door = join(dir, 'door');
  const at = (name: string) => join(dir, name);
  await layDoor(door);
  for (const name of ['home', 'certificates']) await mkdir(at(name));
  await mkdir(at('protected'), { mode: 0o750 });
  await copyAssets(at('assets'), options.assets);
  const certificates = '/run/certificates';
  const variables = await installVariables(hostEnvironment(), at('certificates'), certificates);
  const name = `plumbline-build-${key}-${process.pid}`;
  try {
    await engine.start(
      name,
      containerSpec({
        image: base.id,
        kind: 'build',
        init: { owner: process.getuid?.() ?? 0, become: null, sweep: false, own: [], seed: null },
        mounts: [
          { source: door, target: DOOR_PATH },
          { source: at('family'), target: IN_VIEW_PATHS.root },
          { source: at('protected'), target: IN_VIEW_PATHS.protected },
          { source: at('home'), target: IN_VIEW_PATHS.home },
          { source: at('assets'), target: IN_VIEW_PATHS.assets, readOnly: true },
          { source: at('certificates'), target: certificates, readOnly: true },
        ],
        // The operator's own code at build time.
        network: 'host',
        limits: { memoryBytes: null, maxProcesses: null, cpus: null, gpuIds: [] },
        labels: await runnerLabel(),
        parentGroup: await engine.parentGroup(),
        lockMemory: false,
      }),
    );
    const life = await holdContainer(engine, name, door);
    try {
      const env = {
        ...viewEnvironment('scorer', IN_VIEW_PATHS, base.env['PATH'] ?? SYSTEM_PATH),
        ...base.env,
        USER: 'root',
        LOGNAME: 'root',
        DEBIAN_FRONTEND: 'noninteractive',
        // Debian's Python asks for a word before packages are put beside its own; here the system is the environment.
        PIP_BREAK_SYSTEM_PACKAGES: '1',
        PIP_ROOT_USER_ACTION: 'ignore',
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
        PIP_NO_INPUT: '1',
        PIP_CACHE_DIR: '/tmp/pip-cache',
        ...variables,
        ...options.env,
      };
      const exec = installExec(options, (argv, run) =>
        runHostCommand(doorCommand(door, argv, { ...env, ...run.env }, run.cwd ?? IN_VIEW_PATHS.root, false), run, async () => null),
      );
      await step(exec, ['/usr/bin/python3', '-I', '-S', `${IN_VIEW_PATHS.assets}/image_accounts.py`]);
      const { root, env: packages, home, protected: guarded } = IN_VIEW_PATHS;
      await step(exec, [
        '/bin/sh',
        '-c',
        `mkdir -p ${packages}/bin ${packages}/lib/python && chown ${AGENT_UID}:${AGENT_UID} ${home} && chown root:protected ${guarded}`,
      ]);
      await options.install(exec, IN_VIEW_PATHS);
      await step(exec, ['tar', '-C', '/', '--numeric-owner', '-cf', `${DOOR_PATH}/${SEED}`, ...SEEDED.split(' ')]);
      // What is left outside the image belongs to whoever runs the sandboxes, and is copied for each.
      const owner = process.getuid?.() ?? 0;
      const bring = `chown -R ${owner} ${root} ${DOOR_PATH}/${SEED}; find ${home} ${guarded} -mindepth 1 -delete; chown ${owner} ${home} ${guarded}; rm -rf /tmp/pip-cache`;
      await step(exec, ['/bin/sh', '-c', bring]);
      options.onLog?.('Keeping the image');
      const image = await engine.commit(name, REPOSITORY, key, { 'plumbline.family': key });
      await writeFile(at(FACTS), JSON.stringify({ image }));
      await rename(join(door, SEED), at(SEED));
    } finally {
      life.destroy();
    }
  } catch (error) {
    if (error instanceof EngineError)
      throw new AppError('sandbox_unavailable', `The Docker engine refused: ${error.message}`, { cause: error });
    throw error;
  } finally {
    await engine.remove(name);
  }
  for (const left of ['door', 'home', 'protected', 'assets', 'certificates', 'env']) await rm(at(left), { recursive: true, force: true });
}

async function step(exec: Exec, argv: string[]): Promise<void> {
  const done = await exec(argv, { timeoutMs: STEP_TIMEOUT_MS, maxOutputBytes: 64 * 1024 });
  if (done.exitCode === 0) return;
  const said = Buffer.concat([done.stdout, done.stderr]).toString().trim();
  throw new AppError('sandbox_unavailable', `The base image cannot be used. ${said.split('\n').at(-1) ?? ''}`.trim(), {
    cause: new Error(said),
  });
}
