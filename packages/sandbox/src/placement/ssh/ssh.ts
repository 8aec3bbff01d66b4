import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { HostInventory, SshHostSettings } from '@plumbline/protocol';
import { z } from 'zod';
import { HostClient, LinkLost } from '../agent/hostClient.ts';
import { FarHandle, type HostArgs, type HostRequestName, type HostResult } from '../agent/hostRequests.ts';
import { BUNDLE_HOST_AGENT, BUNDLE_NODE, type RunnerBundle } from '../bundle/runnerBundle.ts';
import { folderEntries, writeArchive } from '../bundle/tarArchive.ts';
import {
  attemptFolderName,
  type CheckedPlacement,
  type InspectOptions,
  type RunnerHandle,
  type RunnerRequest,
  type RunnerStatus,
  type WarmFamily,
} from '../placement.ts';
import { FarSide, type Hello } from './farSide.ts';
import { SshConnection } from './sshConnection.ts';

/**
 * The runner on another machine, as that machine's own agent places it there: a detached process that outlives the agent, the
 * connection and this process. What is asked may be asked again after a link that broke: each act finds what it did before.
 */

export interface SshPlacementOptions {
  readonly settings: SshHostSettings;
  /** Packs what a host needs to run a runner. */
  readonly bundle: () => Promise<RunnerBundle>;
  /** A folder of this machine for archives on their way. */
  readonly cacheDir: string;
}

const SshHandle = z.object({ placement: z.literal('ssh'), attemptId: z.string(), far: FarHandle });

const ASK_TIMEOUT_MS = 20_000;
/** Asking, ending by force and clearing up take some 20 s at worst; a disk that is measured, as long. */
const SLOW_TIMEOUT_MS = 60_000;
const CLOCK_SAMPLES = 5;
/** Data of hundreds of gigabytes; a fetch that was cut off goes on where it stopped when it is asked for again. */
const WARM_TIMEOUT_MS = 12 * 3_600_000;
/** Millions of files on a slow disk; what a removal that was cut off has left is removed when it is asked for again. */
const REMOVE_TIMEOUT_MS = 3_600_000;
const STILL_HERE_MS = 60_000;
/** A host that is away is tried this often, however many attempts are on it. */
const RECONNECT_AFTER_MS = 10_000;

/** Node's name for a processor, and the kernel's. */
const MACHINES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
/** What the terminals' native part was built against. */
const GLIBC_MIN = [2, 28] as const;

export function sshPlacement(options: SshPlacementOptions): CheckedPlacement {
  return new RemoteHost(options);
}

interface Link {
  readonly connection: SshConnection;
  readonly farSide: FarSide;
  readonly client: HostClient;
  /** Why the agent is one of an earlier version, where this installation's own could not be put there. It starts nothing. */
  readonly outdated: AppError | null;
}

class RemoteHost implements CheckedPlacement {
  readonly name = 'ssh';
  readonly #options: SshPlacementOptions;
  #link: Promise<Link> | null = null;
  #refusal: { readonly atMs: number; readonly error: unknown } | null = null;

  constructor(options: SshPlacementOptions) {
    this.#options = options;
  }

  async start(request: RunnerRequest): Promise<RunnerHandle> {
    const { settings } = this.#options;
    await this.#bringUpToDate();
    await this.#publishFamily(request);
    const args: HostArgs<'start'> = {
      ...request,
      gatewayUrl: settings.gatewayUrl ?? request.gatewayUrl,
      familyDir: join(settings.dataDir, 'families', request.familyHash),
    };
    const far = await this.#ask('start', args, SLOW_TIMEOUT_MS);
    return { placement: 'ssh', attemptId: request.attemptId, far };
  }

  async status(handle: RunnerHandle): Promise<RunnerStatus> {
    return this.#ask('status', { handle: SshHandle.parse(handle).far });
  }

