import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadSettings, SETTING_NAMES, SettingsError } from './settings.ts';

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

test('nothing set gives a working installation on this machine alone', () => {
  const settings = loadSettings({});
  expect(settings).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    publicUrl: 'http://localhost:3000',
    seed: 'demo',
    databaseEmbedded: true,
    workspaceRetentionMs: 30 * 24 * 3_600_000,
  });
  expect(settings.databaseUrl).toMatch(/^postgresql:\/\/plumbline@localhost\/plumbline\?host=/);
});

test('a wrong setting is named, with what is wrong and an example, and all wrong ones at once', () => {
  const problems = problemsOf({ PORT: 'abc', PUBLIC_URL: 'plumbline.org/path', DATABASE_URL: 'mysql://root:hunter2@db' });
  expect(problems).toHaveLength(3);
  expect(problems[0]).toBe('PORT must be a port number from 1 to 65535; "abc" is not. Example: PORT=3000');
  expect(problems.join()).not.toContain('hunter2');
});

test('an address that others can reach needs PUBLIC_URL and never has demo accounts', () => {
  expect(problemsOf({ HOST: '0.0.0.0' })[0]).toMatch(/^PUBLIC_URL must be set when HOST is 0.0.0.0/);
  expect(problemsOf({ HOST: '0.0.0.0', PUBLIC_URL: 'https://a.example.org', PLUMBLINE_SEED: 'demo' })[0]).toMatch(/^PLUMBLINE_SEED/);
  expect(loadSettings({ HOST: '0.0.0.0', PUBLIC_URL: 'https://a.example.org/' })).toMatchObject({
    seed: 'empty',
    publicUrl: 'https://a.example.org',
  });
});

test('pages that a proxy on this machine makes public have no demo accounts either', () => {
  const PUBLIC_URL = 'https://plumbline.example.org';
  expect(loadSettings({ PUBLIC_URL })).toMatchObject({ host: '127.0.0.1', seed: 'empty', alone: false });
  expect(problemsOf({ PUBLIC_URL, PLUMBLINE_SEED: 'demo' })[0]).toMatch(/^PLUMBLINE_SEED must not be demo/);
  expect(loadSettings({ PUBLIC_URL: 'http://localhost:3000' })).toMatchObject({ seed: 'demo', alone: true });
});

test('sandboxes without isolation are refused wherever somebody else can reach the pages', () => {
  const PLUMBLINE_ISOLATION = 'none';
  expect(loadSettings({ PLUMBLINE_ISOLATION }).isolation).toBe('none');
  for (const HOST of ['127.0.0.1', '0.0.0.0'])
    expect(problemsOf({ HOST, PUBLIC_URL: 'https://plumbline.example.org', PLUMBLINE_ISOLATION })[0]).toMatch(
      /^PLUMBLINE_ISOLATION must not be none where others reach the pages .* Example: PLUMBLINE_ISOLATION=bubblewrap$/,
    );
});

test('a time-stamping authority is asked where one is named, and its address has no password in it', () => {
  expect(loadSettings({}).timestampUrl).toBeNull();
  expect(loadSettings({ PLUMBLINE_TIMESTAMP_URL: 'http://a.example.org/tsr' }).timestampUrl).toBe('http://a.example.org/tsr');
  for (const PLUMBLINE_TIMESTAMP_URL of ['a.example.org', 'ftp://a.example.org', 'https://somebody:secret@a.example.org/'])
    expect(problemsOf({ PLUMBLINE_TIMESTAMP_URL }).join(), PLUMBLINE_TIMESTAMP_URL).toMatch(/^PLUMBLINE_TIMESTAMP_URL must be(?!.*secret)/);
});

test('pages and gateway cannot share a port', () => {
  expect(problemsOf({ PORT: '4801' })[0]).toMatch(/^GATEWAY_PORT must be/);
});

test('pages of a sandbox get host names below localhost, and elsewhere a domain that shares nothing with the pages', () => {
  expect(loadSettings({}).portsUrl).toBe('http://*.localhost:4801');
  const PUBLIC_URL = 'https://plumbline.example.org';
  expect(loadSettings({ PUBLIC_URL }).portsUrl).toBeNull();
  expect(loadSettings({ PUBLIC_URL, PORTS_URL: 'https://*.Sandboxes.example/' }).portsUrl).toBe('https://*.sandboxes.example');
  for (const PORTS_URL of ['https://*.plumbline.example.org', 'https://*.example.org', 'https://ports.example', 'https://*.a.*.example'])
    expect(problemsOf({ PUBLIC_URL, PORTS_URL })[0], PORTS_URL).toMatch(/^PORTS_URL must be/);
});

test('an empty value means that the variable is not set', () => {
  expect(loadSettings({ DATABASE_URL: '', PORT: '' })).toMatchObject({ port: 3000, databaseEmbedded: true });
});

test('.env.example documents exactly the settings that there are', () => {
  const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
  const documented = [...example.matchAll(/^#([A-Z_]+)=/gm)].map((match) => match[1]);
  expect(documented.sort()).toEqual([...SETTING_NAMES].sort());
});
