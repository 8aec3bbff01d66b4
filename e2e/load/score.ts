import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFamilySandbox, isolationNamed, openWorkspace } from '@plumbline/sandbox';
import { askFacts, createBareHost, loadFamily, runScore, runTaskOperation, startFamily } from '@plumbline/taskstandard';
import { latencyOf, latencyRatio, rounded } from './summary.ts';

const FAMILY = fileURLToPath(new URL('../../environments/practice', import.meta.url));
const TASK = 'main';
const SAMPLES = 20;
/** What a score in a sandbox should stay under, over the family's own Python. */
const OVERHEAD_LIMIT_MS = 150;

/** The family's method in a plain interpreter of its own: what there is without a platform. */
const DIRECT = `
import sys
sys.path.insert(0, sys.argv[1])
import practice
print(practice.TaskFamily.intermediate_score({})["score"])
`;

/**
 * A score in a sandbox against the family's own Python called directly, turn by turn on the same machine. `scorer` is the operation in
 * the scorer's view; `whole` is it with the submission captured before and compared after, as an attempt has it.
 */
export async function benchScore(): Promise<Record<string, unknown>> {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
  chmodSync(dir, 0o711);
  const family = loadFamily(FAMILY);
  const task = family.tasks[TASK];
  if (task === undefined) throw new Error(`the family has no task ${TASK}`);
  const bare = await createBareHost(FAMILY);
  const options = {
    isolation: isolationNamed('bubblewrap', null),
    imageDir: join(dir, 'images'),
    assetsDir: join(dir, 'assets'),
    secrets: {},
  };
  const place = await createFamilySandbox(family, task, options);
  const files = await openWorkspace(place.sandbox);
  const times = { direct: [] as number[], scorer: [] as number[], whole: [] as number[] };
  const faults: string[] = [];
  try {
    const facts = await askFacts(place.exec, family, place.root, TASK, {});
    await startFamily(place.exec, { family, name: TASK, facts }, place.root, {});
    await runTaskOperation(
      bare.exec,
      'start',
      { familyDir: bare.root, module: family.module, task: TASK },
      { timeoutMs: 60_000, python: bare.python },
    );
    const env = {
      PATH: '/usr/bin:/bin',
      LANG: 'C.UTF-8',
      PLUMBLINE_HOME: bare.home,
      PLUMBLINE_ROOT: bare.root,
      PLUMBLINE_PROTECTED: bare.protected,
    };
    const direct = async () => {
      const { stdout } = await promisify(execFile)(bare.python, ['-B', '-c', DIRECT, bare.root], { env });
      return Number(stdout);
    };
    const scorer = async () => {
      const args = { familyDir: place.root, module: family.module, task: TASK };
      return (await runScore(place.exec, 'intermediate', args, { timeoutMs: 60_000 })).score;
    };
    const whole = async () => {
      const { paths, maxGb } = task.settings.submission;
      const capture = await files.capture(paths, { maxBytes: maxGb * 1e9 });
      const score = await scorer();
      if ((await files.hashTree(paths)).hash !== capture.hash) faults.push('the submission changed while it was scored');
      return score;
    };
    const wanted = await direct();
    for (let n = 0; n < SAMPLES; n++) {
      for (const [name, run] of [
        ['direct', direct],
        ['scorer', scorer],
        ['whole', whole],
      ] as const) {
        const begun = performance.now();
        const score = await run();
        times[name].push(performance.now() - begun);
        if (score !== wanted) faults.push(`${name} gave ${score} instead of ${wanted}`);
      }
    }
  } finally {
    await files.close();
    await place.destroy();
    await bare.destroy();
    rmSync(dir, { recursive: true, force: true });
  }
  const [direct, scorer, whole] = [latencyOf(times.direct), latencyOf(times.scorer), latencyOf(times.whole)];
  return {
    bench: 'score',
    direct,
    scorer,
    whole,
    ratio: latencyRatio(scorer, direct),
    overheadMs: rounded(scorer.medianMs - direct.medianMs),
    wholeOverheadMs: rounded(whole.medianMs - direct.medianMs),
    overheadLimitMs: OVERHEAD_LIMIT_MS,
    faults,
  };
}
