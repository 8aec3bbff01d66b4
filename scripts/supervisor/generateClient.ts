/**
 * Generates the Prisma client into packages/database/generated when the schema changed. Generating needs no engine, but Prisma
 * looks for one and would download it; any existing program satisfies it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './runProgram.ts';

/** Returns true when it generated. Throws when Prisma refuses the schema; its output was shown. */
export async function generateClient(root: string, signal?: AbortSignal): Promise<boolean> {
  const folder = join(root, 'packages/database/generated');
  const stamp = join(folder, 'stamp');
  const version = readFileSync(join(root, 'node_modules/prisma/package.json'));
  const wanted = createHash('sha256')
    .update(version)
    .update(readFileSync(join(root, 'prisma/schema.prisma')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return false;
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
  await runProgram(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
    cwd: root,
    env,
    signal,
    quiet: true,
  });
  writeFileSync(stamp, wanted);
  return true;
}
