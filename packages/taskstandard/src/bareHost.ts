import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { FamilyHost } from './familyHost.ts';
import type { Exec, ExecResult } from './taskHost.ts';

/**
 * A place to run a family without the platform and without isolation: plain processes of this user in folders of
 * their own. For an author's checks on an author's machine; the participant's code must be trusted.
 */

export interface BareHost extends FamilyHost {
  /** The workspace. */
  home: string;
  protected: string;
  env: string;
}

export interface BareHostOptions {
  /** An existing workspace to score; else an empty one. */
  workspace?: string;
  /** Where `install` puts packages; kept, so that a second check is quick. */
  envDir?: string;
  /** Folders of the family's assets, as `layAssets` made them. */
  assets?: { everyone: string | null; scorer: string | null };
  /** Secrets for the family's `required_environment_variables`. */
  secrets?: Record<string, string>;
  /** This machine's own variables: the family gets its path and its way to a package index, and nothing else of them. */
  hostVariables?: HostVariables;
}

export type HostVariables = Readonly<Record<string, string | undefined>>;

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PIP_VARIABLE = /^(PIP_|SSL_CERT_|HTTPS?_PROXY$|NO_PROXY$)/i;

/** Copies the family into fresh folders and gives a door to run it through. */
export async function createBareHost(familyDir: string, options: BareHostOptions = {}): Promise<BareHost> {
  const base = await mkdtemp(join(tmpdir(), 'plumbline-bare-'));
  const root = join(base, 'root');
  const home = options.workspace === undefined ? join(base, 'home') : resolve(options.workspace);
  const protectedDir = join(base, 'protected');
  const env = options.envDir === undefined ? join(base, 'env') : resolve(options.envDir);
  await cp(familyDir, root, { recursive: true, filter: (source) => !source.endsWith('__pycache__') });
  for (const dir of [home, protectedDir, env]) await mkdir(dir, { recursive: true });
  const baseEnv: Record<string, string> = {
    PATH: `${join(env, 'bin')}:${options.hostVariables?.['PATH'] ?? SYSTEM_PATH}`,
    LANG: 'C.UTF-8',
    HOME: home,
    PYTHONPATH: join(env, 'lib', 'python'),
    PLUMBLINE_HOME: home,
    PLUMBLINE_ROOT: root,
    PLUMBLINE_PROTECTED: protectedDir,
    PLUMBLINE_ENV: env,
    PLUMBLINE_DATA: options.assets?.everyone ?? '',
    PLUMBLINE_SCORER_DATA: options.assets?.scorer ?? '',
    ...pipSettings(options.hostVariables ?? {}),
    ...options.secrets,
  };
  return {
    exec: (argv, run) => runProcess(argv, { ...run, cwd: run.cwd ?? root, env: { ...baseEnv, ...run.env } }),
    root,
    home,
    workspaceDir: home,
    workspaceVariables: (workspace) => ({ PLUMBLINE_HOME: workspace, HOME: workspace }),
    python: bareHostPython(),
    installed: false,
    protected: protectedDir,
    env,
    command: ([file = '', ...args]) => ({ file, args, env: baseEnv, cwd: root }),
    socketDir: { here: base, there: base },
    destroy: () => rm(base, { recursive: true, force: true }),
  };
}

/** The user's own way to reach a package index, which `install` needs. */
function pipSettings(variables: HostVariables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined && PIP_VARIABLE.test(entry[0])),
  );
}

/** The interpreter of the Task Standard host: the system's own, as in the sandboxes, where there is one. */
export function bareHostPython(): string {
  return existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
}

function runProcess(argv: string[], options: Parameters<Exec>[1] & { cwd: string; env: Record<string, string> }): Promise<ExecResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('An empty command cannot be run.');
  return new Promise((done, fail) => {
    // A group of its own, so that the end of a time-out reaches what the family started.
    const child = spawn(file, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let timedOut = false;
    let truncated = false;
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has ended by itself.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, options.timeoutMs);
    for (const name of ['stdout', 'stderr'] as const) {
      if (options.onLine !== undefined) createInterface({ input: child[name] }).on('line', options.onLine);
      child[name].on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > options.maxOutputBytes) {
          truncated = true;
          end();
        } else kept[name].push(chunk);
      });
    }
    child.on('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      done({
        exitCode,
        signal,
        stdout: Buffer.concat(kept.stdout),
        stderr: Buffer.concat(kept.stderr),
        timedOut,
        truncated,
        outOfMemory: false,
      });
    });
    // A family that exits before it has read its request is told of by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}
