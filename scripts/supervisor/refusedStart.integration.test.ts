import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ensureSystemPackages, ensureUserNamespaces, requirementsOf } from './systemPackages.ts';

const START = join(import.meta.dirname, '../start.mjs');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-start-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** `npm start` without npm, until it ends. */
function start(env: Record<string, string>, nodeOptions: string[] = []): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [...nodeOptions, START], {
    env: { PATH: process.env['PATH'] ?? '', PLUMBLINE_DATA_DIR: join(dir, 'data'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // Its end may be told before the last that it said has been read.
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

it('a start with wrong settings ends at once, names each with what is wrong and an example, and makes nothing', async () => {
  const { code, output } = await start({ PORT: 'abc', PLUMBLINE_ISOLATION: 'chroot' });
  expect(code).toBe(1);
  expect(output).toContain('PORT must be a port number from 1 to 65535; "abc" is not. Example: PORT=3000');
  expect(output).toMatch(/PLUMBLINE_ISOLATION must .*"chroot" is not\. Example: PLUMBLINE_ISOLATION=bubblewrap/);
  expect(existsSync(join(dir, 'data'))).toBe(false);
});

it('a start with a Node that is too old says which is needed and where it is had', async () => {
  const old = `Object.defineProperty(process.versions, 'node', { value: '20.8.1' })`;
  const { code, output } = await start({}, ['--import', `data:text/javascript,${encodeURIComponent(old)}`]);
  expect(code).toBe(1);
  expect(output).toBe('Plumbline needs Node.js 20.9 or later to start; this is 20.8.1. Install a newer one from https://nodejs.org/\n');
});

/** As an ordinary user, with the programs of this folder alone. */
function asUserWith(programs: Record<string, string>): void {
  const bin = mkdtempSync(join(dir, 'bin-'));
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  vi.stubEnv('PATH', bin);
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
}

/** The message of what is thrown. */
function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  } finally {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
  return '';
}

it('programs that are missing are named, each with what it is for, and with the one command that installs them', () => {
  asUserWith({ slirp4netns: 'true', ip: 'true' });
  const words = refusal(() => ensureSystemPackages(requirementsOf('bubblewrap')));
  expect(words).toContain('  git: keeps the history of a workspace\n  bubblewrap: isolates the sandboxes\n');
  expect(words).toMatch(/\n {2}sudo apt-get install -y --no-install-recommends git bubblewrap$/);
});

it('nothing is said where nothing is missing', () => {
  asUserWith({ git: 'true', bwrap: 'true', slirp4netns: 'true', ip: 'true' });
  expect(refusal(() => ensureSystemPackages(requirementsOf('bubblewrap')))).toBe('');
});

it('user namespaces that are refused are told of in the words of bubblewrap, with what allows them', () => {
  asUserWith({ bwrap: 'echo "bwrap: No permissions to create new namespace" >&2; exit 1' });
  const words = refusal(ensureUserNamespaces);
  expect(words).toContain('bwrap: No permissions to create new namespace');
  expect(words).toContain('sudo sysctl -w kernel.unprivileged_userns_clone=1');
  expect(words).toContain('sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0');
  asUserWith({ bwrap: 'exit 0' });
  expect(refusal(ensureUserNamespaces)).toBe('');
});
