import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerEnvironment } from '@plumbline/sandbox/host/hostEnvironment';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
export const PRACTICE = join(REPOSITORY, 'environments/practice');

/**
 * For tests: a gateway and a runner with a real sandbox of the practice task, each a process of its own. `dir` has all that they keep.
 */
export class RealSandbox {
  readonly #processes: ChildProcess[];

  constructor(given: {
    dir: string;
    databaseUrl: string;
    origin: string;
    gatewayPort: number;
    attemptId: string;
    token: string;
  }) {
    const { dir, databaseUrl, origin, gatewayPort, attemptId, token } = given;
    const env = {
      ...runnerEnvironment(),
      DATABASE_URL: databaseUrl,
      PLUMBLINE_DATA_DIR: join(dir, 'data'),
      GATEWAY_PORT: String(gatewayPort),
      PUBLIC_URL: origin,
      LOG_LEVEL: 'error',
    };
    const gateway = spawn(process.execPath, [join(REPOSITORY, 'apps/gateway/src/main.ts')], { env, stdio: ['ignore', 2, 2] });
    const runner = spawn(process.execPath, [join(REPOSITORY, 'apps/runner/src/main.ts')], {
      env: runnerEnvironment(),
      stdio: ['pipe', 'ignore', 2],
    });
    this.#processes = [gateway, runner];
    const boot = {
      attemptId,
      token,
      gatewayUrl: `ws://127.0.0.1:${gatewayPort}/realtime/runner`,
      stateDir: join(dir, 'runner'),
      imageDir: join(dir, 'images'),
      assetsDir: join(dir, 'assets'),
      familyDir: PRACTICE,
      task: 'main',
      isolation: 'bubblewrap',
      docker: null,
      memoryBytes: 1024 ** 3,
      diskBytes: null,
      maxProcesses: 256,
      cpus: null,
      gpuIds: [],
      restore: null,
      setup: null,
      secrets: {},
    };
    runner.stdin?.end(JSON.stringify(boot));
  }

  /** Ends the runner, then the gateway. */
  async stop(): Promise<void> {
    for (const child of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  }
}
