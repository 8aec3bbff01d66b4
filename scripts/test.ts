/**
 * `npm test`: installs what it needs, then runs every stage to its end and adds up what passed and failed. A stage that breaks
 * without saying which test failed counts as a failure of its own. The last line is the sum.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { generateClient } from './supervisor/generateClient.ts';
import { ensureSystemPackages, ensureUserNamespaces, requirementsOf, TEST_REQUIREMENTS } from './supervisor/systemPackages.ts';
import { type Counts, countChecks, countPlaywright, countVitest } from './supervisor/testReports.ts';

const root = join(import.meta.dirname, '..');
// Not in test-results/, which Playwright empties.
const reports = join(root, 'test-reports');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

/** Well over what the slowest stage takes on two cores: one that hangs must still end with a report. */
const STAGE_LIMIT_MS = 40 * 60_000;
/** For what it started to be stopped in order. */
const STAGE_PATIENCE_MS = 20_000;
/** A third of an ordinary process's share. */
const BACKGROUND_NICENESS = 5;

interface Stage {
  name: string;
  command: string[];
  /** Beside another stage: it takes what that leaves of the processors, and prints what it said when it has ended. */
  inBackground?: boolean;
  env?: NodeJS.ProcessEnv;
  report: string;
  count(report: unknown): Counts;
}

function vitest(project: string): Stage {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return { name: project, command: [bin('vitest'), 'run', '--project', project, ...reporters], report, count: countVitest };
}

function check(): Stage {
  const report = join(reports, 'check.json');
  return { name: 'check', command: [process.execPath, join(root, 'scripts/check.ts'), '--json', report], report, count: countChecks };
}

/** `@timed` are those of which scores are times: they run where nothing else does. */
function journeys(name: string, report: string, ...options: string[]): Stage {
  const path = join(reports, `${report}.json`);
  const config = join(root, 'e2e/playwright.config.ts');
  const command = [
    bin('playwright'),
    'test',
    '-c',
    config,
    '--reporter=list,json',
    '--output',
    join(root, 'test-results', report),
    ...options,
  ];
  return { name, command, env: { PLAYWRIGHT_JSON_OUTPUT_NAME: path }, report: path, count: countPlaywright };
}

const running = new Set<ChildProcess>();
function end(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid) process.kill(-child.pid, signal);
  } catch {
    // It ended by itself in this moment.
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    for (const child of running) end(child, 'SIGTERM');
    process.exit(1);
  });
}

/** Null when the program ran to its end with status 0; otherwise how it ended. */
function run({ name, command, env, inBackground }: Stage): Promise<string | null> {
  const [file = '', ...args] = command;
  const saidPath = join(reports, `${name}.log`);
  const output = inBackground ? openSync(saidPath, 'w') : 'inherit';
  // A group of its own: whatever hangs in it is ended with it.
  const child = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', output, output], detached: true });
  running.add(child);
  if (inBackground && child.pid !== undefined) setPriority(child.pid, BACKGROUND_NICENESS);
  return new Promise((done) => {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      end(child, 'SIGTERM');
      setTimeout(() => end(child, 'SIGKILL'), STAGE_PATIENCE_MS).unref();
    }, STAGE_LIMIT_MS);
    const ended = (how: string | null) => {
      clearTimeout(limit);
      running.delete(child);
      if (typeof output === 'number') {
        closeSync(output);
        console.log(`\n== ${name}, meanwhile\n${readFileSync(saidPath, 'utf8')}`);
      }
      done(late ? `it did not end within ${STAGE_LIMIT_MS / 60_000} minutes` : how);
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(code === 0 ? null : signal ? `ended by ${signal}` : `status ${code}`));
  });
}

async function runStage(stage: Stage): Promise<Counts> {
  if (!stage.inBackground) console.log(`\n== ${stage.name}`);
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
const runStages = (...stages: Stage[]) => Promise.all(stages.map((stage) => measure(stage.name, () => runStage(stage))));
await runStages(check());
await runStages(vitest('unit'));
// Both wait much of their time, for shells, sandboxes and pages: beside each other they fill two cores, one after the other they do
// not. People's acts have limits that are shorter than those of the integration tests, which so take what is left.
const untimed = journeys('journeys and chaos', 'journeys', '--grep-invert', '@timed');
await runStages(untimed, { ...vitest('integration'), inBackground: true });
await runStages(journeys('timed journeys', 'timed', '--grep', '@timed'));

console.log('\n== summary');
for (const { name, seconds, counts } of results) {
  console.log(`${counts.failed === 0 ? '✓' : '✗'} ${name}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)`);
  for (const failure of counts.failures) console.log(`    ${failure}`);
}
console.log(`In ${Math.round((performance.now() - startedMs) / 1000)} s. Reports are in test-reports/ and test-results/.`);
const sum = (of: 'passed' | 'failed') => results.reduce((total, { counts }) => total + counts[of], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
