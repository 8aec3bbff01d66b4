/**
 * `npm test`: installs what it needs, then runs every stage to its end and adds up what passed and failed. A stage that breaks
 * without saying which test failed counts as a failure of its own. The last line is the sum. With `--all` the tests of other
 * machines and of RE-Bench's families too, which need more packages and half as long again.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { generateClient } from './supervisor/generateClient.ts';
import { ensureSystemPackages, ensureUserNamespaces, requirementsOf, testRequirements } from './supervisor/systemPackages.ts';
import type { Counts } from './supervisor/testReports.ts';
import { type Lane, reports, root, type Stage, stages } from './supervisor/testStages.ts';

/** Over twice what the slowest stage takes on two cores: one that hangs must still end with a report. */
const STAGE_LIMIT_MS = 40 * 60_000;
/** For what it started to be stopped in order. */
const STAGE_PATIENCE_MS = 20_000;

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

/**
 * Null when the program ran to its end with status 0; otherwise how it ended.
 *
 * @param printsAtOnce False where another one does: then what it prints comes whole, when it ends.
 */
function run({ command, env }: Stage, printsAtOnce: boolean): Promise<string | null> {
  const [file = '', ...args] = command;
  // A group of its own: whatever hangs in it is ended with it.
  const stdio: StdioOptions = ['ignore', printsAtOnce ? 'inherit' : 'pipe', printsAtOnce ? 'inherit' : 'pipe'];
  const child = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio, detached: true });
  running.add(child);
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => printed.push(chunk));
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
      process.stdout.write(Buffer.concat(printed));
      done(late ? `it did not end within ${STAGE_LIMIT_MS / 60_000} minutes` : how);
    };
    child.once('error', (error) => ended(error.message));
    child.once('close', (code, signal) => ended(code === 0 ? null : signal ? `ended by ${signal}` : `status ${code}`));
  });
}

async function runStage(stage: Stage, printsAtOnce: boolean): Promise<Counts> {
  const ended = await run(stage, printsAtOnce);
  let counts: Counts;
  try {
    counts = stage.count(JSON.parse(readFileSync(stage.report, 'utf8')));
  } catch {
    return { passed: 0, failed: 1, failures: [`${stage.name} left no report (${ended ?? 'it ended well'})`] };
  }
  if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, failures: [`${stage.name} ran no test`] };
  if (ended && counts.failed === 0) return { ...counts, failed: 1, failures: [`${stage.name} broke although its tests passed: ${ended}`] };
  return counts;
}

const { all } = parseArgs({ options: { all: { type: 'boolean', default: false } } }).values;
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
    ensureSystemPackages([...requirementsOf('bubblewrap'), ...testRequirements(all)]);
    ensureUserNamespaces();
    await generateClient(root);
    return { passed: 0, failed: 0, failures: [] };
  } catch (error) {
    return { passed: 0, failed: 1, failures: [(error as Error).message] };
  }
});
async function runLane(lane: Lane, printsAtOnce: boolean): Promise<void> {
  for (const stage of lane) await measure(stage.name, () => runStage(stage, printsAtOnce));
}
for (const row of stages(all)) {
  console.log(`\n== ${row.map((lane) => lane.map(({ name }) => name).join(' and ')).join(', beside ')}`);
  await Promise.all(row.map((lane, n) => runLane(lane, n === 0)));
}

console.log('\n== summary');
for (const { name, seconds, counts } of results) {
  console.log(`${counts.failed === 0 ? '✓' : '✗'} ${name}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)`);
  for (const failure of counts.failures) console.log(`    ${failure}`);
}
console.log(`In ${Math.round((performance.now() - startedMs) / 1000)} s. Reports are in test-reports/ and test-results/.`);
if (!all) console.log('Docker, Slurm, hosts over SSH and the families of RE-Bench are tested by: npm test -- --all');
const sum = (of: 'passed' | 'failed') => results.reduce((total, { counts }) => total + counts[of], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
