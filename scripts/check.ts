/**
 * `npm run check`: lint and format, types, boundaries, unused code. All run to the end, so that one look shows everything.
 * With --json FILE the outcome of each is also written there.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateClient } from './supervisor/generateClient.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Check {
  name: string;
  command: string[];
}

const CHECKS: Check[] = [
  { name: 'lint and format', command: [bin('biome'), 'check', '--max-diagnostics=50', '.'] },
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  { name: 'types of the pages', command: [bin('tsc'), '-p', 'apps/web'] },
  { name: 'types of the design system', command: [bin('tsc'), '-p', 'packages/ui'] },
  { name: 'boundaries', command: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'packages', 'apps', 'scripts', 'prisma'] },
  { name: 'unused code', command: [bin('knip'), '--no-progress', '--no-config-hints'] },
];

/** Two at a time: what continuous integration has. */
const PARALLEL = 2;

export interface CheckOutcome {
  name: string;
  passed: boolean;
  seconds: number;
}

function runCheck({ name, command }: Check): Promise<CheckOutcome & { output: string }> {
  const startedMs = performance.now();
  return new Promise((done) => {
    const [file = '', ...args] = command;
    const child = spawn(file, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    });
    const output: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => output.push(bytes));
    const finish = (passed: boolean, more = '') => {
      const seconds = (performance.now() - startedMs) / 1000;
      done({ name, passed, seconds, output: Buffer.concat(output).toString() + more });
    };
    child.once('error', (error) => finish(false, error.message));
    child.once('close', (code) => finish(code === 0));
  });
}

await generateClient(root);
const waiting = CHECKS.filter(({ command }) => command[1] !== '-p' || existsSync(join(root, command[2] ?? '')));
const outcomes: CheckOutcome[] = [];
async function work(): Promise<void> {
  for (let check = waiting.shift(); check; check = waiting.shift()) {
    const { output, ...outcome } = await runCheck(check);
    outcomes.push(outcome);
    console.log(`${outcome.passed ? '✓' : '✗'} ${outcome.name} (${outcome.seconds.toFixed(1)} s)`);
    if (!outcome.passed) console.log(output.trimEnd());
  }
}
await Promise.all(Array.from({ length: PARALLEL }, work));

const jsonAt = process.argv.indexOf('--json');
if (jsonAt > 0) writeFileSync(process.argv[jsonAt + 1] as string, JSON.stringify(outcomes));
process.exitCode = outcomes.every((outcome) => outcome.passed) ? 0 : 1;
