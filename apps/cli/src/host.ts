import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSettings } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import {
  addHost,
  getHost,
  giveUpHost,
  type HostRecord,
  listHosts,
  noteFoundWell,
  removeHost,
  saveInventory,
  setHostDrained,
} from '@plumbline/database';
import { type HostInventory, type HostPlacement, IsolationName, NewHostPlacement } from '@plumbline/protocol';
import { inspectThisHost, isolationNamed, layAssets, remotePlacementFor } from '@plumbline/sandbox';
import { loadFamily } from '@plumbline/taskstandard';
import { type Command, Option } from 'commander';
import { EXIT } from './exit.ts';
import { print, printJson, printTable } from './output.ts';
import { withPlatform } from './platform.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

interface AddFlags {
  ssh?: string;
  slurm?: string;
  isolation: string;
  port?: string;
  keyFile?: string;
  hostKey?: string;
  dataDir?: string;
  gatewayUrl?: string;
  nodeDir?: string;
  partition?: string;
  account?: string;
  qos?: string;
  constraint?: string;
  launchScript?: string;
  nodePath?: string;
  slurmConf?: string;
  sbatch?: string[];
  gpuType?: string[];
}

export function addHostCommands(program: Command): void {
  const host = program.command('host').description('machines and clusters that attempts are placed on');
  host
    .command('add')
    .description('add a machine that is reached over SSH, or a Slurm cluster')
    .argument('<name>', 'lower-case letters, digits, dots and hyphens')
    .addOption(new Option('--ssh <user@address>', 'a machine with Linux, Python 3 and what the isolation needs').conflicts('slurm'))
    .addOption(new Option('--slurm <shared-dir>', 'a cluster; the folder that this machine and every node see by the same path'))
    .addOption(new Option('--isolation <name>').choices(IsolationName.options).default('bubblewrap'))
    .option('--gateway-url <url>', 'ws:// or wss:// address of /realtime/runner, where it is not the public one')
    .option('--port <number>', 'SSH: port', '22')
    .option('--key-file <file>', 'SSH: private key, without a passphrase')
    .option('--host-key <key>', 'SSH: the host’s own public key, or a file with it (ssh-keyscan prints it)')
    .option('--data-dir <dir>', 'SSH: folder of the host for everything of ours')
    .option('--partition <name>', 'Slurm')
    .option('--account <name>', 'Slurm')
    .option('--qos <name>', 'Slurm')
    .option('--constraint <features>', 'Slurm')
    .option('--launch-script <file>', 'Slurm: sourced by a job before the runner: modules, mounts')
    .option('--node-dir <dir>', 'Slurm: a node’s own folder for the work: faster, and lost with the node')
    .option('--node-path <file>', 'Slurm: Node.js on the nodes, where not the one that is copied')
    .option('--slurm-conf <file>', 'Slurm: configuration file, where it is not found by itself')
    .option('--sbatch <option...>', 'Slurm: further options of sbatch, such as --sbatch=--reservation=bench')
    .option(
      '--gpu-type <model=name...>',
      'Slurm: the cluster’s name for a model that tasks ask for; nothing after = where its GPUs have no type',
    )
    .action(async (name: string, flags: AddFlags) => {
      const reach = reachOf(flags);
      const isolation = IsolationName.parse(flags.isolation);
      if (isolation === 'none' && !loadSettings().alone) {
        throw new AppError(
          'invalid_input',
          'Without isolation a participant reads everything that the host keeps, so it is refused where others reach the pages. Use bubblewrap or docker.',
        );
      }
      await withPlatform(({ db }) => addHost(db, { name, reach, isolation }, { by: null }));
      print(`Added ${name}. It takes attempts once a check has found it well: plumb host check ${name}`);
    });
  host
    .command('list')
    .description('all hosts with what the last check found')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const hosts = await withPlatform(({ db }) => listHosts(db));
      if (json === true) return printJson(hosts);
      printTable(
        ['name', 'placement', 'isolation', 'GPUs', 'CPUs', 'memory', 'checked', 'state'],
        hosts.map(({ name, reach, isolation, inventory, checkedAt, drainedAt, silentSince }) => [
          name,
          reach.placement,
          isolation,
          inventory === null ? null : gpuWords(inventory),
          inventory?.cpus,
          inventory === null ? null : `${Math.round(inventory.memoryBytes / GIB)} GiB`,
          checkedAt?.toISOString(),
          stateWords({ inventory, drainedAt, silentSince }),
        ]),
      );
    });
  host
    .command('check')
    .description('ask a host, or all, what it has and whether attempts can run there')
    .argument('[name]')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, { json }: { json?: boolean }) => {
      await withPlatform(async ({ db }) => {
        const hosts = name === undefined ? await listHosts(db) : [await getHost(db, name)];
        const found: { name: string; inventory: HostInventory }[] = [];
        for (const one of hosts) {
          const inventory = await inspect(one);
          await saveInventory(db, one.id, inventory);
          // By its name: somebody means this host, and not all that there are.
          if (name !== undefined && inventory.problems.every(({ blocking }) => !blocking)) await noteFoundWell(db, one.id);
          found.push({ name: one.name, inventory });
          if (json !== true) printInventory(one.name, inventory);
        }
        if (json === true) printJson(found);
        if (found.some(({ inventory }) => inventory.problems.some(({ blocking }) => blocking))) process.exitCode = EXIT.no;
      });
    });
  host
    .command('drain')
    .description('give a host no new attempts; what runs there goes on')
    .argument('<name>')
    .option('--undo', 'give it attempts again')
    .action(async (name: string, { undo }: { undo?: boolean }) => {
      await withPlatform(({ db }) => setHostDrained(db, name, undo !== true, { by: null }));
      print(undo === true ? `${name} takes attempts again.` : `${name} takes no new attempts.`);
    });
  host
    .command('remove')
    .description('take a host out of the inventory')
    .argument('<name>')
    .option('--lost', 'it will not come back: its attempts go on elsewhere, from their last snapshots')
    .action(async (name: string, { lost }: { lost?: boolean }) => {
      await withPlatform(async ({ db }) => {
        if (lost === true) {
          const moved = await giveUpHost(db, name, `The staff gave ${name} up.`, { by: null });
          print(`${moved.length} ${moved.length === 1 ? 'attempt goes' : 'attempts go'} on elsewhere.`);
        }
        await removeHost(db, name, { by: null });
      });
      print(`Removed ${name}.`);
    });
  host
    .command('warm')
    .description('copy a family to a host and fetch its data there, before anybody needs it')
    .argument('<name>')
    .argument('<dir>', 'the family’s folder')
    .option('--overlay <file>', 'settings for a family that stays as its authors wrote it: the data that they name is fetched')
    .action(async (name: string, dir: string, { overlay }: { overlay?: string }) => {
      const { reach } = await withPlatform(({ db }) => getHost(db, name));
      const family = loadFamily(resolve(dir), { overlayFile: overlay });
      const named = Object.values(family.tasks).flatMap(({ settings }) => settings.assets);
      const assets = [...new Map(named.map((asset) => [asset.sha256 ?? JSON.stringify(asset.git), asset])).values()];
      const { dirs } = loadSettings();
      if (reach.placement === 'local') await layAssets(assets, { dir: dirs.assets });
      else {
        const placement = remotePlacementFor(reach, { repository: REPOSITORY, dirs });
        await placement.warm({ familyDir: resolve(dir), familyHash: family.contentHash, assets }).finally(() => placement.close());
      }
      const bytes = assets.reduce((sum, asset) => sum + (asset.bytes ?? 0), 0);
      const atLeast = assets.every((asset) => asset.bytes !== undefined) ? '' : 'at least ';
      print(`${name} has ${family.family} with ${assets.length} files of data (${atLeast}${Math.round(bytes / MIB)} MiB).`);
    });
}

