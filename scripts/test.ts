/**
 * `npm test`: installs what it needs, then runs every stage to its end and adds up what passed and failed. A stage that breaks
 * without saying which test failed counts as a failure of its own. The last line is the sum.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { generateClient } from './supervisor/generateClient.ts';
import { ensureSystemPackages, ensureUserNamespaces, requirementsOf, TEST_REQUIREMENTS } from './supervisor/systemPackages.ts';
import { type Counts, countChecks, countPlaywright, countVitest } from './supervisor/testReports.ts';

const root = join(import.meta.dirname, '..');
// Not in test-results/, which Playwright empties.
const reports = join(root, 'test-reports');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

/** Over twice what the slowest stage takes on two cores: one that hangs must still end with a report. */
const STAGE_LIMIT_MS = 40 * 60_000;
/** For what it started to be stopped in order. */
const STAGE_PATIENCE_MS = 20_000;

interface Stage {
  name: string;
  command: string[];
  env?: NodeJS.ProcessEnv;
  report: string;
  count(report: unknown): Counts;
}

function vitest(name: string, project: string, ...options: string[]): Stage {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const command = [bin('vitest'), 'run', '--project', project, ...reporters, ...options];
  return { name, command, report, count: countVitest };
}

function stages(): Stage[] {
  const checks = join(reports, 'check.json');
  const all: Stage[] = [
    { name: 'check', command: [process.execPath, join(root, 'scripts/check.ts'), '--json', checks], report: checks, count: countChecks },
    vitest('unit', 'unit'),
    // They wait for a fifth of their time, for a link to be missed or a limit to pass, and three at once fill two cores.
    vitest('integration', 'integration', '--maxWorkers=3'),
  ];
  const journeys = join(root, 'e2e/playwright.config.ts');
  if (existsSync(journeys)) {
    const report = join(reports, 'journeys.json');
    const command = [bin('playwright'), 'test', '-c', journeys, '--reporter=list,json'];
    all.push({ name: 'journeys and chaos', command, env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report }, report, count: countPlaywright });
  }
  return all;
}

let running: ChildProcess | undefined;
function endRunning(signal: NodeJS.Signals): void {
  try {
    if (running?.pid) process.kill(-running.pid, signal);
  } catch {
    // It ended by itself in this moment.
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    endRunning('SIGTERM');
    process.exit(1);
  });
}

/** Null when the program ran to its end with status 0; otherwise how it ended. */
function run({ command, env }: Stage): Promise<string | null> {
  const [file = '', ...args] = command;
  // A group of its own: whatever hangs in it is ended with it.
  const child = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  running = child;
  return new Promise((done) => {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      endRunning('SIGTERM');
      setTimeout(() => endRunning('SIGKILL'), STAGE_PATIENCE_MS).unref();
    }, STAGE_LIMIT_MS);
    const end = (how: string | null) => {
      clearTimeout(limit);
      running = undefined;
      done(late ? `it did not end within ${STAGE_LIMIT_MS / 60_000} minutes` : how);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(code === 0 ? null : signal ? `ended by ${signal}` : `status ${code}`));
  });
}

async function runStage(stage: Stage): Promise<Counts> {
  console.log(`\n== ${stage.name}`);
  const ended = await run(stage);
  let counts: Counts;
  try {
    counts = stage.count(JSON.parse(readFileSync(stage.report, 'utf8')));
  } catch {
    counts = { passed: 0, failed: 0, failures: [`${stage.name} left no report (${ended ?? 'it ended well'})`] };
    return { ...counts, failed: 1 };
  }
  if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, failures: [`${stage.name} ran no test`] };
  if (ended && counts.failed === 0) return { ...counts, failed: 1, failures: [`${stage.name} broke although its tests passed: ${ended}`] };
  return counts;
}

const startedMs = performance.now();
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
const results: { name: string; seconds: number; counts: Counts }[] = [];
async function measure(name: string, work: () => Promise<Counts>): Promise<void> {
  const beganMs = performance.now();
  const counts = await work();
  results.push({ name, seconds: Math.round((performance.now() - beganMs) / 1000), counts });
}

await measure('preparation', async () => {
  try {
    ensureSystemPackages([...requirementsOf('bubblewrap'), ...TEST_REQUIREMENTS]);
    ensureUserNamespaces();
    await generateClient(root);
    return { passed: 0, failed: 0, failures: [] };
  } catch (error) {
    return { passed: 0, failed: 1, failures: [(error as Error).message] };
  }
});
for (const stage of stages()) await measure(stage.name, () => runStage(stage));

console.log('\n== summary');
for (const { name, seconds, counts } of results) {
  console.log(`${counts.failed === 0 ? '✓' : '✗'} ${name}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)`);
  for (const failure of counts.failures) console.log(`    ${failure}`);
}
console.log(`In ${Math.round((performance.now() - startedMs) / 1000)} s. Reports are in test-reports/ and test-results/.`);
const sum = (of: 'passed' | 'failed') => results.reduce((total, { counts }) => total + counts[of], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
