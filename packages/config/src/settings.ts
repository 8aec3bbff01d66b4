/**
 * Every setting there is. Processes call `loadSettings` once and pass values on; nothing else reads the environment.
 * `.env.example` documents the same list, and a test holds the two together.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import manifest from '../package.json' with { type: 'json' };
import { embeddedDatabaseUrl } from './embeddedDatabase.ts';

type Env = Record<string, string | undefined>;

export const DEFAULT_GATEWAY_PORT = 4801;

const MS_PER_DAY = 24 * 3_600_000;

const port = z.coerce.number().int().min(1).max(65535);

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.pathname === '/' && !url.search && !url.username;
}

/** For each variable: what it must be, said in the error; an example; and how it is read. */
const VARIABLES = {
  PORT: { must: 'be a port number from 1 to 65535', example: '3000', schema: port.default(3000) },
  HOST: {
    must: 'be an IP address or host name to listen on',
    example: '127.0.0.1',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]+$/)
      .default('127.0.0.1'),
  },
  PUBLIC_URL: {
    must: 'be the http or https address that people open, without a path',
    example: 'https://plumbline.example.org',
    schema: z
      .string()
      .refine(isOrigin)
      .transform((url) => new URL(url).origin)
      .optional(),
  },
  GATEWAY_PORT: { must: 'be a port number from 1 to 65535, other than PORT', example: '4801', schema: port.default(DEFAULT_GATEWAY_PORT) },
  PORTS_URL: {
    must: 'be an http or https address whose host begins with *., of a domain that is not the pages’ own nor around or below it',
    example: 'https://*.plumbline-sandboxes.example',
    schema: z
      .string()
      .refine((text) => /^https?:\/\/\*\.[^*]+$/.test(text) && isOrigin(text.replace('*.', 'any.')))
      .transform((text) => new URL(text.replace('*.', 'any.')).origin.replace('any.', '*.'))
      .optional(),
  },
  DATABASE_URL: {
    must: 'be a PostgreSQL address, or be left out to use the embedded server',
    example: 'postgresql://plumbline:secret@db.example.org:5432/plumbline',
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\/\S+$/)
      .refine((url) => URL.canParse(url))
      .optional(),
  },
  PLUMBLINE_DATA_DIR: {
    must: 'be an absolute path of a folder',
    example: '/var/lib/plumbline',
    schema: z.string().refine(isAbsolute).optional(),
  },
  PLUMBLINE_ISOLATION: {
    must: 'be bubblewrap, docker or none',
    example: 'bubblewrap',
    schema: z.enum(['bubblewrap', 'docker', 'none']).default('bubblewrap'),
  },
  PLUMBLINE_DOCKER_BASE_IMAGE: {
    must: 'be the name of an image, with its tag or digest',
    example: 'python:3.11',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/)
      .default('python:3.11'),
  },
  PLUMBLINE_DOCKER_SOCKET: {
    must: 'be an absolute path of the Docker engine’s socket',
    example: '/var/run/docker.sock',
    schema: z.string().refine(isAbsolute).default('/var/run/docker.sock'),
  },
  PLUMBLINE_WORKSPACE_RETENTION_DAYS: {
    must: 'be a whole number of days from 0 to 3650',
    example: '30',
    schema: z.coerce.number().int().min(0).max(3650).default(30),
  },
  PLUMBLINE_SECRETS_FILE: {
    must: 'be an absolute path of a file with NAME=VALUE lines',
    example: '/etc/plumbline/secrets',
    schema: z.string().refine(isAbsolute).optional(),
  },
  MODEL_API_URL: {
    must: 'be the address of an OpenAI-compatible endpoint, without /chat/completions',
    example: 'https://models.example.org/v1',
    schema: z
      .string()
      .regex(/^https?:\/\/\S+$/)
      .refine((url) => URL.canParse(url))
      .optional(),
  },
  MODEL_API_KEY: { must: 'be the key of that endpoint', example: 'sk-…', schema: z.string().regex(/^\S+$/).optional() },
  PLUMBLINE_TIMESTAMP_URL: {
    must: 'be the http or https address of a time-stamping authority (RFC 3161), without a user name',
    example: 'https://timestamp.example.org/tsr',
    schema: z
      .string()
      .regex(/^https?:\/\/\S+$/)
      .refine((url) => URL.canParse(url) && new URL(url).username === '')
      .optional(),
  },
  PLUMBLINE_SEED: { must: 'be demo, empty or none', example: 'empty', schema: z.enum(['demo', 'empty', 'none']).optional() },
  LOG_LEVEL: {
    must: 'be one of trace, debug, info, warn, error, fatal, silent',
    example: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  },
  NODE_ENV: {
    must: 'be production, development or test',
    example: 'production',
    schema: z.enum(['production', 'development', 'test']).default('production'),
  },
} as const;

