/** What `npm test` runs: each stage a program with a report of its own. */
import { join } from 'node:path';
import { type Counts, countChecks, countPlaywright, countVitest } from './testReports.ts';

export const root = join(import.meta.dirname, '../..');
// Not in test-results/, which Playwright empties.
export const reports = join(root, 'test-reports');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

export interface Stage {
  name: string;
  command: string[];
  env?: NodeJS.ProcessEnv;
  report: string;
  count(report: unknown): Counts;
}

/** What the short run leaves out of the integration tests: those that need a container engine, a cluster or a host over SSH, or train and compile for minutes. */
const MACHINES_AND_FAMILIES = [
  'packages/sandbox/src/isolation/docker/*',
  'packages/sandbox/src/placement/{slurm,ssh}/*',
  'packages/taskstandard/src/{fixEmbedding,gpt2RlQa,optimizeLlmFoundry,restrictedMlm,rustCodecontests,scalingLaw}.*',
  'apps/runner/src/{familiesOnDocker,familyTrials}.*',
  'apps/gateway/src/lostJob.*',
  'apps/cli/src/host.*',
];

function vitest(name: string, project: string, ...options: string[]): Stage {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const command = [bin('vitest'), 'run', '--project', project, ...reporters, ...options];
  return { name, command, report, count: countVitest };
}

function playwright(name: string, ...projects: string[]): Stage {
  const report = join(reports, `${projects[0]}.json`);
  const chosen = projects.flatMap((project) => ['--project', project]);
  // Each has a folder of its own for its traces, which Playwright empties at the start.
  const output = ['--output', join(root, 'test-results', projects[0] as string)];
  const command = [bin('playwright'), 'test', '-c', join(root, 'e2e/playwright.config.ts'), '--reporter=list,json', ...chosen, ...output];
  return { name, command, env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report }, report, count: countPlaywright };
}

/**
 * A stage in a network of its own, which root may make, where it takes the ports that a stage beside it has too: one build of the pages
 * serves both.
 */
function inOwnNetwork(stage: Stage): Stage {
  return { ...stage, command: ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...stage.command] };
}

/** One after the other. */
export type Lane = Stage[];

/**
 * Rows in the order in which they run; the lanes of a row run at once.
 * @param all With the tests of machines and families: see docs/adr/0032-two-lengths-of-the-tests.md.
 */
export function stages(all: boolean): Lane[][] {
  const checks = join(reports, 'check.json');
  const check = {
    name: 'check',
    command: [process.execPath, join(root, 'scripts/check.ts'), '--json', checks],
    report: checks,
    count: countChecks,
  };
  const leftOut = all ? [] : MACHINES_AND_FAMILIES.flatMap((files) => ['--exclude', files]);
  // Each waits for a third of its time and more, for the answers of what it asks: so they run beside one another where they can.
  const journeys = playwright('journeys and hostile clients', 'journeys', 'hostile');
  const workspace = playwright('workspace', 'workspace');
  return [
    // Starting waits for what it starts and stops. It builds the pages that all later ones use.
    [[check, vitest('unit', 'unit')], [playwright('start', 'start')]],
    [
      // They wait for a fifth of their time, for a link to be missed or a limit to pass: three at once fill two cores.
      [vitest('integration', 'integration', '--maxWorkers=3', ...leftOut)],
      // They wait for two thirds of theirs, for what was killed or queued to come back.
      [all ? playwright('chaos, placement and environments', 'chaos', 'placement', 'environments') : playwright('chaos', 'chaos')],
    ],
    process.getuid?.() === 0 ? [[journeys], [inOwnNetwork(workspace)]] : [[journeys, workspace]],
    ...(all ? [[[playwright('timed scores', 'timed')]]] : []),
  ];
}