/** @throws AppError `invalid_input` that names the option and what it must be. */
function reachOf(flags: AddFlags): HostPlacement {
  const { gatewayUrl = null } = flags;
  const given = (values: Record<string, unknown>) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  let reach: unknown;
  if (flags.ssh !== undefined) {
    const [, user, address] = /^([^@]+)@(.+)$/.exec(flags.ssh) ?? [];
    if (user === undefined) throw new AppError('invalid_input', `--ssh must be user@address; ${flags.ssh} is not.`);
    const { port, keyFile, dataDir } = flags;
    reach = {
      placement: 'ssh',
      settings: given({ user, address, port: Number(port), keyFile, hostKey: hostKeyOf(flags.hostKey), dataDir, gatewayUrl }),
    };
  } else if (flags.slurm !== undefined) {
    const { partition, account, qos, constraint, launchScript, nodeDir, nodePath, slurmConf } = flags;
    const gpuTypes = Object.fromEntries(
      (flags.gpuType ?? []).map((text) => text.split('=', 2)).map(([model, type]) => [model, type || null]),
    );
    reach = {
      placement: 'slurm',
      settings: given({
        ...{
          sharedDir: flags.slurm,
          partition,
          account,
          qos,
          constraint,
          launchScript,
          nodeDir,
          nodePath,
          slurmConf,
          gpuTypes,
          gatewayUrl,
        },
        extraArgs: flags.sbatch,
      }),
    };
  } else {
    throw new AppError('invalid_input', 'Say how it is reached: --ssh user@address, or --slurm SHARED_DIR.');
  }
  const parsed = NewHostPlacement.safeParse(reach);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const option = String(path[1] ?? '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `  --${{ 'shared-dir': 'slurm', address: 'ssh', user: 'ssh', 'extra-args': 'sbatch', 'gpu-types': 'gpu-type' }[option] ?? option} ${message}`;
  });
  throw new AppError('invalid_input', `These options are wrong:\n${problems.join('\n')}`);
}

