import { z } from 'zod';
import { IsolationName } from './runnerLink.ts';

/**
 * A machine or cluster that runners are placed on, as the inventory holds it: how it is reached, and what the last check found.
 * `@plumbline/database/hosts` keeps the rows; the placements read the settings.
 */

/** Absolute, without `..`, and without anything that a shell or a list of paths would take apart. */
const HostPath = z
  .string()
  .max(400)
  .regex(/^(\/[A-Za-z0-9._+@-]+)+$/, 'must be an absolute path of letters, digits and . _ + @ -')
  .refine((path) => !path.split('/').includes('..'), 'must not hold ..');

/** Names a host on the command line and in pages. */
export const HostName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9.-]*$/, 'must be lower-case letters, digits, dots and hyphens');

/** `ws` or `wss`: where a runner on this host dials, when it is not the platform's public address. */
const GatewayUrl = z
  .url({ protocol: /^wss?$/ })
  .nullable()
  .default(null);

/** This machine: the folders are the platform's own, and so is the gateway's address. */
export const LocalHostSettings = z.strictObject({});

export const SshHostSettings = z.strictObject({
  address: z
    .string()
    .max(255)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be an IP address or a host name'),
  port: z.int().min(1).max(65_535).default(22),
  user: z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'must be a user name'),
  /** The private key's file on the platform's machine, without a passphrase. Its content is never stored. */
  keyFile: HostPath,
  /** The host's own public key as `ssh-keyscan` prints it (`ssh-ed25519 AAAA…`); any other key is refused. */
  hostKey: z
    .string()
    .max(2_000)
    .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$/, 'must be a key type and a key in base64'),
  /** Where bundle, families, assets, images and runners' folders lie on the host. */
  dataDir: HostPath.default('/var/lib/plumbline'),
  gatewayUrl: GatewayUrl,
});
export type SshHostSettings = z.infer<typeof SshHostSettings>;

/** A value for one of sbatch's options: nothing that would end the word, or be taken for another option. */
const SbatchValue = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.,:=+&|*()[\]@/-]*$/, 'must be one word, as sbatch takes it');

export const SlurmHostSettings = z.strictObject({
  partition: SbatchValue.nullable().default(null),
  account: SbatchValue.nullable().default(null),
  qos: SbatchValue.nullable().default(null),
  constraint: SbatchValue.nullable().default(null),
  /** Further options of sbatch, one each: `--reservation=bench`, `--exclude=gpu7`. */
  extraArgs: z
    .array(
      z
        .string()
        .max(400)
        .regex(/^--[a-z][a-z-]*(=[^\0\n]+)?$/, 'must be a long option: --name or --name=value'),
    )
    .max(50)
    .default([]),
  /** The cluster's name for a GPU model that a task asks for (`{ "h100": "nvidia_h100_80gb" }`), or null where its GPUs have no type. Else the model itself. */
  gpuTypes: z.record(z.string().max(100), SbatchValue.nullable()).default({}),
  /** A script of the cluster's own, which every node sees and a job sources before the runner: modules, mounts. */
  launchScript: HostPath.nullable().default(null),
  /** A folder that this machine and every node see by this path: what a job is given, and the attempts' own folders unless `nodeDir` is set. */
  sharedDir: HostPath,
  /** A folder of each node's own for the attempts' folders: faster, and lost with the node but for what snapshots hold. */
  nodeDir: HostPath.nullable().default(null),
  /** Node.js on the nodes; null: the platform's own program, by the same path. */
  nodePath: HostPath.nullable().default(null),
  /** Slurm's configuration file, where it is not found by itself. */
  slurmConf: HostPath.nullable().default(null),
  gatewayUrl: GatewayUrl,
});
export type SlurmHostSettings = z.infer<typeof SlurmHostSettings>;

