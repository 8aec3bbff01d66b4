/**
 * Runs an installation: prepares it, keeps PostgreSQL, web, gateway and worker running, and ends everything in order.
 * Started by `npm start` and, with --dev, by `npm run dev`. It alone takes signals; its children lead sessions of their own.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { loadSettings, SettingsError } from '@plumbline/config';
import { Platform } from './supervisor/platform.ts';

const root = join(import.meta.dirname, '..');
const development = process.argv.includes('--dev');

function environment(): NodeJS.ProcessEnv {
  const file = join(root, '.env');
  const fromFile = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return { ...fromFile, ...process.env, NODE_ENV: development ? 'development' : 'production' };
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
if (process.channel) {
  // The process that started this one was killed: nobody is left to press Ctrl-C.
  process.on('disconnect', () => stop.abort());
  process.channel.unref();
}

async function run(): Promise<number> {
  const env = environment();
  const settings = loadSettings(env);
  mkdirSync(settings.dirs.logs, { recursive: true, mode: 0o700 });
  mkdirSync(settings.dirs.keys, { recursive: true, mode: 0o700 });
  const platform = new Platform({ root, settings, env, development, signal: stop.signal });
  await platform.claim();
  try {
    await platform.start();
    await platform.untilStopped();
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    await platform.stop();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  if (!(error instanceof SettingsError) && process.env.LOG_LEVEL === 'debug') console.error(error);
  process.exitCode = 1;
}
// Whatever still holds the event loop, a connection or a timer, is not worth keeping the terminal for.
process.exit();
