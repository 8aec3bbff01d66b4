import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FamilyHost } from './familyHost.ts';
import { type Exec, runTaskOperation } from './taskHost.ts';

/**
 * For tests: the standard's own container as far as a family notices, on this machine and without an engine: root, the fixed paths, the
 * user `agent` and the group `protected`, in a mount namespace that takes everything away with it. It isolates nothing.
 */

const SCRIPT = `
set -e
for d in usr proc dev etc/pam.d etc/security; do mount --rbind /$d $0/$d; done
exec chroot $0 "$@"
`;
const ETC: Record<string, string> = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n',
  group: 'root:x:0:\nagent:x:1000:\nprotected:x:1001:\n',
  shadow: 'root:*:19000:0:99999:7:::\nagent:*:19000:0:99999:7:::\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\n',
  'login.defs': '',
  environment: '',
};

/** Why this machine cannot be such a host, or null. */
export function whyNoRootHost(): string | null {
  if (process.getuid?.() !== 0) return 'only root can be another user';
  const tried = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']);
  return tried.status === 0 ? null : 'this kernel gives root no mount namespace';
}

/** Makes the host with the family's `start()` done, as the task helper of the standard does it: the home then belongs to the agent. */
export async function createRootHost(
  familyDir: string,
  module: string,
): Promise<FamilyHost & { sh(user: string, script: string): string }> {
  const dir = mkdtempSync('/var/tmp/plumbline-root-host-');
  chmodSync(dir, 0o755);
  for (const folder of ['usr', 'proc', 'dev', 'etc/pam.d', 'etc/security', 'tmp', 'home/agent', 'protected']) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(dir, name));
  for (const [name, text] of Object.entries(ETC)) writeFileSync(join(dir, 'etc', name), text, { mode: name === 'shadow' ? 0o600 : 0o644 });
  cpSync(familyDir, join(dir, 'root'), { recursive: true });
  const host = (argv: string[]) => ['--mount', '--pid', '--fork', '--propagation', 'private', 'sh', '-c', SCRIPT, dir, ...argv];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' };
  const exec: Exec = async (argv, options) => {
    const done = spawnSync('unshare', host(argv), {
      input: options.input,
      timeout: options.timeoutMs,
      maxBuffer: options.maxOutputBytes,
      env,
    });
    return {
      exitCode: done.status,
      signal: done.signal,
      stdout: done.stdout,
      stderr: done.stderr,
      timedOut: (done.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT',
      truncated: false,
      outOfMemory: false,
    };
  };
  const sh = (user: string, script: string) =>
    spawnSync('unshare', host(['runuser', user, '-c', script]), { env, encoding: 'utf8' }).stdout.trim();
  const started = await runTaskOperation(exec, 'start', { familyDir: '/root', module, task: 'main' }, { timeoutMs: 20_000 });
  if (!started.ok) throw new Error(`start: ${started.failure.message}\n${started.failure.traceback}`);
  return {
    exec,
    sh,
    root: '/root',
    workspaceDir: join(dir, 'home/agent'),
    workspaceVariables: null,
    python: 'python3',
    installed: true,
    command: (argv) => ({ file: 'unshare', args: host(argv), env, cwd: '/' }),
    socketDir: { here: join(dir, 'tmp'), there: '/tmp' },
    destroy: async () => rmSync(dir, { recursive: true, force: true }),
  };
}