  async stop(handle: RunnerHandle): Promise<void> {
    await this.#ask('stop', { handle: SshHandle.parse(handle).far }, SLOW_TIMEOUT_MS);
  }

  async find(attemptId: string): Promise<RunnerHandle | null> {
    const far = await this.#ask('find', { attemptId });
    return far === null ? null : { placement: 'ssh', attemptId, far };
  }

  async list(): Promise<RunnerHandle[]> {
    return (await this.#ask('list', {})).map((far) => ({ placement: 'ssh', attemptId: far.attemptId, far }));
  }

  async remove(attemptId: string): Promise<void> {
    await this.#askLong('remove', { attemptId: attemptFolderName(attemptId) }, REMOVE_TIMEOUT_MS);
  }

  async inspect({ isolation, docker, gatewayUrl }: InspectOptions): Promise<HostInventory> {
    const facts = await this.#ask('inspect', { isolation, docker }, SLOW_TIMEOUT_MS);
    const { problem } = await this.#ask('dial', { gatewayUrl: this.#options.settings.gatewayUrl ?? gatewayUrl });
    const remedy = 'Set the host’s gateway URL to one that it reaches, and let its firewall pass it.';
    const problems = problem === null ? facts.problems : [...facts.problems, { problem, remedy, blocking: true }];
    return { ...facts, problems, ...(await this.#clock()) };
  }

  /** The shortest of a few round trips tells most of how the clocks differ. */
  async #clock(): Promise<{ clockOffsetMs: number; clockUncertaintyMs: number }> {
    let best = { clockOffsetMs: 0, clockUncertaintyMs: Number.POSITIVE_INFINITY };
    for (let sample = 0; sample < CLOCK_SAMPLES; sample++) {
      const from = performance.now();
      const { nowMs } = await this.#ask('clock', {});
      const half = (performance.now() - from) / 2;
      // By the clock that is compared: the one that measures stands still while a machine sleeps, and is not set with it.
      const here = Date.now() - half;
      if (half < best.clockUncertaintyMs) best = { clockOffsetMs: nowMs - here, clockUncertaintyMs: half };
    }
    return best;
  }

  async warm(family: WarmFamily): Promise<void> {
    await this.#publishFamily(family);
    await this.#askLong('warm', { assets: [...family.assets] }, WARM_TIMEOUT_MS);
  }

  /** @throws AppError that says why this installation's own programs cannot be put there. */
  async #bringUpToDate(): Promise<void> {
    await this.#onLink(async ({ outdated }) => {
      if (outdated === null) return;
      await this.close();
      const again = await this.#open();
      if (again.outdated !== null) throw again.outdated;
    });
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => null);
    this.#link = null;
    link?.client.close('The placement was closed.');
    link?.connection.close();
  }

  /** Asks the host's agent, once more where the link was lost: a connection that has been idle is often found dead. */
  async #ask<Name extends HostRequestName>(act: Name, args: HostArgs<Name>, timeoutMs = ASK_TIMEOUT_MS): Promise<HostResult<Name>> {
    return this.#onLink(({ client }) => client.ask(act, args, timeoutMs));
  }

  /** The agent ends where nobody asks it anything for long. */
  async #askLong<Name extends HostRequestName>(act: Name, args: HostArgs<Name>, timeoutMs: number): Promise<HostResult<Name>> {
    const asking = setInterval(() => void this.#ask('clock', {}).catch(() => undefined), STILL_HERE_MS);
    try {
      return await this.#ask(act, args, timeoutMs);
    } finally {
      clearInterval(asking);
    }
  }

  async #onLink<T>(act: (link: Link) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act(await this.#open());
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        const { address } = this.#options.settings;
        if (attempt > 1) throw new AppError('unavailable', `The host at ${address} does not answer: ${error.message}`, { cause: error });
      }
    }
  }

  /** The link, made anew where it is lost; whoever comes meanwhile waits for the same one. */
  async #open(): Promise<Link> {
    const current = this.#link;
    const held = await current?.catch(() => null);
    if (held && !held.client.isLost && !held.connection.isClosed) return held;
    if (this.#link === current) {
      held?.client.close('The connection was closed.');
      held?.connection.close();
      this.#link = null;
    }
    this.#link ??= this.#connect();
    // Whoever awaits it hears of a failure; nobody may be awaiting it any more when it comes.
    this.#link.catch(() => undefined);
    return this.#link;
  }

  async #connect(): Promise<Link> {
    if (this.#refusal !== null && performance.now() - this.#refusal.atMs < RECONNECT_AFTER_MS) throw this.#refusal.error;
    try {
      const link = await this.#reach();
      this.#refusal = null;
      return link;
    } catch (error) {
      this.#refusal = { atMs: performance.now(), error };
      throw error;
    }
  }

  async #reach(): Promise<Link> {
    const { settings, bundle } = this.#options;
    const own = await bundle();
    const connection = await SshConnection.open(settings);
    try {
      const farSide = new FarSide(connection, settings.dataDir);
      refuseStrangeMachine(await farSide.hello());
      const { hash, outdated } = await installed(farSide, own);
      const client = new HostClient(await farSide.agent(hash, BUNDLE_NODE, BUNDLE_HOST_AGENT));
      return { connection, farSide, client, outdated };
    } catch (error) {
      connection.close();
      if (!(error instanceof AppError)) throw error;
      // Whatever keeps its agent from running, nobody can ask what runs there: it is as one that is away.
      throw new AppError('unavailable', error.message, { cause: error });
    }
  }

  /** A family's files are small: they are packed only for a host that lacks them. */
  async #publishFamily({ familyDir, familyHash }: { readonly familyDir: string; readonly familyHash: string }): Promise<void> {
    await this.#onLink(async ({ farSide }) => {
      if (await farSide.has('families', familyHash)) return;
      const { cacheDir } = this.#options;
      await mkdir(cacheDir, { recursive: true, mode: 0o700 });
      const path = join(cacheDir, `family-${randomUUID()}.tar.gz`);
      try {
        const entries = await folderEntries(familyDir, '', (name) => !/(^|\/)(\.git|__pycache__)$/.test(name));
        await farSide.put({ kind: 'families', name: familyHash, path, ...(await writeArchive(entries, path)) });
      } finally {
        await rm(path, { force: true });
      }
    });
  }
}

