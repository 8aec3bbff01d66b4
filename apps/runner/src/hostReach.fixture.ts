import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject } from 'vitest';
import type { RunnerRig } from './runnerRig.fixture.ts';

/** For tests: a participant's reach, from the terminal of a real attempt, for all that really runs and lies on this host. */

interface Targets {
  /** Unix sockets that something of this host listens on; an abstract one begins with `@`. */
  sockets: string[];
  addresses: string[];
  /** TCP ports that something of this host listens on. */
  ports: number[];
  files: string[];
}

/** Tries every target and prints those that it reached, as JSON. */
const PROBE = `
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
targets = json.load(open(sys.argv[1]))

def opened(family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as link:
            link.settimeout(2)
            link.connect(address)
            return True
    except OSError:
        return False

def reach(target):
    kind, value = target
    if kind == "socket": return opened(socket.AF_UNIX, "\\0" + value[1:] if value.startswith("@") else value)
    if kind == "tcp": return opened(socket.AF_INET, tuple(value))
    try:
        return open(value, "rb").read(1) is not None
    except OSError:
        return False

tries = [("socket", path) for path in targets["sockets"]]
tries += [("tcp", [host, port]) for host in targets["addresses"] for port in targets["ports"]]
tries += [("file", path) for path in targets["files"]]
with ThreadPoolExecutor(16) as pool:
    print(json.dumps([value for (kind, value), reached in zip(tries, pool.map(reach, tries)) if reached]))
`;

/** Of `/proc/net/unix`: the stream sockets that are listened on. */
function listeningSockets(): string[] {
  const LISTENS = 0x10000;
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[7] !== undefined && (Number.parseInt(fields[3] ?? '0', 16) & LISTENS) !== 0)
    .map((fields) => fields[7] as string);
}

function listeningPorts(): number[] {
  const LISTEN = '0A';
  const ports = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/net/${name}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN)
      .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '0', 16)),
  );
  return [...new Set(ports)];
}

const socketsIn = (dir: string) =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isSocket())
    .map(({ name }) => join(dir, name));

/** What lies directly in a folder and can be opened, but the mark of a score under way: that goes just after the score has been told. */
const filesIn = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name !== 'score.json')
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);

/**
 * Reaches for the embedded PostgreSQL that runs, for its files, for the gateway, for the runner's own folder and sockets, and for
 * everything else that listens on this host. The host itself reaches what counts, so that the same tries would show a way.
 */
export async function reachForTheHost(rig: RunnerRig, stateDir: string): Promise<void> {
  const socketDir = new URL(inject('postgresUrl')).searchParams.get('host') ?? '';
  const database = join(socketDir, '.s.PGSQL.5432');
  const cluster = readFileSync(`${database}.lock`, 'utf8').split('\n')[1] ?? '';
  // The runner reaches its own through their folder, whose name is not in the system's list.
  const ownSockets = socketsIn(join(stateDir, 'run'));
  const sockets = [...listeningSockets(), ...ownSockets];
  const gateway = rig.gateway.port;
  const files = [join(cluster, 'PG_VERSION'), import.meta.filename, ...filesIn(stateDir), ...filesIn(join(stateDir, 'journal'))];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address);
  const targets: Targets = { sockets, addresses, ports: listeningPorts(), files };
  expect([sockets.includes(database), ownSockets.length > 0, targets.ports.includes(gateway)]).toEqual([true, true, true]);
  const workspace = join(stateDir, 'workspace');
  writeFileSync(join(workspace, 'probe.py'), PROBE);
  writeFileSync(join(workspace, 'targets.json'), JSON.stringify(targets));
  await rig.sh('python3 probe.py targets.json > reached.json 2> failed.txt');
  expect(readFileSync(join(workspace, 'failed.txt'), 'utf8')).toBe('');
  expect(JSON.parse(readFileSync(join(workspace, 'reached.json'), 'utf8'))).toEqual([]);
  const fromHere: Targets = { sockets: [database, ...ownSockets], addresses: ['127.0.0.1'], ports: [gateway], files };
  writeFileSync(join(workspace, 'targets.json'), JSON.stringify(fromHere));
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [join(workspace, 'probe.py'), join(workspace, 'targets.json')]);
  expect(JSON.parse(stdout)).toEqual([...fromHere.sockets, ['127.0.0.1', gateway], ...files]);
}
