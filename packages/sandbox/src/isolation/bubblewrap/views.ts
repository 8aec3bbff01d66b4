import { lstat, mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_UID, foldersInMemory, IN_VIEW_PATHS } from '../inView.ts';
import type { SandboxSpec, View } from '../isolation.ts';

/** What of a sandbox lies where on the host; every path must be reachable by the sandbox's host user. */
export interface ViewSources {
  workspace: string;
  env: string;
  root: string;
  protected: string;
  store: string;
  socket: string;
  assets: string;
  etc: string;
  readOnly: NonNullable<SandboxSpec['readOnly']>;
}

export const BWRAP = '/usr/bin/bwrap';

/** Folders of programs. On most distributions all but /usr are links into it, and are made as links. */
const PROGRAM_DIRS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * The only names of the host's /etc that are seen: what programs need to start and to draw. No accounts, no secrets, no
 * configuration of services.
 */
const ETC_NAMES = [
  'alternatives',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'mime.types',
  'protocols',
  'python3',
  'python3.11',
  'python3.12',
  'python3.13',
  'services',
  'terminfo',
  'vim',
];

/** Certificates of the public authorities; without a network they do no harm, and tools complain where they are missing. */
const CERTIFICATE_NAMES = [
  'ca-certificates',
  'ca-certificates.conf',
  'ssl/certs',
  'ssl/openssl.cnf',
  'pki/tls/certs',
  'pki/ca-trust/extracted',
];

function etcFiles(nameserver: string | null): Record<string, string> {
  return {
    passwd: `root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:${AGENT_UID}:${AGENT_UID}:agent:/home/agent:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `root:x:0:\nagent:x:${AGENT_UID}:\nprotected:x:1001:\nnogroup:x:65534:\n`,
    hosts: '127.0.0.1 localhost plumbline\n::1 localhost\n',
    hostname: 'plumbline\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    'resolv.conf': nameserver === null ? '' : `nameserver ${nameserver}\n`,
    'bash.bashrc': '[ -z "$PS1" ] && return\nshopt -s checkwinsize\nPS1=\'\\u@\\h:\\w\\$ \'\n',
    profile: '[ -n "$BASH_VERSION" ] && [ -n "$PS1" ] && . /etc/bash.bashrc\n',
  };
}

/** Writes the sandbox's own /etc files. */
export async function writeEtc(dir: string, nameserver: string | null): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(etcFiles(nameserver))) await writeFile(join(dir, name), text, { mode: 0o644 });
}

/** `devices`: host device files that are seen beside the usual ones. */
async function systemMounts(
  etc: string,
  { devices, memoryBytes }: { devices: readonly string[]; memoryBytes: number | null },
): Promise<string[]> {
  const inMemory = Object.entries(foldersInMemory(memoryBytes)).map(([path, bytes]) => ({ path, bytes }));
  const tmpfs = ({ path, bytes }: { path: string; bytes: number | null }) => [
    ...['--perms', '1777', ...(bytes === null ? [] : ['--size', String(bytes)])],
    ...['--tmpfs', path],
  ];
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const dir of PROGRAM_DIRS) {
    const entry = await lstat(dir).catch(() => null);
    if (entry?.isSymbolicLink()) args.push('--symlink', await readlink(dir), dir);
    else if (entry?.isDirectory()) args.push('--ro-bind', dir, dir);
  }
  args.push('--proc', '/proc', '--dev', '/dev', ...inMemory.filter(({ path }) => path.startsWith('/dev/')).flatMap(tmpfs));
  for (const path of devices) args.push('--dev-bind', path, path);
  args.push('--remount-ro', '/dev');
  args.push(...inMemory.filter(({ path }) => !path.startsWith('/dev/')).flatMap(tmpfs));
  for (const name of [...ETC_NAMES, ...CERTIFICATE_NAMES]) {
    const path = `/etc/${name}`;
    if (await stat(path).catch(() => null)) args.push('--ro-bind', path, path);
  }
  for (const name of Object.keys(etcFiles(null))) args.push('--ro-bind', join(etc, name), `/etc/${name}`);
  args.push('--symlink', '/usr/share/zoneinfo/UTC', '/etc/localtime', '--symlink', '/proc/self/mounts', '/etc/mtab');
  return args;
}

/** Parents of mount points are made by bwrap for their owner alone; programs that drop rights expect the usual modes. */
function folders(...paths: string[]): string[] {
  return paths.flatMap((path) => ['--perms', '0755', '--dir', path]);
}

const NAMESPACES = ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'];
const IDENTITY = ['--uid', String(AGENT_UID), '--gid', String(AGENT_UID), '--hostname', 'plumbline', '--die-with-parent'];

/**
 * The arguments of `bwrap` for a view, up to the command. `ownNetwork`: an empty network namespace; otherwise the one
 * that the caller has joined. `devices`: those of the attempt's GPUs.
 */
export async function viewArguments(
  view: View,
  from: ViewSources,
  options: { ownNetwork: boolean; devices: readonly string[]; memoryBytes: number | null },
): Promise<string[]> {
  const args = [...NAMESPACES, ...IDENTITY, ...(options.ownNetwork ? ['--unshare-net'] : [])];
  args.push(...folders('/home', '/opt', '/run', '/var', '/etc'), ...(await systemMounts(from.etc, options)));
  args.push('--bind', from.workspace, IN_VIEW_PATHS.home, '--ro-bind', from.env, IN_VIEW_PATHS.env);
  if (view === 'participant') args.push('--disable-userns', '--as-pid-1', '--ro-bind', from.socket, IN_VIEW_PATHS.run);
  else args.push('--ro-bind', from.assets, IN_VIEW_PATHS.assets);
  for (const { hostPath, path, only } of view === 'platform' ? [] : from.readOnly) {
    if ((only ?? view) === view) args.push('--ro-bind', hostPath, path);
  }
  if (view === 'scorer') args.push('--bind', from.root, IN_VIEW_PATHS.root, '--bind', from.protected, IN_VIEW_PATHS.protected);
  if (view === 'platform') args.push('--disable-userns', '--bind', from.store, IN_VIEW_PATHS.store);
  args.push('--remount-ro', '/');
  return args;
}

/** The view in which an image's packages are installed: the host's network, nothing else of the host's. */
export async function builderArguments(from: {
  root: string;
  env: string;
  etc: string;
  assets: string;
  certificates: string;
}): Promise<string[]> {
  const args = [
    ...NAMESPACES,
    ...IDENTITY,
    ...folders('/home', '/opt', '/run', '/var', '/etc'),
    ...(await systemMounts(from.etc, { devices: [], memoryBytes: null })),
  ];
  args.push(
    '--perms',
    '0755',
    '--tmpfs',
    IN_VIEW_PATHS.home,
    '--bind',
    from.root,
    IN_VIEW_PATHS.root,
    '--bind',
    from.env,
    IN_VIEW_PATHS.env,
  );
  args.push('--ro-bind', from.assets, IN_VIEW_PATHS.assets, '--ro-bind', from.certificates, '/run/certificates');
  if (await stat('/etc/pip.conf').catch(() => null)) args.push('--ro-bind', '/etc/pip.conf', '/etc/pip.conf');
  // The builder uses the host's network, so it is told the host's names too.
  for (const [name, host] of [
    ['resolv.conf', '/etc/resolv.conf'],
    ['hosts', '/etc/hosts'],
  ] as const) {
    const text = await readFile(host, 'utf8').catch(() => null);
    if (text !== null) await writeFile(join(from.etc, name), text);
  }
  return args;
}
