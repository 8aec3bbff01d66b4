import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SshHostSettings } from '@plumbline/protocol';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../../host/waiting.ts';
import { BUNDLE_RUNNER, bundleEntries, packBundle, type RunnerBundle } from '../bundle/runnerBundle.ts';
import { placementChecks } from '../contract.ts';
import {
  CONTRACT_RUNNER,
  type OpenPlacement,
  PlacementTrial,
  type PlacementWorld,
  processesNaming,
  strangerProcess,
} from '../contractTrial.ts';
import type { CheckedPlacement, RunnerHandle } from '../placement.ts';
import { missingForSshHost, SshMachine } from './host.fixture.ts';
import { sshPlacement } from './ssh.ts';

const SSH = fileURLToPath(new URL('./ssh.ts', import.meta.url));
const REPOSITORY = resolve(fileURLToPath(new URL('../../../../..', import.meta.url)));

describe.skipIf(isAbsent('the placement ssh', missingForSshHost()))('ssh', () => {
  let machine: SshMachine;
  let dir: string;
  let bundle: RunnerBundle;
  let settings: SshHostSettings;
  const idle: OpenPlacement[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-placement-'));
    machine = await SshMachine.start();
    const { address, user, keyFile } = machine;
    settings = SshHostSettings.parse({ address, user, keyFile, hostKey: await machine.hostKey(), dataDir: join(dir, 'far') });
    // The bundle as it is, but for the program that a runner is, and for what sandboxes alone have of it: three quarters of its files.
    const real = (await bundleEntries(REPOSITORY)).filter((entry) => !entry.path.startsWith('node_modules/pyright/'));
    const entries = real.map((entry) => (entry.path === BUNDLE_RUNNER ? { ...entry, source: CONTRACT_RUNNER } : entry));
    bundle = await packBundle(entries, join(dir, 'bundle'));
  });
  afterAll(async () => {
    for (const { close } of idle) await close();
    await machine?.stop();
    if (dir === undefined) return;
    expect(await waitUntil(async () => (await processesNaming([dir])).length === 0, 20_000)).toBe(true);
    await rm(dir, { recursive: true, force: true });
  });

  function open(change: Partial<SshHostSettings> = {}): CheckedPlacement {
    return sshPlacement({ settings: { ...settings, ...change }, bundle: async () => bundle, cacheDir: join(dir, 'cache') });
  }

  const world = (): PlacementWorld => ({
    open: async () => {
      const placement = open();
      return { placement, close: () => placement.close() };
    },
    idle,
    source: `import { sshPlacement } from ${JSON.stringify(SSH)};
      const placement = sshPlacement({ settings: ${JSON.stringify(settings)}, bundle: async () => (${JSON.stringify(bundle)}), cacheDir: ${JSON.stringify(join(dir, 'cache'))} });`,
    dir,
    writtenDirs: [dir],
    stateDir: (attemptId) => join(settings.dataDir, 'runners', attemptId),
    stranger: (handle) => strangerProcess((pid) => ({ ...handle, far: { ...(handle['far'] as object), pid } })),
  });

  describe('keeps the contract of placements', () => {
    for (const check of placementChecks) it(check.name, { timeout: 120_000 }, () => PlacementTrial.run(world(), check));
  });

  const onHost = (name: string, run: (trial: PlacementTrial) => Promise<void>) =>
    it(name, { timeout: 120_000 }, () => PlacementTrial.run(world(), { name, run }));

  onHost('a start whose answer was lost with the link is the same runner when it is asked for again', async (trial) => {
    const request = await trial.request('listens');
    const first = trial.placement.start(request).catch((error: unknown) => error);
    await trial.report(request);
    await machine.cutLink();
    const heard = await first;
    await machine.mendLink();
    let handle: RunnerHandle | undefined;
    const again = async () => {
      handle = await trial.placement.start(request).catch(() => undefined);
      return handle !== undefined;
    };
    expect(await waitUntil(again, 60_000)).toBe(true);
    trial.keep(handle as RunnerHandle);
    if (!(heard instanceof Error)) expect(heard).toEqual(handle);
    expect(await trial.listed()).toEqual([request.attemptId]);
  });

  it('the bundle is copied once for each version, and again where a file of it was damaged', { timeout: 120_000 }, async () => {
    const bundles = join(settings.dataDir, 'bundles');
    const use = async () => {
      const placement = open();
      await placement.list();
      await placement.close();
      return (await readdir(bundles)).filter((name) => !name.endsWith('.contents'));
    };
    expect(await use()).toEqual([bundle.hash]);
    expect(await readdir(join(settings.dataDir, 'incoming'))).toEqual([]);
    // Of a version before, of a family that nobody asked for lately, and of a copy that never arrived whole.
    const left = [
      join(bundles, 'a'.repeat(64)),
      join(settings.dataDir, 'families', 'b'.repeat(64)),
      join(settings.dataDir, 'incoming/half'),
    ];
    for (const path of left) {
      await mkdir(path);
      await utimes(path, 0, 0);
    }
    const damaged = join(bundles, bundle.hash, BUNDLE_RUNNER);
    await appendFile(damaged, '// cut');
    expect(await use()).toEqual([bundle.hash]);
    expect(left.filter((path) => existsSync(path))).toEqual([]);
    const { size } = await stat(damaged);
    expect(size).toBe((await stat(CONTRACT_RUNNER)).size);
  });

  /** A placement whose bundle arrives damaged, as one does that the host's disk has no room for. */
  async function openWithDamaged(change: Partial<SshHostSettings> = {}) {
    const path = join(dir, 'other.tar.gz');
    await writeFile(path, randomBytes(1000));
    const hash = 'd'.repeat(64);
    let packed = 0;
    const placement = sshPlacement({
      settings: { ...settings, ...change },
      bundle: async () => {
        packed += 1;
        return { ...bundle, hash, path, bytes: 1000 };
      },
      cacheDir: join(dir, 'cache'),
    });
    return { placement, hash, packed: () => packed };
  }

  it('a host that cannot take the programs is as one that is away, and is tried no more often', { timeout: 60_000 }, async () => {
    const dataDir = join(dir, 'far-empty');
    const { placement, hash, packed } = await openWithDamaged({ dataDir });
    for (let ask = 1; ask <= 3; ask++) {
      await expect(placement.list()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('not the one that was sent'),
      });
    }
    expect(packed()).toBe(1);
    await placement.close();
    expect(await readdir(join(dataDir, 'bundles'))).not.toContain(hash);
  });

  onHost('a new version that a host cannot take shuts nobody out: what runs is found and ended, and nothing is started', async (trial) => {
    const { handle, request } = await trial.start('listens');
    const { placement } = await openWithDamaged();
    const list = (await placement.list()).map(({ attemptId }) => attemptId);
    expect(list).toEqual([request.attemptId]);
    await expect(placement.start(await trial.request('listens'))).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringContaining('not the one that was sent'),
    });
    await placement.stop(handle);
    await placement.close();
    expect(await trial.state(handle)).toBe('gone');
  });

  it('a host with another key than the pinned one is not talked to', async () => {
    const other = `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b7373682d6564323535313900000020', 'hex'), randomBytes(32)]).toString('base64')}`;
    const placement = open({ hostKey: other });
    await expect(placement.list()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('another key') });
    await placement.close();
  });

  it('a key that the host does not know, and a port where nobody listens, are said to be so', async () => {
    const strange = open({ keyFile: join(machine.dir, 'host') });
    await expect(strange.list()).rejects.toMatchObject({ message: expect.stringContaining('does not let') });
    await strange.close();
    const closed = open({ port: 9 });
    await expect(closed.list()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('cannot be reached') });
    await closed.close();
  });

  it('a host says what it has, how its clock differs, and whether a runner there can dial the gateway', { timeout: 60_000 }, async () => {
    const placement = open();
    const gateway = createServer().listen(0, machine.gatewayAddress);
    gateway.on('upgrade', (request, socket) => {
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    await once(gateway, 'listening');
    const { port } = gateway.address() as { port: number };
    const url = (address: string) => `ws://${address}:${port}/realtime/runner`;
    const inventory = await placement.inspect({ isolation: 'bubblewrap', docker: null, gatewayUrl: url(machine.gatewayAddress) });
    expect(inventory.cpus).toBeGreaterThan(0);
    expect(inventory.memoryBytes).toBeGreaterThan(1e9);
    expect(inventory.diskWriteBytesPerSecond).toBeGreaterThan(0);
    // The namespace is on this machine, and so is its clock.
    expect(Math.abs(inventory.clockOffsetMs ?? Number.NaN)).toBeLessThan((inventory.clockUncertaintyMs ?? 0) + 50);
    expect(inventory.isolation?.name ?? inventory.problems[0]?.problem).toBeTruthy();
    expect(inventory.problems.filter(({ problem }) => problem.includes('dialled'))).toEqual([]);
    const lost = await placement.inspect({ isolation: 'none', docker: null, gatewayUrl: url('127.0.0.1') });
    expect(lost.problems).toContainEqual(
      expect.objectContaining({ problem: expect.stringContaining('cannot be dialled'), blocking: true }),
    );
    // Its engine is asked where runners would ask it.
    const docker = { baseImage: 'python:3.11', socketPath: join(dir, 'no-engine.sock') };
    const engineless = await placement.inspect({ isolation: 'docker', docker, gatewayUrl: url(machine.gatewayAddress) });
    expect(engineless.problems).toContainEqual(
      expect.objectContaining({ problem: expect.stringContaining(docker.socketPath), blocking: true }),
    );
    gateway.closeAllConnections();
    gateway.close();
    await placement.close();
  });
});
