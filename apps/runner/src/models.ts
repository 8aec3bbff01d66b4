import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, type Clock } from '@plumbline/core';
import type { Sandbox } from '@plumbline/sandbox';
import { replaceFileSync } from '@plumbline/storage';
import type { EnvironmentSettings } from '@plumbline/taskstandard';
import { type ModelCall, ModelProxy } from '@plumbline/taskstandard/models/modelProxy';
import { endpointUpstream, type ModelEndpoint, type ModelUpstream, standInUpstream } from '@plumbline/taskstandard/models/modelUpstream';
import type { EventLog } from './eventLog.ts';

/**
 * The models of an environment, one socket for the participant and one for each score, with a budget of its own. The
 * provider's key stays in this process. Every call is an event of the recording.
 */

export const MODEL_SOCKET_NAME = 'model.sock';
/** What a recording holds of one call's request and of its answer. */
const KEPT_BYTES = 64 * 1024;
const SPENT_FILE = 'model-spent.json';

export interface ModelsOptions {
  readonly settings: EnvironmentSettings;
  /** This deployment's provider; null where it has none. */
  readonly endpoint: ModelEndpoint | null;
  readonly stateDir: string;
  /** Host path of the folder that the participant sees. */
  readonly socketDir: string;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly isRunning: () => boolean;
}

/** Says before anything is prepared that a model is needed and there is none. */
export function requireModel(settings: EnvironmentSettings, endpoint: ModelEndpoint | null): void {
  const { model } = settings;
  if (model === null || model.standIn !== null || endpoint !== null) return;
  throw new AppError(
    'sandbox_unavailable',
    `This environment asks the model ${model.name}, and this deployment has no provider. Set MODEL_API_URL and MODEL_API_KEY.`,
  );
}

export class Models {
  readonly #options: ModelsOptions;
  #participant: { proxy: ModelProxy; upstream: ModelUpstream } | null = null;

  constructor(options: ModelsOptions) {
    this.#options = options;
  }

  /** Opens the participant's socket, where the environment has a model. */
  async open(sandbox: Sandbox): Promise<void> {
    const { settings, clock, socketDir, stateDir, isRunning } = this.#options;
    if (settings.model === null) return;
    const upstream = this.#upstream(sandbox);
    const spentPath = join(stateDir, SPENT_FILE);
    const proxy = new ModelProxy({
      path: join(socketDir, MODEL_SOCKET_NAME),
      asker: 'participant',
      settings: settings.model,
      upstream,
      spentUsd: readSpent(spentPath),
      monoMs: () => clock.monoMs(),
      closedBecause: () => (isRunning() ? null : 'The clock does not run: nothing is answered while an attempt is paused or over.'),
      onCall: (call) => {
        this.#record(call);
        replaceFileSync(spentPath, JSON.stringify({ spentUsd: proxy.spentUsd }), 0o600);
      },
    });
    await proxy.open();
    this.#participant = { proxy, upstream };
  }

  /**
   * Runs a score with a socket for it. `sandboxDir` is the host's folder of the sandbox, whose `assets` the scorer sees. A
   * provider that failed is the platform's fault: it throws `unavailable` then, whatever the scorer made of it.
   */
  async forScore<T>(sandbox: Sandbox, sandboxDir: string, run: (env: Record<string, string>) => Promise<T>): Promise<T> {
    const { settings, clock } = this.#options;
    if (settings.model === null) return run({});
    const upstream = this.#upstream(sandbox);
    const proxy = new ModelProxy({
      path: join(sandboxDir, 'assets', MODEL_SOCKET_NAME),
      asker: 'scorer',
      settings: settings.model,
      upstream,
      monoMs: () => clock.monoMs(),
      onCall: (call) => this.#record(call),
    });
    await proxy.open();
    try {
      const result = await run({ PLUMBLINE_MODEL_SOCKET: join(sandbox.paths.assets, MODEL_SOCKET_NAME) });
      if (proxy.providerFault !== null)
        throw new AppError('unavailable', `${proxy.providerFault} The score does not count; score again when it is back.`);
      return result;
    } finally {
      await proxy.close();
      upstream.close();
    }
  }

  async close(): Promise<void> {
    await this.#participant?.proxy.close();
    this.#participant?.upstream.close();
    this.#participant = null;
  }

  #upstream(sandbox: Sandbox): ModelUpstream {
    const { settings, endpoint } = this.#options;
    const standIn = settings.model?.standIn ?? null;
    if (standIn !== null) return standInUpstream(sandbox.command('scorer', ['python3', '-I', '-B', join(sandbox.paths.root, standIn)]));
    requireModel(settings, endpoint);
    return endpointUpstream(endpoint as ModelEndpoint);
  }

  #record(call: ModelCall): void {
    this.#options.log.event('model.call', 0, { ...call, request: kept(call.request), response: kept(call.response) });
  }
}

function readSpent(path: string): number {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { spentUsd: number }).spentUsd;
  } catch {
    return 0;
  }
}

function kept(value: unknown): unknown {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '');
  return bytes <= KEPT_BYTES ? value : { omittedBytes: bytes };
}
