import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PlatformUnderTest } from './platform.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Runs `plumb` on an installation's host; answers its exit code and all that it printed. */
export function plumb(platform: PlatformUnderTest, ...args: string[]): Promise<{ code: number; output: string }> {
  return promisify(execFile)(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'apps/cli/src/main.ts'), ...args], {
    env: { ...process.env, PLUMBLINE_DATA_DIR: platform.dataDir, DATABASE_URL: platform.databaseUrl },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, output: error.stdout + error.stderr }),
  );
}