export const SETTING_NAMES = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[];

export interface Settings {
  port: number;
  host: string;
  /** Origin that browsers use: scheme, host and port, no trailing slash. */
  publicUrl: string;
  gatewayPort: number;
  /** Origin of pages that sandboxes serve, with `*` for the random part of its host; null where people cannot reach one. */
  portsUrl: string | null;
  /** Of the embedded server's socket when DATABASE_URL is not given. */
  databaseUrl: string;
  databaseEmbedded: boolean;
  dataDir: string;
  /** The folders of the data folder. They are made by who uses them, except `keys`, which is private to the installation's user. */
  dirs: {
    keys: string;
    store: string;
    environments: string;
    images: string;
    assets: string;
    runners: string;
    bundles: string;
    logs: string;
  };
  isolation: 'bubblewrap' | 'docker' | 'none';
  /** For every host whose isolation is docker: what families are built on, and the engine's socket there. */
  docker: { baseImage: string; socketPath: string };
  /** How long a workspace is kept on its host after the review of its attempt. */
  workspaceRetentionMs: number;
  /** Values of the variables that task families require; null where there are none. */
  secretsFile: string | null;
  /** The provider of models that environments ask, through a metered proxy; null where there is none. */
  model: { url: string; key: string } | null;
  /** The outside authority that is asked to time-stamp signed recordings; null where none is. */
  timestampUrl: string | null;
  seed: 'demo' | 'empty' | 'none';
  /** Nobody but this machine's users reaches the pages. */
  alone: boolean;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  nodeEnv: 'production' | 'development' | 'test';
  /** The product's version, with the commit where it is known: `0.1.0+1a2b3c4`. */
  version: string;
}