/**
 * Puts this installation's bundle on the host. Where that cannot be done, as on a full disk, an earlier version's is still good for
 * asking what runs there and ending it.
 */
async function installed(
  farSide: FarSide,
  { hash, path, sha256, bytes }: RunnerBundle,
): Promise<{ hash: string } & Pick<Link, 'outdated'>> {
  try {
    await farSide.put({ kind: 'bundles', name: hash, path, sha256, bytes });
    return { hash, outdated: null };
  } catch (error) {
    const earlier = error instanceof AppError ? await farSide.newestBundle() : null;
    if (earlier === null) throw error;
    return { hash: earlier, outdated: error as AppError };
  }
}

/** @throws AppError `sandbox_unavailable` where this installation's programs cannot run on the machine. */
function refuseStrangeMachine({ machine, libc }: Hello): void {
  const ours = MACHINES[process.arch] ?? process.arch;
  if (machine !== ours) {
    throw new AppError('sandbox_unavailable', `The host is a ${machine} machine, and this installation can only start runners on ${ours}.`);
  }
  const [major = 0, minor = 0] = (/^glibc (\d+)\.(\d+)/.exec(libc ?? '') ?? []).slice(1).map(Number);
  if (major < GLIBC_MIN[0] || (major === GLIBC_MIN[0] && minor < GLIBC_MIN[1])) {
    throw new AppError('sandbox_unavailable', `The host has ${libc ?? 'no glibc'}; runners need glibc ${GLIBC_MIN.join('.')} or later.`);
  }
}
