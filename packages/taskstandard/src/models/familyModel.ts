import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { AppError } from '@plumbline/core';
import type { FamilyHost } from '../familyHost.ts';
import type { EnvironmentSettings } from '../settings.ts';
import { ModelProxy } from './modelProxy.ts';
import { endpointUpstream, type ModelEndpoint, standInUpstream } from './modelUpstream.ts';

const SOCKET_NAME = 'model.sock';

/**
 * Runs `score` outside an attempt with the scorer's socket, where the environment has a model. Throws `unavailable` where it
 * has one and there is nobody to ask, or where the provider failed meanwhile.
 */
export async function withFamilyModel<T>(
  host: FamilyHost,
  { model }: EnvironmentSettings,
  endpoint: ModelEndpoint | null | undefined,
  score: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  if (model === null) return score({});
  if (model.standIn === null && !endpoint)
    throw new AppError('unavailable', `This environment asks the model ${model.name}. Set MODEL_API_URL and MODEL_API_KEY.`);
  const upstream =
    model.standIn === null
      ? endpointUpstream(endpoint as ModelEndpoint)
      : standInUpstream(host.command([host.python, '-I', '-B', join(host.root, model.standIn)]));
  const { here, there } = host.socketDir;
  const proxy = new ModelProxy({
    path: join(here, SOCKET_NAME),
    asker: 'scorer',
    settings: model,
    upstream,
    monoMs: () => performance.now(),
  });
  await proxy.open();
  try {
    const result = await score({ PLUMBLINE_MODEL_SOCKET: join(there, SOCKET_NAME) });
    if (proxy.providerFault !== null) throw new AppError('unavailable', proxy.providerFault);
    return result;
  } finally {
    await proxy.close();
    upstream.close();
  }
}