/** As it is given, or the first key of a file; an address in front, as ssh-keyscan prints it, is left out. */
function hostKeyOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const text = given.startsWith('/') || given.startsWith('.') ? readFileSync(given, 'utf8') : given;
  return /(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/]+=*/.exec(text)?.[0] ?? text;
}

async function inspect({ name, reach, isolation }: HostRecord): Promise<HostInventory> {
  const settings = loadSettings();
  if (reach.placement === 'local') {
    return inspectThisHost({ dataDir: settings.dataDir, isolation: isolationNamed(isolation, settings.docker), measuresDisk: true });
  }
  const placement = remotePlacementFor(reach, { repository: REPOSITORY, dirs: settings.dirs });
  const gatewayUrl = `${settings.publicUrl.replace(/^http/, 'ws')}/realtime/runner`;
  return placement
    .inspect({ isolation, docker: settings.docker, gatewayUrl })
    .catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, `${name}: ${error.message}`, { cause: error });
    })
    .finally(() => placement.close());
}

function stateWords({ inventory, drainedAt, silentSince }: Pick<HostRecord, 'inventory' | 'drainedAt' | 'silentSince'>): string {
  if (drainedAt !== null) return 'drained';
  if (silentSince !== null) return 'does not answer';
  return inventory?.problems.some(({ blocking }) => blocking) ? 'takes nothing' : 'open';
}

function gpuWords({ gpus }: HostInventory): string {
  const models = new Map<string, number>();
  for (const { model } of gpus) models.set(model, (models.get(model) ?? 0) + 1);
  return models.size === 0 ? 'none' : [...models].map(([model, count]) => `${count} × ${model}`).join(', ');
}

function printInventory(name: string, inventory: HostInventory): void {
  const { cpus, memoryBytes, diskFreeBytes, kept, diskWriteBytesPerSecond, clockOffsetMs, clockUncertaintyMs, kernel, isolation } =
    inventory;
  print(name);
  const rows: [string, string | null][] = [
    ['GPUs', gpuWords(inventory)],
    ['processors', String(cpus)],
    ['memory', `${Math.round(memoryBytes / GIB)} GiB`],
    ['disk free', diskFreeBytes === null ? null : `${Math.round(diskFreeBytes / GIB)} GiB`],
    ['kept', kept === undefined ? null : keptWords(kept)],
    ['disk writes', diskWriteBytesPerSecond === null ? null : `${Math.round(diskWriteBytesPerSecond / MIB)} MiB/s`],
    ['clock', clockOffsetMs === null ? null : `${Math.round(clockOffsetMs)} ms off, ± ${Math.round(clockUncertaintyMs ?? 0)} ms`],
    ['system', kernel],
    ['isolation', isolation === null ? null : `${isolation.name}: ${capabilityWords(isolation.capabilities)}`],
  ];
  for (const [what, value] of rows) if (value !== null) print(`  ${what.padEnd(12)}${value}`);
  for (const { problem, remedy, blocking } of inventory.problems) print(`  ${blocking ? 'problem' : 'note'}: ${problem} ${remedy}`);
  if (inventory.problems.length === 0) print('  no problems');
}

function keptWords({ environmentBytes, assetBytes, attemptBytes }: NonNullable<HostInventory['kept']>): string {
  const of = (bytes: number | null) => (bytes === null ? 'too much to be counted' : `${(bytes / GIB).toFixed(1)} GiB`);
  return `prepared environments ${of(environmentBytes)}, data ${of(assetBytes)}, attempts ${of(attemptBytes)}`;
}

function capabilityWords(capabilities: Record<string, unknown>): string {
  return Object.entries(capabilities)
    .filter(([, value]) => value !== false && value !== null)
    .map(([what, value]) => (value === true ? what : `${what} ${String(value)}`))
    .join(', ');
}
