/**
 * What `npm start` and `npm test` do first, in plain JavaScript because nothing is installed yet: check Node, install the
 * packages when they are missing or another lock file was checked out, and hand over to the Node 24 that came with them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 9];
const PARENT_WATCH_MS = 500;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const ownNode = join(root, 'node_modules/.bin/node');
const stampFile = join(root, 'node_modules/.plumbline-installed');

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(
    `Plumbline needs Node.js ${OLDEST_NODE.join('.')} or later to start; this is ${process.versions.node}. Install a newer one from https://nodejs.org/`,
  );
  process.exit(1);
}

/** True when somebody's own `npm ci` or `npm install` left exactly what the lock file says. */
function installedMatchesLock(lockText) {
  try {
    const wanted = JSON.parse(lockText).packages;
    const present = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, { version, link, optional, devOptional }]) => {
      if (!path.includes('node_modules/') || link || optional || devOptional) return true;
      return present[path]?.version === version;
    });
  } catch {
    return false;
  }
}

function installPackages() {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const wanted = createHash('sha256').update(lockText).digest('hex');
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
  if (existsSync(ownNode)) {
    if (stamp === wanted) return;
    if (installedMatchesLock(lockText)) {
      try {
        writeFileSync(stampFile, wanted);
      } catch {
        // Somebody else's folder: it is compared again the next time.
      }
      return;
    }
  }
  console.log('Installing packages (npm ci) …');
  rmSync(stampFile, { force: true });
  const env = {
    ...process.env,
    // An older npm runs every install script: Prisma's would download an engine that nothing here uses.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_SKIP_POSTINSTALL_GENERATE: '1',
    // Tests drive the system's Chromium.
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
    NODE_ENV: '',
  };
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const done = spawnSync(npm[0], [...npm.slice(1), 'ci', '--loglevel=error', '--no-audit', '--no-fund', '--include=dev'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  if (done.status !== 0) {
    console.error('The packages could not be installed: see above. Check the connection to the npm registry and run the command again.');
    process.exit(1);
  }
  if (!existsSync(ownNode)) {
    console.error(
      'The package "node" did not bring Node 24: its install script was not allowed to run. Run: npm rebuild node --foreground-scripts',
    );
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}

/** Runs a TypeScript file of `scripts/` under Node 24 until it ends, and ends with its status. */
export function handOver(script, args) {
  checkNode();
  installPackages();
  const path = `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}`;
  const child = spawn(ownNode, [join(root, 'scripts', script), ...args], {
    cwd: root,
    // Each attempt has a runner of its own: compiled once, all that are started take half the processor's time to be there.
    env: { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled'), ...process.env, PATH: path },
    // The channel says nothing; that it breaks tells the child that this process was killed.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event) {
    const npmPid = process.ppid;
    setInterval(() => process.ppid !== npmPid && child.kill('SIGTERM'), PARENT_WATCH_MS).unref();
  }
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
