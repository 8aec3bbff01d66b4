import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureLocalHost } from '@plumbline/database';
import { missingForSshHost, SshMachine } from '@plumbline/sandbox/placement/ssh/host.fixture';
import { type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { isAbsent } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const FAMILY = fileURLToPath(new URL('../../../environments/practice', import.meta.url));

let database: TestDatabase;
let folder: TemporaryFolder;

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

interface Ran {
  status: number;
  out: string;
  error: string;
}

const plumb = (...args: string[]) => plumbWith({}, ...args);

async function plumbWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, 'host', ...args], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      DATABASE_URL: database.url,
      PLUMBLINE_DATA_DIR: folder.path,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await ended;
  return { status, out, error };
}

/** The practice family with data of its own. */
async function familyWith(asset: string): Promise<string> {
  const dir = join(folder.path, 'practice');
  await cp(FAMILY, dir, { recursive: true });
  const manifest = await readFile(join(dir, 'manifest.yaml'), 'utf8');
  await writeFile(
    join(dir, 'manifest.yaml'),
    manifest.replace(/^ {2}plumbline:\n/m, (line) => `${line}    assets: [${asset}]\n`),
  );
  return dir;
}

describe('plumb host', () => {
  it('adds, lists, drains and removes a cluster, and says which options are wrong', async () => {
    const shared = join(folder.path, 'shared');
    expect(await plumb('add', 'lab')).toMatchObject({ status: 2, error: expect.stringContaining('--slurm SHARED_DIR') });
    const wrong = await plumb('add', 'lab', '--slurm', 'relative', '--partition', '--evil', '--launch-script', '/a/../b');
    expect(wrong.error).toMatch(/--partition must be one word[\s\S]*--launch-script must not hold[\s\S]*--slurm must be an absolute path/);
    expect(await plumb('add', 'lab', '--slurm', shared, '--gpu-type', 'h100=nvidia_h100')).toMatchObject({ status: 0 });
    expect(await plumb('add', 'lab', '--slurm', shared)).toMatchObject({
      status: 2,
      error: expect.stringContaining('already a host named lab'),
    });
    expect((await plumb('list')).out).toMatch(/lab +slurm +bubblewrap/);
    const publicly = { PUBLIC_URL: 'https://plumbline.example.org' };
    expect(await plumbWith(publicly, 'add', 'open', '--slurm', shared, '--isolation', 'none')).toMatchObject({
      status: 2,
      error: expect.stringContaining('Use bubblewrap or docker'),
    });
    await plumb('drain', 'lab');
    expect((await plumb('list')).out).toMatch(/lab .*drained/);
    await plumb('drain', 'lab', '--undo');
    expect(JSON.parse((await plumb('list', '--json')).out)[0]).toMatchObject({ name: 'lab', drainedAt: null });
    expect(await plumb('remove', 'lab')).toMatchObject({ status: 0 });
    expect(await plumb('remove', 'lab')).toMatchObject({ status: 2, error: expect.stringContaining('no host named lab') });
  });

  it('warms this machine with the data that an overlay names for a family that has none of its own', { timeout: 60_000 }, async () => {
    await ensureLocalHost(database.db, 'none');
    const data = join(folder.path, 'overlaid.bin');
    await writeFile(data, 'overlaid');
    const sha256 = createHash('sha256').update('overlaid').digest('hex');
    const overlay = join(folder.path, 'overlay.yaml');
    const asset = `{ url: "${pathToFileURL(data).href}", sha256: ${sha256}, bytes: 8, path: data.bin }`;
    await writeFile(overlay, `meta: { plumbline: { assets: [${asset}] } }\n`);
    expect((await plumb('warm', 'here', FAMILY, '--overlay', overlay)).out).toContain('here has practice with 1 files of data');
    expect(await readFile(join(folder.path, 'assets/sha256', sha256), 'utf8')).toBe('overlaid');
  });

  it.skipIf(isAbsent('plumb host over SSH', missingForSshHost()))(
    'checks a machine over SSH, says what is in the way, and warms it',
    { timeout: 180_000 },
    async () => {
      const machine = await SshMachine.start();
      try {
        const dataDir = join(machine.dir, 'far');
        await mkdir(dataDir, { mode: 0o711 });
        const reach = ['--ssh', `${machine.user}@${machine.address}`, '--key-file', machine.keyFile, '--host-key', await machine.hostKey()];
        expect(
          await plumb('add', 'gpu1', ...reach, '--data-dir', dataDir, '--isolation', 'none', '--gateway-url', 'ws://127.0.0.1:9/x'),
        ).toMatchObject({
          status: 0,
        });
        const checked = await plumb('check', 'gpu1');
        expect(checked.out).toMatch(/gpu1\n +GPUs[\s\S]*processors +\d[\s\S]*clock +-?\d+ ms off[\s\S]*problem: .*cannot be dialled/);
        expect(checked.status).toBe(1);
        expect((await plumb('list')).out).toMatch(/gpu1 +ssh .*takes nothing/);
        const data = Buffer.alloc(2 * 1024 ** 2, 'data');
        const asked: string[] = [];
        const server = createServer((request, response) => {
          asked.push(request.url ?? '');
          response.end(data);
        }).listen(0, machine.gatewayAddress);
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const sha256 = createHash('sha256').update(data).digest('hex');
        const family = await familyWith(
          `{ url: "http://${machine.gatewayAddress}:${port}/data.bin", sha256: ${sha256}, bytes: ${data.length}, path: data.bin }`,
        );
        for (let n = 0; n < 2; n++)
          expect((await plumb('warm', 'gpu1', family)).out).toMatch(/gpu1 has practice with 1 files of data \(2 MiB\)/);
        server.close();
        // The machine fetched it, once, and holds it.
        expect(asked).toEqual(['/data.bin']);
        expect(await readFile(join(dataDir, 'assets/sha256', sha256))).toEqual(data);
        await machine.cutLink();
        expect(await plumb('check', 'gpu1')).toMatchObject({ status: 2, error: expect.stringContaining('gpu1: The host at') });
        expect((await plumb('remove', 'gpu1', '--lost')).out).toContain('0 attempts go on elsewhere');
      } finally {
        await machine.stop();
      }
    },
  );
});