/** The message lists each wrong variable: its name, what is wrong, an example. */
export class SettingsError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(`These settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

// Reached only in processes that run from source: `npm start` passes the folder on to the built pages.
function repositoryRoot(): string {
  return resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
}

function everybodyCanReach(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function defaultDataDir(): string {
  const root = repositoryRoot();
  // As root, the server and the sandboxes run as users of their own, who must be able to pass through.
  if (process.getuid?.() === 0 && !everybodyCanReach(root)) {
    return join('/var/lib/plumbline', createHash('sha256').update(root).digest('hex').slice(0, 12));
  }
  return join(root, '.plumbline');
}

/** Whether pages of a sandbox could set cookies for the platform's pages, or the other way round. */
function shareDomain(publicUrl: string, portsUrl: string): boolean {
  const pages = new URL(publicUrl).hostname;
  const ports = new URL(portsUrl.replace('*.', 'any.')).hostname.replace('any.', '');
  // Browsers take each name below localhost for a site of its own.
  if (ports === 'localhost') return false;
  return pages === ports || pages.endsWith(`.${ports}`) || ports.endsWith(`.${pages}`);
}

/** Their values must not reach a log. */
const MAY_HOLD_A_PASSWORD = new Set<keyof typeof VARIABLES>(['DATABASE_URL', 'MODEL_API_KEY', 'PLUMBLINE_TIMESTAMP_URL']);

function problem(name: keyof typeof VARIABLES, value: string | undefined): string {
  const { must, example } = VARIABLES[name];
  const shown = MAY_HOLD_A_PASSWORD.has(name) ? 'the value given is not' : `${JSON.stringify(value)} is not`;
  return `${name} must ${must}; ${shown}. Example: ${name}=${example}`;
}

/** Reads and checks all settings. Throws `SettingsError` with everything that is wrong at once. */
export function loadSettings(env: Env = process.env): Settings {
  const problems: string[] = [];
  const read = <Name extends keyof typeof VARIABLES>(name: Name): z.output<(typeof VARIABLES)[Name]['schema']> | undefined => {
    // An empty line in `.env` means "not set", as people expect.
    const value = env[name] === '' ? undefined : env[name];
    const parsed = VARIABLES[name].schema.safeParse(value);
    if (parsed.success) return parsed.data as z.output<(typeof VARIABLES)[Name]['schema']>;
    problems.push(problem(name, value));
    return undefined;
  };
  const raw = {
    port: read('PORT') ?? 0,
    host: read('HOST') ?? '',
    publicUrl: read('PUBLIC_URL'),
    gatewayPort: read('GATEWAY_PORT') ?? 0,
    portsUrl: read('PORTS_URL'),
    databaseUrl: read('DATABASE_URL'),
    dataDir: read('PLUMBLINE_DATA_DIR'),
    isolation: read('PLUMBLINE_ISOLATION') ?? 'bubblewrap',
    docker: { baseImage: read('PLUMBLINE_DOCKER_BASE_IMAGE') ?? '', socketPath: read('PLUMBLINE_DOCKER_SOCKET') ?? '' },
    workspaceRetentionDays: read('PLUMBLINE_WORKSPACE_RETENTION_DAYS') ?? 0,
    secretsFile: read('PLUMBLINE_SECRETS_FILE'),
    modelUrl: read('MODEL_API_URL'),
    modelKey: read('MODEL_API_KEY'),
    timestampUrl: read('PLUMBLINE_TIMESTAMP_URL'),
    seed: read('PLUMBLINE_SEED'),
    logLevel: read('LOG_LEVEL') ?? 'info',
    nodeEnv: read('NODE_ENV') ?? 'production',
  };
  // A proxy on this machine makes pages public whose HOST is this machine alone.
  const alone = isLoopback(raw.host) && (raw.publicUrl === undefined || isLoopback(new URL(raw.publicUrl).hostname));
  const reachedAt = raw.publicUrl === undefined ? `HOST is ${raw.host}` : `PUBLIC_URL is ${raw.publicUrl}`;
  if (problems.length === 0) {
    if (!raw.publicUrl && !isLoopback(raw.host))
      problems.push(
        `PUBLIC_URL must be set when HOST is ${raw.host}: ${VARIABLES.PUBLIC_URL.must.replace('be ', '')}. Example: PUBLIC_URL=${VARIABLES.PUBLIC_URL.example}`,
      );
    if (raw.gatewayPort === raw.port) problems.push(problem('GATEWAY_PORT', String(raw.gatewayPort)));
    if (raw.portsUrl !== undefined && raw.publicUrl !== undefined && shareDomain(raw.publicUrl, raw.portsUrl))
      problems.push(problem('PORTS_URL', raw.portsUrl));
    if (raw.seed === 'demo' && !alone)
      problems.push(
        `PLUMBLINE_SEED must not be demo where others reach the pages (${reachedAt}): its password is printed in the documentation. Example: PLUMBLINE_SEED=empty`,
      );
    if (raw.isolation === 'none' && !alone)
      problems.push(
        `PLUMBLINE_ISOLATION must not be none where others reach the pages (${reachedAt}): it keeps nobody from this machine's files, keys and database. Example: PLUMBLINE_ISOLATION=bubblewrap`,
      );
  }
  if (problems.length > 0) throw new SettingsError(problems);

  // The comment keeps a build of the pages from taking every file of the repository for a part of them.
  const publicUrl = raw.publicUrl ?? `http://localhost:${raw.port}`;
  const dataDir = resolve(/* turbopackIgnore: true */ raw.dataDir ?? defaultDataDir());
  return {
    port: raw.port,
    host: raw.host,
    publicUrl,
    gatewayPort: raw.gatewayPort,
    portsUrl: raw.portsUrl ?? (isLoopback(new URL(publicUrl).hostname) ? `http://*.localhost:${raw.gatewayPort}` : null),
    databaseUrl: raw.databaseUrl ?? embeddedDatabaseUrl(dataDir, env),
    databaseEmbedded: raw.databaseUrl === undefined,
    dataDir,
    dirs: {
      keys: join(dataDir, 'keys'),
      store: join(dataDir, 'store'),
      environments: join(dataDir, 'environments'),
      images: join(dataDir, 'images'),
      assets: join(dataDir, 'assets'),
      runners: join(dataDir, 'runners'),
      bundles: join(dataDir, 'bundles'),
      logs: join(dataDir, 'logs'),
    },
    isolation: raw.isolation,
    docker: raw.docker,
    workspaceRetentionMs: raw.workspaceRetentionDays * MS_PER_DAY,
    secretsFile: raw.secretsFile ?? null,
    model: raw.modelUrl === undefined ? null : { url: raw.modelUrl, key: raw.modelKey ?? 'none' },
    timestampUrl: raw.timestampUrl ?? null,
    // Accounts with a known password are made only where nobody else can sign in with them.
    seed: raw.seed ?? (alone ? 'demo' : 'empty'),
    alone,
    logLevel: raw.logLevel,
    nodeEnv: raw.nodeEnv,
    version: env.PLUMBLINE_VERSION || manifest.version,
  };
}
