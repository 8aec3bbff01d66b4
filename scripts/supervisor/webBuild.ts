/**
 * Builds the pages when something they are made of changed. Turborepo says what that is: it hashes `apps/web` with every package
 * below it. The gateway's port is part of a build, so each port has a folder and a stamp of its own.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_GATEWAY_PORT } from '@plumbline/config';
import { runProgram } from './runProgram.ts';

const TURBO = ['run', 'build', '--filter=@plumbline/web', '--no-update-notifier'];

function environment(gatewayPort: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GATEWAY_PORT: String(gatewayPort),
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  };
}

/** The folder of the build for a gateway's port, as `apps/web/next.config.ts` names it. */
export function buildFolder(root: string, gatewayPort: number): string {
  return join(root, 'apps/web', gatewayPort === DEFAULT_GATEWAY_PORT ? '.next' : `.next-${gatewayPort}`);
}

/** Returns true when it built. Throws when the build fails; its output was shown. */
export async function buildWeb(root: string, gatewayPort: number, signal?: AbortSignal): Promise<boolean> {
  const env = environment(gatewayPort);
  const turbo = join(root, 'node_modules/.bin/turbo');
  const plan = JSON.parse(await runProgram(turbo, [...TURBO, '--dry=json'], { cwd: root, env, signal, quiet: true }));
  const hash: string = plan.tasks.find((task: { taskId: string }) => task.taskId === '@plumbline/web#build').hash;
  const folder = buildFolder(root, gatewayPort);
  const stamp = join(folder, 'plumbline-build');
  if (existsSync(join(folder, 'BUILD_ID')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  console.log('Building the pages …');
  await runProgram(turbo, [...TURBO, '--output-logs=errors-only', '--ui=stream'], { cwd: root, env, signal });
  writeFileSync(stamp, hash);
  return true;
}
