/** Programs that npm cannot bring. A missing one is named with the command that installs it; root on Debian runs the command. */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Requirement {
  /** Debian's package. */
  debianPackage: string;
  why: string;
  isThere(): boolean;
}

function onPath(program: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The one that sandboxes see; another one on the path may lie in a home folder that they do not. */
const PYTHON_PATH = '/usr/bin/python3';
const python = (code: string) => spawnSync(PYTHON_PATH, ['-c', code], { stdio: 'ignore' }).status === 0;

const GIT: Requirement = { debianPackage: 'git', why: 'keeps the history of a workspace', isThere: () => onPath('git') };
const PYTHON: Requirement = {
  debianPackage: 'python3',
  why: 'runs the environments',
  isThere: () => python('import sys; sys.exit(sys.version_info < (3, 9))'),
};
const PIP: Requirement = {
  debianPackage: 'python3-pip',
  why: 'installs the packages that an environment asks for',
  isThere: () => python('import pip') || python('import ensurepip'),
};
const BUBBLEWRAP: Requirement = { debianPackage: 'bubblewrap', why: 'isolates the sandboxes', isThere: () => onPath('bwrap') };
const SLIRP: Requirement = {
  debianPackage: 'slirp4netns',
  why: 'gives a sandbox the internet without the host',
  isThere: () => onPath('slirp4netns'),
};
const IPROUTE: Requirement = {
  debianPackage: 'iproute2',
  why: "closes a sandbox's way to this machine and its networks",
  isThere: () => onPath('ip'),
};
const E2FSPROGS: Requirement = {
  debianPackage: 'e2fsprogs',
  why: 'makes the disk that bounds what a workspace takes',
  isThere: () => onPath('mkfs.ext4'),
};
const CHROMIUM: Requirement = {
  debianPackage: 'chromium',
  why: 'is the browser of a test that has a window, and of the benchmarks',
  isThere: () => onPath('chromium') || existsSync(process.env.CHROMIUM_PATH ?? '/none'),
};
const CHROMIUM_WITHOUT_WINDOW: Requirement = {
  debianPackage: 'chromium-headless-shell',
  why: 'is the browser of the journeys',
  isThere: () => onPath('chromium-headless-shell') || existsSync(process.env.CHROMIUM_PATH ?? '/none'),
};
const TORCH: Requirement = {
  debianPackage: 'python3-torch',
  why: 'runs the small RE-Bench environments that train networks',
  isThere: () => python('import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)'),
};
/** Without it PyTorch uses Debian's reference BLAS, which is ten times slower. */
const OPENBLAS: Requirement = {
  debianPackage: 'libopenblas0-pthread',
  why: 'makes PyTorch quick enough for two cores',
  isThere: () => python('import ctypes.util, sys; sys.exit(ctypes.util.find_library("openblas") is None)'),
};
const RUSTC: Requirement = {
  debianPackage: 'rustc',
  why: 'compiles what is handed in to the small RE-Bench environment about Rust',
  isThere: () => existsSync('/usr/bin/rustc'),
};

/** What an installation needs with an isolation. */
export function requirementsOf(isolation: 'bubblewrap' | 'docker' | 'none'): Requirement[] {
  const always = [PYTHON, PIP, GIT];
  if (isolation === 'none') return always;
  // The engine is the operator's own: it may be another package than Debian's, and its state shows when it is asked.
  // Root alone may mount one.
  const disk = process.getuid?.() === 0 ? [E2FSPROGS] : [];
  return [...always, ...(isolation === 'bubblewrap' ? [BUBBLEWRAP] : []), SLIRP, IPROUTE, ...disk];
}

const testProgram = (debianPackage: string, program: string, why: string): Requirement => ({
  debianPackage,
  why,
  isThere: () => onPath(program),
});

const TEST_REQUIREMENTS: Requirement[] = [
  CHROMIUM,
  CHROMIUM_WITHOUT_WINDOW,
  TORCH,
  OPENBLAS,
  RUSTC,
  testProgram('vim', 'vim', 'is recorded and replayed by a test'),
  testProgram('htop', 'htop', 'is recorded and replayed by a test'),
  testProgram('tmux', 'tmux', 'is recorded and replayed by a test'),
  testProgram('less', 'less', 'is drawn in a browser by a test'),
  testProgram('xvfb', 'Xvfb', 'is the display of a test’s browser that has a window'),
  testProgram('xdotool', 'xdotool', 'types into that window'),
  testProgram('asciinema', 'asciinema', 'plays the casts of an export'),
  testProgram('iproute2', 'ss', 'cuts a runner’s connections'),
];

const MACHINE_TEST_REQUIREMENTS: Requirement[] = [
  testProgram('munge', 'munged', 'signs what the tests’ Slurm daemons tell one another'),
  testProgram('slurmctld', 'slurmctld', 'controls the tests’ Slurm cluster'),
  testProgram('slurmd', 'slurmd', 'is a node of the tests’ Slurm cluster'),
  testProgram('slurm-client', 'sbatch', 'submits jobs to the tests’ Slurm cluster'),
  testProgram('docker.io', 'dockerd', 'is the engine on which the isolation docker is held to its promises'),
  testProgram('openssh-server', 'sshd', 'is the tests’ machine that is reached over SSH'),
];

/** What the tests need beyond what bubblewrap does; with `all`, those of other machines too. */
export function testRequirements(all: boolean): Requirement[] {
  return all ? [...TEST_REQUIREMENTS, ...MACHINE_TEST_REQUIREMENTS] : TEST_REQUIREMENTS;
}

function installOnDebian(packages: string[]): void {
  console.log(`Installing from Debian: ${packages.join(' ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
  execFileSync('apt-get', ['update', '-q'], options);
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
}

/** Installs what is missing where it may; otherwise throws with the exact command. */
export function ensureSystemPackages(requirements: Requirement[]): void {
  const missing = () => requirements.filter((requirement) => !requirement.isThere());
  const first = missing();
  if (first.length === 0) return;
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    try {
      installOnDebian(first.map((requirement) => requirement.debianPackage));
    } catch (error) {
      console.error(`apt-get failed: ${(error as Error).message}`);
    }
  }
  const still = missing();
  if (still.length === 0) return;
  const list = still.map(({ debianPackage, why }) => `  ${debianPackage}: ${why}`).join('\n');
  const command = `apt-get install -y --no-install-recommends ${still.map((requirement) => requirement.debianPackage).join(' ')}`;
  throw new Error(
    `These programs are missing:\n${list}\nInstall them, on Debian or Ubuntu with:\n  ${process.getuid?.() === 0 ? '' : 'sudo '}${command}`,
  );
}

/** An ordinary user's sandboxes need user namespaces, which some distributions switch off. Root needs none of this. */
export function ensureUserNamespaces(): void {
  if (process.getuid?.() === 0) return;
  const tried = spawnSync('bwrap', ['--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', 'true'], { encoding: 'utf8' });
  if (tried.status === 0) return;
  throw new Error(
    `bubblewrap may not make sandboxes for this user: ${tried.stderr.trim()}\nAllow user namespaces, on Debian with:\n` +
      '  sudo sysctl -w kernel.unprivileged_userns_clone=1\nand on Ubuntu 24.04 and later with:\n' +
      '  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n' +
      'PLUMBLINE_ISOLATION=none starts without sandboxes, for trying things out alone.',
  );
}
