import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BareHost, bareHostPython, createBareHost } from './bareHost.ts';
import { loadFamily } from './family.ts';
import { withFamilyModel } from './models/familyModel.ts';
import { runScore, type ScoreOutcome } from './scoring.ts';
import { runTaskOperation } from './taskHost.ts';

/** What the tests of our own environments share: a family installed and started on the bare host, and scored again and again. */

const python = bareHostPython();
/** Assets for the scorer alone. In the repository, because a confined child has an empty /tmp anyhow. */
const scorerData = fileURLToPath(new URL('../fixtures/scorer_data', import.meta.url));

export interface Bench {
  host: BareHost;
  /** Files that the scorer alone may see, each with something in it. */
  hidden: string[];
  score(): Promise<ScoreOutcome>;
  /** Puts the participant's file in place and scores it. */
  scoreOf(source: string): Promise<ScoreOutcome>;
  /** Runs a Python program of the workspace as its participant would, with the environment's model. */
  run(program: string): Promise<string>;
  /** Runs Python beside the family's modules, as its scorer would, and answers the JSON that it prints. */
  python(source: string): Promise<unknown>;
}

interface BenchOptions {
  envDir?: string;
  /** What stands in the family's module, and what does in this copy of it instead. */
  instead?: [from: string, to: string];
}

export async function bench(dir: string, task: string, file: string, { envDir, instead }: BenchOptions = {}): Promise<Bench> {
  const family = loadFamily(dir);
  const assets = { everyone: null, scorer: scorerData };
  const host = await createBareHost(dir, { assets, ...(envDir === undefined ? {} : { envDir }) });
  if (instead !== undefined) replaceIn(join(host.root, `${family.module}.py`), ...instead);
  const args = { familyDir: host.root, module: family.module, task };
  for (const op of ['install', 'start'] as const) {
    const done = await runTaskOperation(host.exec, op, args, { timeoutMs: 300_000, python });
    if (!done.ok) throw new Error(`${op}: ${done.failure.message}`);
  }
  const settings = family.tasks[task]?.settings;
  if (settings === undefined) throw new Error(`no task ${task}`);
  const score = () =>
    withFamilyModel(host, settings, null, (env) => runScore(host.exec, 'intermediate', args, { timeoutMs: 120_000, python, env }));
  return {
    host,
    hidden: [join(host.root, 'assets/confined.py'), join(host.root, 'assets/score.py'), join(scorerData, 'heldout.txt')],
    score,
    scoreOf(source) {
      writeFileSync(join(host.home, file), source);
      return score();
    },
    run: (program) =>
      withFamilyModel(host, settings, null, async (env) => {
        const options = { input: Buffer.from(''), timeoutMs: 280_000, maxOutputBytes: 1e6, cwd: host.home, env };
        const done = await host.exec([python, program], options);
        if (done.exitCode !== 0) throw new Error(done.stderr.toString());
        return done.stdout.toString();
      }),
    async python(source) {
      const argv = [python, '-c', `import sys; sys.path.insert(0, ".")\n${source}`];
      // Some score one submission after the other here, each in a process that loads PyTorch.
      const done = await host.exec(argv, { input: Buffer.from(''), timeoutMs: 280_000, maxOutputBytes: 1e6, cwd: host.root });
      if (done.exitCode !== 0) throw new Error(done.stderr.toString());
      return JSON.parse(done.stdout.toString());
    },
  };
}

function replaceIn(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
}
