import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { contractChecks } from '../../contract/checks.ts';
import { ContractWorld, PATIENCE_MS, shell } from '../../contract/contract.ts';
import { mountPoints } from '../../host/mounts.ts';
import { processStat } from '../../host/processTable.ts';
import { waitUntil } from '../../host/waiting.ts';
import { dockerIsolation } from './docker.ts';
import { BASE_IMAGE, TestEngine } from './engine.fixture.ts';

const MANY = process.env['SANDBOXES'];
const TIMEOUT_MS = MANY === undefined ? 180_000 : 1_800_000;
/** A number without an account; only what it may read as `other` is open to it. */
const ORDINARY_UID = '65533';
const CAP_SYS_RESOURCE = 1n << 24n;
/** A question to an engine is waited for twice as long. */
const WITHOUT_ENGINE_MS = 30_000;
const execute = promisify(execFile);
const CHILD = fileURLToPath(new URL('../../contract/child.ts', import.meta.url));

describe.skipIf(isAbsent('docker', notRoot()))('docker as root', () => {
  let engine: TestEngine;
  let world: ContractWorld;

  beforeAll(async () => {
    engine = await TestEngine.start();
    const child = { name: 'docker', baseImage: BASE_IMAGE, socketPath: engine.socketPath } as const;
    world = await ContractWorld.open(child, MANY === undefined ? {} : { manySandboxes: Number(MANY) });
  }, TIMEOUT_MS);

  afterAll(async () => {
    await world?.close();
    await engine?.stop();
  }, TIMEOUT_MS);

  for (const check of contractChecks) {
    it(check.name, { timeout: TIMEOUT_MS }, async (context) => {
      if ((await world.run(check)) === 'not declared') context.skip('docker does not declare it');
    });
  }

  const own = (name: string, run: () => Promise<void>) =>
    it(name, { timeout: TIMEOUT_MS }, async () => void (await world.run({ name, run })));
  /** For one that counts the engine's containers. */
  const alone = (name: string, run: () => Promise<void>) =>
    own(name, async () => {
      await world.endShared();
      await run();
    });
  const containers = async () =>
    (await engine.docker('ps', '--all', '--format', '{{.Names}} {{.State}}')).trim().split('\n').filter(Boolean);

  own('what a score leaves running or in /tmp is gone before the next one', async () => {
    const sandbox = await world.sharedSandbox();
    await shell(sandbox, 'scorer', 'runuser -u agent -- sh -c "(sleep 4567 &); echo left > /tmp/left; mkdir /dev/shm/left"');
    const after = await shell(sandbox, 'scorer', "ls /tmp /dev/shm; grep -l 'sleep.456[7]' /proc/[0-9]*/cmdline 2>/dev/null");
    assert.equal(after.stdout.toString(), '/dev/shm:\n\n/tmp:\n');
  });

  own(
    'training has locked memory without a limit, or a warning that says what the engine lacks, and half of its memory to share',
    async () => {
      // The engine of the tests may lift a limit where they may.
      const effective = /^CapEff:\s+(\w+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
      const mayLift = (BigInt(`0x${effective}`) & CAP_SYS_RESOURCE) !== 0n;
      const sandbox = await world.sharedSandbox();
      for (const view of ['participant', 'scorer'] as const) {
        const seen = await shell(sandbox, view, 'ulimit -l; df --output=size -B1 /dev/shm | tail -n 1');
        const [locked, shared] = seen.stdout.toString().trim().split('\n');
        assert.deepEqual([locked === 'unlimited', shared], [mayLift, String(256 * 1024 ** 2)], view);
      }
      assert.deepEqual(
        sandbox.warnings.map((warning) => warning.includes('LimitMEMLOCK=infinity')),
        mayLift ? [] : [true],
      );
    },
  );

  alone('a container that was paused when its runner died is found and removed by the next sandbox', async () => {
    const spec = await world.spec();
    const runner = spawn(process.execPath, [CHILD, 'pause', JSON.stringify(world.child), JSON.stringify(spec)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(runner.stdout, 'data');
    const ended = once(runner, 'exit');
    runner.kill('SIGKILL');
    await ended;
    const left = ['participant paused', 'platform exited', 'scorer exited'].map((view) => `plumbline-${spec.id}-${view}`);
    const isLeft = async () => JSON.stringify((await containers()).sort()) === JSON.stringify(left);
    assert.ok(await waitUntil(isLeft, PATIENCE_MS), String(await containers()));
    const other = await world.sandbox();
    assert.ok(!(await containers()).some((line) => line.includes(`${spec.id}-`)));
    await other.destroy();
    assert.deepEqual(await containers(), []);
  });

  alone('a process that waits for its disk is stopped when the disk answers, and the pause is not refused', async () => {
    const { socketPath, requests } = await watchedEngine();
    const spec = await world.spec({ diskBytes: 64 * 1024 ** 2 });
    const sandbox = await dockerIsolation({ baseImage: BASE_IMAGE, socketPath }).create(spec);
    const disk = (await execute('findmnt', ['-no', 'MAJ:MIN', spec.workspaceDir])).stdout.trim();
    const id = (await engine.docker('inspect', '--format', '{{.Id}}', `plumbline-${spec.id}-participant`)).trim();
    const limits = ['blkio.throttle.write_bps_device', 'io.max'].flatMap((name) => ['-o', '-path', `*${id}*/${name}`]);
    const [limit] = (await execute('find', ['/sys/fs/cgroup', ...limits.slice(1)])).stdout.split('\n');
    assert.ok(limit, 'the container has no group that limits what it writes');
    const isV2 = limit.endsWith('io.max');
    try {
      await writeFile(limit, isV2 ? `${disk} wbps=64` : `${disk} 64`);
      await shell(sandbox, 'participant', 'dd if=/dev/zero of=big bs=4k oflag=direct count=1000 >/dev/null 2>&1 &');
      const waits = async () =>
        (await execute('ps', ['-eo', 'stat=,args='])).stdout.split('\n').some((row) => /^D\S* +dd .*of=big /.test(row));
      assert.ok(await waitUntil(waits, PATIENCE_MS), 'it does not wait for its disk');
      const frozen = sandbox.freeze();
      // Once it is asked again, the runtime has given up. On version 2 it waits by itself, for longer than a pause may take.
      const enough = isV2 ? 1 : 2;
      const isAsked = () => requests().filter((request) => /^POST \S+\/pause /.test(request)).length >= enough;
      await Promise.race([frozen, waitUntil(isAsked, PATIENCE_MS)]);
      assert.ok(isAsked(), 'it stopped without having been waited for');
      await writeFile(limit, isV2 ? `${disk} wbps=max` : `${disk} 0`);
      await frozen;
      assert.ok((await containers()).includes(`plumbline-${spec.id}-participant paused`), String(await containers()));
    } finally {
      await writeFile(limit, isV2 ? `${disk} wbps=max` : `${disk} 0`);
      await sandbox.destroy();
    }
  });

  alone('an engine that is away at the end keeps no disk, and its container is removed when it is back', async () => {
    const socketPath = join(world.dir, 'away.sock');
    await symlink(engine.socketPath, socketPath);
    const isolation = dockerIsolation({ baseImage: BASE_IMAGE, socketPath });
    const spec = await world.spec({ diskBytes: 16 * 1024 ** 2 });
    const sandbox = await isolation.create(spec);
    const work = (await shell(sandbox, 'participant', 'sleep 60 >/dev/null 2>&1 & echo kept > work')).exitCode;
    assert.equal(work, 0);
    await sandbox.freeze();
    assert.ok((await mountPoints()).includes(spec.workspaceDir));
    await rm(socketPath);
    await sandbox.killParticipant();
    assert.equal((await shell(sandbox, 'scorer', 'cat /home/agent/work')).stdout.toString(), 'kept\n');
    await sandbox.destroy();
    assert.ok(!(await mountPoints()).includes(spec.workspaceDir));
    await symlink(engine.socketPath, socketPath);
    const next = await isolation.create(spec);
    assert.equal((await shell(next, 'participant', 'cat work')).stdout.toString(), 'kept\n');
    await next.destroy();
    assert.deepEqual(await containers(), []);
  });

  alone('an engine that hangs at the end is not waited for: the work is kept, and its containers are removed when it answers', async () => {
    const spec = await world.spec({ diskBytes: 16 * 1024 ** 2 });
    const sandbox = await world.isolation.create(spec);
    await shell(sandbox, 'participant', 'sleep 60 >/dev/null 2>&1 & echo kept > work');
    await sandbox.freeze();
    const group = await engine.docker('inspect', '--format', '{{.State.Pid}}', `plumbline-${spec.id}-participant`);
    await engine.hang();
    const askedMs = performance.now();
    try {
      await sandbox.killParticipant();
      await sandbox.destroy();
      assert.ok(performance.now() - askedMs < WITHOUT_ENGINE_MS, 'it waited for the engine');
      assert.ok(!(await mountPoints()).includes(spec.workspaceDir));
      assert.equal(processStat(Number(group)), null);
    } finally {
      engine.wake();
    }
    const next = await world.isolation.create(spec);
    assert.equal((await shell(next, 'participant', 'cat work')).stdout.toString(), 'kept\n');
    await next.destroy();
    assert.deepEqual(await containers(), []);
  });

  own('what a build leaves in the system, /protected and the home is there at first, and what it was told in secret is not', async () => {
    const image = await world.isolation.prepareImage({
      familyDir: world.familyDir,
      contentHash: 'left-by-the-build',
      imageDir: join(world.dir, 'images'),
      env: { SECRET_OF_THE_BUILD: 'only-while-it-lasts' },
      install: async (exec) => {
        const script =
          'test "$SECRET_OF_THE_BUILD" = only-while-it-lasts; echo tool > /usr/share/tool; echo answer > /protected/answer; echo data > /home/agent/data; chown agent /home/agent/data; echo cache > /root/cache';
        const done = await exec(['/bin/sh', '-ec', script], { timeoutMs: 20_000, maxOutputBytes: 10_000 });
        assert.equal(done.exitCode, 0, done.stderr.toString());
      },
    });
    const spec = await world.spec({ imageDir: image.dir });
    const look = async (expected: string) => {
      const sandbox = await world.isolation.create(spec);
      world.later(() => sandbox.destroy());
      const seen = await shell(
        sandbox,
        'participant',
        'cat /usr/share/tool data; rm data; for p in /root /protected; do ls -A $p 2>/dev/null; done; echo kept > own',
      );
      assert.equal(seen.stdout.toString(), expected);
      assert.equal((await shell(sandbox, 'scorer', 'cat /protected/answer /root/cache')).stdout.toString(), 'answer\ncache\n');
      await assert.rejects(world.isolation.discardImage?.(image.dir) ?? Promise.resolve(), /container/);
      await sandbox.destroy();
    };
    await look('tool\ndata\n');
    // A second life goes on with the workspace as it stands.
    await look('tool\n');
    const { image: id } = JSON.parse(await readFile(join(image.dir, 'docker.json'), 'utf8')) as { image: string };
    assert.doesNotMatch(await engine.docker('inspect', id), /only-while-it-lasts|SECRET_OF_THE_BUILD/);
    await world.isolation.discardImage?.(image.dir);
    assert.doesNotMatch(await engine.docker('images', '--all', '--no-trunc'), new RegExp(id));
  });

  own('an image that the engine has lost is built again, and a base image that is nowhere is said with what to do', async () => {
    let installs = 0;
    const install = async () => void installs++;
    const options = { familyDir: world.familyDir, contentHash: 'lost-by-the-engine', imageDir: join(world.dir, 'images'), install };
    const first = await world.isolation.prepareImage(options);
    assert.equal((await world.isolation.prepareImage(options)).built, false);
    const { image: id } = JSON.parse(await readFile(join(first.dir, 'docker.json'), 'utf8')) as { image: string };
    await engine.docker('rmi', '--force', id);
    assert.equal((await world.isolation.prepareImage(options)).built, true);
    assert.equal(installs, 2);
    const nowhere = dockerIsolation({ baseImage: 'localhost:1/nowhere:1', socketPath: engine.socketPath });
    await assert.rejects(nowhere.prepareImage(options), { code: 'sandbox_unavailable', message: /docker pull/ });
    const silent = dockerIsolation({ baseImage: BASE_IMAGE, socketPath: join(world.dir, 'no.sock') });
    await assert.rejects(silent.capabilities(), { code: 'sandbox_unavailable', message: /does not answer at/ });
  });

  /** A way to the engine on which its requests are read, and the containers that it is asked for, by name. */
  async function watchedEngine(): Promise<{ socketPath: string; requests: () => readonly string[]; asked: () => Map<string, string> }> {
    const socketPath = join(await mkdtemp(join(world.dir, 'watched-')), 'engine.sock');
    const said: string[] = [];
    const server = createServer((socket) => {
      const further = connect(engine.socketPath);
      const at = said.push('') - 1;
      socket.on('data', (chunk) => (said[at] += chunk.toString()));
      socket.pipe(further).pipe(socket);
      for (const end of [socket, further]) end.on('error', () => socket.destroy());
    });
    server.listen(socketPath);
    await once(server, 'listening');
    world.later(() => new Promise((resolve) => void server.close(() => resolve())));
    // One request for each connection.
    const asked = () =>
      new Map(
        said.flatMap((request): [string, string][] => {
          const view = /create\?name=plumbline-\S*-(\w+) /.exec(request)?.[1];
          return view === undefined ? [] : [[view, request.slice(request.indexOf('\r\n\r\n'))]];
        }),
      );
    return { socketPath, requests: () => said, asked };
  }

  alone(
    'the GPUs of a lease, and they alone, are asked of the engine; one that has no way to give them is said with what to install',
    async () => {
      const { socketPath, asked } = await watchedEngine();
      const isolation = dockerIsolation({ baseImage: BASE_IMAGE, socketPath });
      assert.equal((await isolation.capabilities()).gpus, false);
      const spec = await world.spec({ gpuIds: ['GPU-b8ea3855-276c', 'GPU-4f4c8a5e-8a0b'] });
      await assert.rejects(isolation.create(spec), {
        code: 'sandbox_unavailable',
        message: /nvidia-container-toolkit.*nvidia-ctk runtime configure/,
      });
      const requests = new Map(
        [...asked()].map(([view, body]) => [
          view,
          (JSON.parse(body) as { HostConfig: { DeviceRequests?: unknown } }).HostConfig.DeviceRequests,
        ]),
      );
      const gpus = [{ Driver: '', DeviceIDs: spec.gpuIds, Capabilities: [['gpu']] }];
      assert.deepEqual([requests.get('participant'), requests.get('scorer'), requests.get('platform')], [gpus, gpus, undefined]);
      assert.deepEqual(await containers(), []);
    },
  );

  const whyNotOrdinary = (): string | null => {
    for (let dir = CHILD; dir !== dirname(dir); dir = dirname(dir))
      if ((statSync(dir).mode & 0o005) === 0) return `other users cannot read ${dir}`;
    return null;
  };

  it('an ordinary user who may use the engine has sandboxes too, and can remove what they leave', {
    timeout: TIMEOUT_MS,
  }, async (context) => {
    if (isAbsent('docker for an ordinary user', whyNotOrdinary())) return context.skip();
    const temporary = await mkdtemp(join(tmpdir(), 'plumbline-ordinary-'));
    await chmod(temporary, 0o777);
    await engine.openToAll();
    const asOrdinary = ['--reuid', ORDINARY_UID, '--regid', ORDINARY_UID, '--clear-groups', process.execPath, CHILD, 'once'];
    const env = { PATH: '/usr/bin:/bin', HOME: temporary, TMPDIR: temporary };
    const { stdout } = await execute('setpriv', [...asOrdinary, JSON.stringify(world.child)], { env, cwd: temporary });
    assert.equal(stdout, 'kept\nkept\nkept\nremoved\n');
    assert.deepEqual(await readdir(temporary), []);
    await rm(temporary, { recursive: true });
  });

  own('whoever lets go in the middle of asking for a command leaves no process that waits for the rest', async () => {
    const spec = await world.spec();
    const sandbox = await world.isolation.create(spec);
    world.later(() => sandbox.destroy());
    const socket = connect(join(spec.dir, 'doors/scorer/door.sock'));
    world.later(async () => void socket.destroy());
    await once(socket, 'connect');
    socket.end('C');
    // Served after it.
    await shell(sandbox, 'scorer', 'true');
    const processes = async () => (await engine.docker('top', `plumbline-${spec.id}-scorer`)).trim().split('\n').slice(1);
    assert.ok(await waitUntil(async () => (await processes()).length === 1, PATIENCE_MS), (await processes()).join('\n'));
  });
});
