import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Asset } from '@plumbline/taskstandard/settings';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { layAssets } from './assetStore.ts';
import { makeRepository, type Repository, serveGit } from './gitServer.fixture.ts';

/** Against git's own server on loopback, with a repository as the large services for models have them. */

const WEIGHTS = 'weights of the model '.repeat(1000);
const pointerTo = (text: string) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${createHash('sha256').update(text).digest('hex')}\nsize ${text.length}\n`;

let base: string;
let dir: string;
let server: Server;
let repository: Repository;
let revision: string;
let asked: string[];
/** What is downloaded, by its name. */
let files: Record<string, string>;

function asset(file: string, git: Partial<Asset['git']> = {}): Asset {
  const { port } = server.address() as AddressInfo;
  const at = `http://127.0.0.1:${port}`;
  return {
    url: `${at}/${file}`,
    git: { repository: `${at}/git/model`, revision, file, ...git },
    path: `model/${file}`,
    for: 'everyone',
  };
}
const laid = async (file: string) => readFileSync(join((await layAssets([asset(file)], { dir })).everyone ?? '', `model/${file}`), 'utf8');
const kept = () => readdirSync(join(dir, 'sha256')).filter((name) => /^[0-9a-f]{64}$/.test(name));

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'plumbline-git-assets-'));
  dir = join(base, 'cache');
  repository = makeRepository(join(base, 'repositories/model'));
  revision = repository.commit({
    'weights.bin': pointerTo(WEIGHTS),
    'config.json': '{"layers": 2}',
    'onnx/weights.onnx': 'o'.repeat(2000),
  });
  files = { 'weights.bin': WEIGHTS, 'config.json': '{"layers": 2}' };
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('/git/')) return serveGit(join(base, 'repositories'), request, response);
    const text = files[request.url?.slice(1) ?? ''];
    return response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await rm(base, { recursive: true, force: true });
});

describe('data that a commit holds', () => {
  it('is what the commit’s pointer names, or what lies in the commit itself, and the repository is asked once', async () => {
    expect(await laid('weights.bin')).toBe(WEIGHTS);
    expect(await laid('config.json')).toBe('{"layers": 2}');
    asked = [];
    expect(await laid('weights.bin')).toBe(WEIGHTS);
    expect(asked).toEqual([]);
  });

  it('is that of the commit, whatever the repository and the download have become since', async () => {
    repository.commit({ 'weights.bin': pointerTo('other weights'), 'config.json': '{"layers": 9}' });
    expect(await laid('weights.bin')).toBe(WEIGHTS);
    files = { 'weights.bin': WEIGHTS.replace('model', 'moral'), 'config.json': '{"layers": 9}' };
    await rm(dir, { recursive: true });
    await expect(laid('weights.bin')).rejects.toThrow(/model\/weights\.bin could not be had.*SHA-256 is [0-9a-f]{64}, another/);
    await expect(laid('config.json')).rejects.toThrow(/SHA-256 is [0-9a-f]{64}, another/);
    expect(kept()).toEqual([]);
  });

  it('is not taken from a server that has something else under the commit’s name', async () => {
    repository.commit({ forged: pointerTo('other weights') });
    repository.forge('HEAD', 'weights.bin', 'forged');
    files['weights.bin'] = 'other weights';
    await expect(laid('weights.bin')).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringMatching(/model\/weights\.bin has to be could not be read from http:/),
    });
  });

  it('that is not there is an error that says what is, and what to do', async () => {
    const refused = (changed: Asset) => expect(layAssets([changed], { dir })).rejects;
    await refused(asset('model.safetensors')).toThrow(/no file model\.safetensors there; it has config\.json, onnx, weights\.bin\. Mend/);
    await refused(asset('onnx')).toThrow(/no file onnx there/);
    await refused(asset('weights.bin', { revision: 'a'.repeat(40) })).toThrow(/not our ref a{40}|could not be read/);
    const port = /:(\d+)/.exec(asset('').url)?.[1];
    await refused(asset('weights.bin', { repository: `http://127.0.0.1:${port}/git/none` })).toThrow(
      /not found.*give the asset its sha256/,
    );
    // A host without git, but with what locks need.
    symlinkSync('/bin/cat', join(base, 'cat'));
    vi.stubEnv('PATH', base);
    await refused(asset('config.json')).toThrow(/git is not on this host: install the package git/);
  });
});