/** What is needed to reach a host, by its placement. */
export const HostPlacement = z.discriminatedUnion('placement', [
  z.object({ placement: z.literal('local'), settings: LocalHostSettings }),
  z.object({ placement: z.literal('ssh'), settings: SshHostSettings }),
  z.object({ placement: z.literal('slurm'), settings: SlurmHostSettings }),
]);
export type HostPlacement = z.infer<typeof HostPlacement>;
export type PlacementKind = HostPlacement['placement'];

/** What a job is found by, and what would make it another kind of job, or none: said by the platform alone. */
const SBATCH_OWN = [
  ...['array', 'chdir', 'clusters', 'export', 'help', 'job-name', 'no-requeue', 'nodes', 'ntasks', 'open-mode'],
  ...['output', 'parsable', 'quiet', 'requeue', 'test-only', 'time', 'usage', 'version', 'wait', 'wrap'],
];

/** sbatch takes the beginning of an option's name for the option. */
function isOwnOfSbatch(arg: string): boolean {
  const name = arg.slice('--'.length).split('=', 1)[0] ?? '';
  return SBATCH_OWN.some((own) => own.startsWith(name));
}

/** What is taken of an admin. What was written before a rule of this kind stays readable. */
export const NewHostPlacement = HostPlacement.superRefine((reach, context) => {
  if (reach.placement !== 'slurm') return;
  reach.settings.extraArgs.forEach((arg, index) => {
    if (!isOwnOfSbatch(arg)) return;
    context.addIssue({
      code: 'custom',
      path: ['settings', 'extraArgs', index],
      message: `may not be ${arg}: the platform sets that itself`,
    });
  });
});

export const HostGpu = z.object({
  /** As the host's own tools name it: `GPU-…` of nvidia-smi, or a node and index where a scheduler hands them out. */
  id: z.string().max(100),
  model: z.string().max(200),
  memoryBytes: z.number().nullable(),
  driver: z.string().max(100).nullable(),
});
export type HostGpu = z.infer<typeof HostGpu>;

/** One machine of a cluster: an attempt gets one alone. */
export const HostNode = z.object({
  name: z.string().max(255),
  gpus: z.array(z.object({ model: z.string().max(200), count: z.int().nonnegative() })).max(100),
  cpus: z.int().nonnegative(),
  memoryBytes: z.number().nonnegative(),
});
export type HostNode = z.infer<typeof HostNode>;

/** Something that a check found wrong. A `blocking` one keeps new attempts away from the host. */
export const HostProblem = z.object({
  problem: z.string().max(2_000),
  /** What a person should do about it. */
  remedy: z.string().max(2_000),
  blocking: z.boolean(),
});
export type HostProblem = z.infer<typeof HostProblem>;

/** What the last check of a host found. */
export const HostInventory = z.object({
  gpus: z.array(HostGpu).max(10_000),
  /** A cluster's machines, those that take no jobs now included; null for a host that is one machine. */
  nodes: z.array(HostNode).max(10_000).nullable().default(null),
  cpus: z.int().nonnegative(),
  memoryBytes: z.number().nonnegative(),
  diskFreeBytes: z.number().nonnegative().nullable(),
  /** What its prepared environments, data and attempts' folders take of the disk, null where that takes long to find out; absent where nobody looked. */
  kept: z
    .object({
      environmentBytes: z.number().nonnegative().nullable(),
      assetBytes: z.number().nonnegative().nullable(),
      attemptBytes: z.number().nonnegative().nullable(),
    })
    .optional(),
  /** Written and synced to the data folder; null where it was not measured. */
  diskWriteBytesPerSecond: z.number().nonnegative().nullable(),
  /** The host's clock less the platform's, with half of the round trip as its uncertainty. */
  clockOffsetMs: z.number().nullable(),
  clockUncertaintyMs: z.number().nullable(),
  kernel: z.string().max(200),
  /** What the host's isolation declares (`IsolationCapabilities`); null where it could not be asked. */
  isolation: z.object({ name: IsolationName, capabilities: z.record(z.string(), z.unknown()) }).nullable(),
  problems: z.array(HostProblem).max(100),
});
export type HostInventory = z.infer<typeof HostInventory>;
