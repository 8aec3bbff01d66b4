import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectThisHost, isolationNamed, layAssets, localPlacement } from '@plumbline/sandbox';
import { serveHost } from '@plumbline/sandbox/placement/agent/hostServer';

/**
 * What the platform talks to on a host that it reaches over SSH: `node hostAgent.ts DATA_DIR`, requests on standard input.
 * It keeps nothing in memory and may end at any moment; runners that it started go on.
 */

const DIAL_TIMEOUT_MS = 15_000;

const [, , dataDir] = process.argv;
if (dataDir === undefined) throw new Error('Usage: hostAgent.ts DATA_DIR');

const placement = localPlacement({
  runnerEntry: join(dirname(fileURLToPath(import.meta.url)), 'main.ts'),
  runnersDir: join(dataDir, 'runners'),
  imageDir: join(dataDir, 'images'),
  assetsDir: join(dataDir, 'assets'),
});

/** Opens the socket that a runner opens, and says nothing. */
async function dial(gatewayUrl: string): Promise<string | null> {
  const socket = new WebSocket(gatewayUrl);
  const problem = await new Promise<string | null>((resolve) => {
    const timer = setTimeout(() => resolve(`${gatewayUrl} did not answer within ${DIAL_TIMEOUT_MS / 1000} s.`), DIAL_TIMEOUT_MS);
    socket.addEventListener('open', () => resolve(null));
    socket.addEventListener('error', (event) => {
      const { message } = event as { message?: string };
      resolve(`${gatewayUrl} cannot be dialled from the host${message ? `: ${message}` : ''}.`);
    });
    socket.addEventListener('close', () => clearTimeout(timer));
  });
  socket.close();
  return problem;
}

await serveHost(
  {
    start: async (request) => ({ ...(await placement.start(request)), placement: 'local' }),
    status: ({ handle }) => placement.status(handle),
    stop: async ({ handle }) => {
      await placement.stop(handle);
      return {};
    },
    find: async ({ attemptId }) => {
      const handle = await placement.find(attemptId);
      return handle === null ? null : { ...handle, placement: 'local' };
    },
    list: async () => (await placement.list()).map((handle) => ({ ...handle, placement: 'local' as const })),
    remove: async ({ attemptId }) => {
      await placement.remove(attemptId);
      return {};
    },
    clock: async () => ({ nowMs: performance.timeOrigin + performance.now() }),
    inspect: ({ isolation, docker }) =>
      inspectThisHost({
        dataDir,
        isolation: isolationNamed(isolation, docker),
        measuresDisk: true,
      }),
    warm: async ({ assets }) => {
      await layAssets(assets, { dir: join(dataDir, 'assets') });
      return {};
    },
    dial: async ({ gatewayUrl }) => ({ problem: await dial(gatewayUrl) }),
  },
  process.stdin,
  process.stdout,
);
process.exit(0);
